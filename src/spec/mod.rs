//! Options turned into checked values, once. Past this point nothing can be malformed.

mod names;
mod subnet;
mod wanted;

pub use names::{Prefix, has_name_characters, is_plain_path, node_of_resource, valid_node_name};
pub use subnet::{FIRST_OFFSET, Subnet, mac};
pub use wanted::{Scope, Sharing, Wanted};

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// The most containers a set may have: what a /16 holds with room to spare.
pub const MOST_CONTAINERS: u32 = 60_000;
/// The address of lxc_autogen.sh, and so the first one tried here.
pub const DEFAULT_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 123, 1);

/// What the network does with packets to the outside (libvirt, formatnetwork.html#connectivity).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Forward {
    /// Masqueraded by firewall rules that libvirt adds.
    Nat,
    /// Forwarded by the kernel; libvirt adds no firewall rule.
    Open,
    /// Host and containers only; libvirt adds rules that keep others out.
    Isolated,
}

/// What a set's containers are to the cluster (Pacemaker Remote, "Guest nodes", "Remote nodes").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// Guest nodes: the cluster starts, watches and stops the containers.
    #[default]
    Guest,
    /// Remote nodes: the containers run on their own, and the cluster connects to them.
    Remote,
}

impl NodeKind {
    /// What is asked for, or what there is.
    pub fn wanted(wanted: &Wanted, saved: Option<&Spec>) -> NodeKind {
        let saved = saved.map(|spec| spec.kind);
        wanted.kind.or(saved).unwrap_or_default()
    }
}

impl std::fmt::Display for NodeKind {
    /// The field's name of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NodeKind::Guest => "guest node",
            NodeKind::Remote => "remote node",
        })
    }
}

/// How a container gets Pacemaker's authentication key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Authkey {
    /// The host's /etc/pacemaker, bound read-only.
    Bind,
    /// A copy in each container's own /etc/pacemaker.
    Copy,
}

/// What is wanted, complete and checked. It is kept in the state directory, so that later
/// commands need not be told again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Number of containers.
    pub containers: u32,
    /// What they are to the cluster.
    #[serde(default)]
    pub kind: NodeKind,
    /// Name prefix.
    pub prefix: Prefix,
    /// The subnet asked for, or `None` for the default and whatever is free after it.
    pub subnet: Option<Subnet>,
    /// Network forwarding.
    pub forward: Forward,
    /// Memory limit of a container, MiB.
    pub memory_mib: u32,
    /// Size of a container's /dev/shm, MiB.
    pub shm_mib: u32,
    /// Interval of the VirtualDomain monitor, seconds.
    pub monitor_s: u32,
    /// Another tree whose /usr the containers use.
    pub base: Option<PathBuf>,
    /// A pacemaker-remoted given by hand.
    pub remoted: Option<PathBuf>,
    /// How the key gets in.
    pub authkey: Authkey,
    /// Write names into /etc/hosts.
    pub hosts: bool,
    /// No preference for this node.
    pub anywhere: bool,
    /// Add the promotable clone.
    pub clone: bool,
    /// Leave CAP_SYS_ADMIN to the containers.
    pub allow_mounts: bool,
    /// The clone's primitive is PREFIX-ms, as until Pacemaker 2.0.4's lxc_autogen.sh: the test
    /// RemoteLXC waits for that name to its end.
    #[serde(default)]
    pub old_names: bool,
}

impl Spec {
    /// Completes what the command line says with what the set in the state directory has, or
    /// else with the defaults.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] for a value out of bounds, or one that an existing set
    /// cannot take any more.
    pub fn resolve(wanted: &Wanted, saved: Option<&Spec>) -> Result<Spec> {
        let wanted_subnet = wanted
            .network
            .as_deref()
            .map(|text| Subnet::parse(text, wanted.containers.unwrap_or(2)))
            .transpose()?;
        let spec = match saved {
            Some(saved) => {
                refuse_other_shape(wanted, saved)?;
                Spec {
                    containers: wanted.containers.unwrap_or(saved.containers),
                    hosts: saved.hosts || wanted.hosts,
                    anywhere: saved.anywhere || wanted.allow_anywhere,
                    clone: saved.clone || wanted.clone,
                    old_names: saved.old_names || (wanted.old_names && !saved.clone),
                    ..saved.clone()
                }
            }
            None => Spec {
                containers: wanted.containers.unwrap_or(2),
                kind: wanted.kind.unwrap_or_default(),
                prefix: Prefix::parse(wanted.prefix.as_deref().unwrap_or("lxc"))?,
                subnet: wanted_subnet,
                forward: wanted.forward.unwrap_or(Forward::Open),
                memory_mib: wanted.memory.unwrap_or(196),
                shm_mib: wanted.shm.unwrap_or(147),
                monitor_s: wanted
                    .monitor_interval
                    .unwrap_or_else(|| monitor_for(wanted.containers.unwrap_or(2))),
                base: absolute(wanted.base.as_ref())?,
                remoted: absolute(wanted.remoted.as_ref())?,
                authkey: wanted.authkey.unwrap_or(Authkey::Bind),
                hosts: wanted.hosts,
                anywhere: wanted.allow_anywhere,
                clone: wanted.clone,
                allow_mounts: wanted.allow_mounts,
                old_names: wanted.old_names,
            },
        };
        spec.check()?;
        Ok(spec)
    }

    fn check(&self) -> Result<()> {
        bounds("--containers", self.containers, 1, MOST_CONTAINERS, "")?;
        bounds("--memory", self.memory_mib, 16, 1 << 20, " MiB")?;
        bounds("--shm", self.shm_mib, 1, 1 << 20, " MiB")?;
        bounds("--monitor-interval", self.monitor_s, 1, 86_400, " s")?;
        if self.kind == NodeKind::Remote && self.anywhere {
            return Err(Error::usage(
                "remote nodes' containers run here and nowhere else: --allow-anywhere is for guest nodes",
            )
            .mend("leave out --allow-anywhere, or --kind remote"));
        }
        if let Some(subnet) = &self.subnet {
            subnet.check_holds(self.containers)?;
        }
        Ok(())
    }
}

/// 20 s as lxc_autogen.sh has it, and for many containers one monitor every 2 s in all: each is
/// two virsh calls. One a second in all took a tenth of a core while nothing else happened.
fn monitor_for(containers: u32) -> u32 {
    (2 * containers).clamp(20, 3600)
}

pub(crate) fn bounds(option: &str, value: u32, least: u32, most: u32, unit: &str) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{option} {value} is out of bounds: {least} to {most}{unit}"
    )))
}

fn absolute(path: Option<&PathBuf>) -> Result<Option<PathBuf>> {
    path.map(|p| std::path::absolute(p).map_err(|e| Error::io("find", p, e)))
        .transpose()
}

/// A set that exists has its names, addresses and files; only its number and its additions change.
/// Its network is compared with the one it got, where that is known.
fn refuse_other_shape(wanted: &Wanted, saved: &Spec) -> Result<()> {
    fn differs<T: PartialEq>(wanted: Option<T>, has: T) -> bool {
        wanted.is_some_and(|w| w != has)
    }
    let differing: Vec<&str> = [
        (
            "--prefix",
            differs(wanted.prefix.as_deref(), saved.prefix.as_str()),
        ),
        ("--kind", differs(wanted.kind, saved.kind)),
        ("--forward", differs(wanted.forward, saved.forward)),
        ("--memory", differs(wanted.memory, saved.memory_mib)),
        ("--shm", differs(wanted.shm, saved.shm_mib)),
        (
            "--monitor-interval",
            differs(wanted.monitor_interval, saved.monitor_s),
        ),
        ("--authkey", differs(wanted.authkey, saved.authkey)),
        (
            "--base",
            wanted.base.is_some() && absolute(wanted.base.as_ref())? != saved.base,
        ),
        (
            "--remoted",
            // From the environment it is a default, and no wish to change what there is.
            wanted.remoted.is_some()
                && wanted.remoted != std::env::var_os("LXC_AUTOGEN_REMOTED").map(PathBuf::from)
                && absolute(wanted.remoted.as_ref())? != saved.remoted,
        ),
        ("--allow-mounts", wanted.allow_mounts && !saved.allow_mounts),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect();
    if differing.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the containers in the state directory were made with another {}",
        differing.join(", ")
    ))
    .mend("leave the option out, run `lxc-autogen cleanup` first, or use another --state-dir and --prefix"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_comes_from_the_set_that_exists() {
        let first = Spec::resolve(
            &Wanted {
                containers: Some(8),
                memory: Some(64),
                clone: true,
                ..Wanted::default()
            },
            None,
        )
        .unwrap();
        let more = Wanted {
            containers: Some(12),
            ..Wanted::default()
        };
        let second = Spec::resolve(&more, Some(&first)).unwrap();
        assert_eq!(
            (second.containers, second.memory_mib, second.clone),
            (12, 64, true)
        );
        let other = Wanted {
            memory: Some(128),
            ..Wanted::default()
        };
        let e = Spec::resolve(&other, Some(&first)).unwrap_err();
        assert!(e.message().contains("--memory"), "{e}");
    }

    #[test]
    fn many_containers_are_monitored_less_often_unless_told() {
        let every = |containers, monitor_interval| Wanted {
            containers: Some(containers),
            monitor_interval,
            ..Wanted::default()
        };
        let seconds = |wanted: Wanted| Spec::resolve(&wanted, None).unwrap().monitor_s;
        assert_eq!(seconds(every(8, None)), 20);
        assert_eq!(seconds(every(200, None)), 400);
        assert_eq!(seconds(every(200, Some(5))), 5);
    }

    #[test]
    fn numbers_out_of_bounds_are_usage_errors() {
        for containers in [0, MOST_CONTAINERS + 1] {
            let wanted = Wanted {
                containers: Some(containers),
                ..Wanted::default()
            };
            let e = Spec::resolve(&wanted, None).unwrap_err();
            assert_eq!(e.kind, crate::error::Kind::Usage);
        }
    }
}
