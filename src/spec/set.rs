//! The complete and checked options of a set.

use super::{
    Authkey, Forward, MOST_CONTAINERS, NodeKind, Prefix, REMOTE_MEMORY_MIB, Subnet, Vms, Wanted,
    bounds,
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

impl NodeKind {
    /// The kind asked for, else that of the existing set, else the default.
    pub fn wanted(wanted: &Wanted, saved: Option<&Spec>) -> NodeKind {
        let saved = saved.map(|spec| spec.kind);
        wanted.kind.or(saved).unwrap_or_default()
    }
}

/// The complete and checked options of a set. They are kept in the state directory, so that later
/// commands need not be told them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Number of containers.
    pub containers: u32,
    /// Whether the containers are guest nodes or remote nodes.
    #[serde(default)]
    pub kind: NodeKind,
    /// What the machines are like where they are virtual machines and not containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vms: Option<Vms>,
    /// The prefix of all names.
    pub prefix: Prefix,
    /// The subnet asked for; `None` for the first free one, beginning with the default.
    pub subnet: Option<Subnet>,
    /// How the host forwards the network's packets.
    pub forward: Forward,
    /// Memory limit of each container in MiB.
    pub memory_mib: u32,
    /// Size of each container's /dev/shm in MiB.
    pub shm_mib: u32,
    /// Seconds between two monitors of a container or of a connection.
    pub monitor_s: u32,
    /// A base tree other than this host's root, which the containers' /usr comes from.
    pub base: Option<PathBuf>,
    /// Path of a pacemaker-remoted given with --remoted.
    pub remoted: Option<PathBuf>,
    /// Directories that the containers see at the same place, read-only: in this order, each over
    /// what was there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub binds: Vec<PathBuf>,
    /// How the containers get the authentication key.
    pub authkey: Authkey,
    /// Whether the nodes' names are written into /etc/hosts.
    pub hosts: bool,
    /// Whether the containers have no preference for this cluster node.
    pub anywhere: bool,
    /// Whether the set has the promotable clone.
    pub clone: bool,
    /// Whether the containers keep CAP_SYS_ADMIN.
    pub allow_mounts: bool,
    /// Whether a constraint keeps the resources of Pacemaker's test suite off the containers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_off: bool,
    /// Whether the clone's primitive is called PREFIX-ms, as by lxc_autogen.sh until Pacemaker
    /// 2.0.4: the test RemoteLXC waits to its end for that name.
    #[serde(default)]
    pub old_names: bool,
    /// Numbers of containers that were removed out of the middle.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<u32>,
}

impl Spec {
    /// Completes the options of the command line with those of the set in the state directory, or
    /// with the defaults where there is no set.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] for a value out of bounds, or for one that differs from what
    /// an existing set was made with.
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
                    keep_off: saved.keep_off || wanted.keep_off,
                    old_names: saved.old_names || (wanted.old_names && !saved.clone),
                    memory_mib: wanted.memory.unwrap_or(saved.memory_mib),
                    shm_mib: wanted.shm.unwrap_or(saved.shm_mib),
                    monitor_s: wanted.monitor_interval.unwrap_or(saved.monitor_s),
                    ..saved.clone()
                }
            }
            None if !wanted.remove.is_empty() => {
                return Err(Error::cant("there is no set to remove a node from")
                    .mend("lxc-autogen status shows a set's nodes"));
            }
            None => Self::new(wanted, wanted_subnet)?,
        };
        let spec = spec.without_removed(wanted)?;
        spec.check()?;
        Ok(spec)
    }

    fn new(wanted: &Wanted, subnet: Option<Subnet>) -> Result<Spec> {
        let vms = Vms::wanted(wanted)?;
        let (memory, authkey) = match vms {
            None => (196, Authkey::Bind),
            Some(_) => (REMOTE_MEMORY_MIB, Authkey::Copy),
        };
        let containers = wanted.containers.unwrap_or(2);
        Ok(Spec {
            containers,
            kind: wanted.kind.unwrap_or_default(),
            vms,
            prefix: Prefix::parse(wanted.prefix.as_deref().unwrap_or("lxc"))?,
            subnet,
            forward: wanted.forward.unwrap_or(Forward::Open),
            memory_mib: wanted.memory.unwrap_or(memory),
            shm_mib: wanted.shm.unwrap_or(147),
            monitor_s: (wanted.monitor_interval).unwrap_or_else(|| monitor_for(containers)),
            base: absolute(wanted.base.as_ref())?,
            remoted: absolute(wanted.remoted.as_ref())?,
            binds: wanted.binds.clone(),
            authkey: wanted.authkey.unwrap_or(authkey),
            hosts: wanted.hosts,
            anywhere: wanted.allow_anywhere,
            clone: wanted.clone,
            allow_mounts: wanted.allow_mounts,
            keep_off: wanted.keep_off,
            old_names: wanted.old_names,
            removed: BTreeSet::new(),
        })
    }

    fn check(&self) -> Result<()> {
        bounds("--containers", self.containers, 1, MOST_CONTAINERS, "").map_err(|e| match self
            .containers
        {
            0 => e.mend("lxc-autogen cleanup removes all of them"),
            _ => e,
        })?;
        bounds("--memory", self.memory_mib, 16, 1 << 20, " MiB")?;
        bounds("--shm", self.shm_mib, 1, 1 << 20, " MiB")?;
        bounds("--monitor-interval", self.monitor_s, 1, 86_400, " s")?;
        if self.kind == NodeKind::Remote && self.anywhere {
            return Err(Error::usage(
                "remote nodes' containers run here and nowhere else: --allow-anywhere is for guest nodes",
            )
            .mend("leave out --allow-anywhere, or --kind remote"));
        }
        self.check_vms()?;
        if let Some(subnet) = &self.subnet {
            subnet.check_holds(self.containers)?;
        }
        Ok(())
    }
}

/// The monitor interval in seconds: 20 as in lxc_autogen.sh, and for many containers one monitor
/// every 2 s in all, since each monitor is two virsh calls. One monitor every second took a tenth
/// of a core while nothing else happened.
fn monitor_for(containers: u32) -> u32 {
    (2 * containers).clamp(20, 3600)
}

fn absolute(path: Option<&PathBuf>) -> Result<Option<PathBuf>> {
    path.map(|p| std::path::absolute(p).map_err(|e| Error::io("find", p, e)))
        .transpose()
}

/// Fails for options that would change the names, addresses or files of an existing set. Its number
/// of containers, what a [`super::Former`] has, and its additions can change. The network asked for is compared elsewhere,
/// with the subnet that the set got.
fn refuse_other_shape(wanted: &Wanted, saved: &Spec) -> Result<()> {
    fn differs<T: PartialEq>(wanted: Option<T>, has: T) -> bool {
        wanted.is_some_and(|w| w != has)
    }
    const ROOT: &str = "it is in the containers' files, which are not remade under what runs";
    let options = [
        (
            "--prefix",
            differs(wanted.prefix.as_deref(), saved.prefix.as_str()),
            "all names have it, of nodes, domains and resources",
        ),
        (
            "--kind",
            differs(wanted.kind, saved.kind),
            "a guest node and a remote node are different resources",
        ),
        (
            "--forward",
            differs(wanted.forward, saved.forward),
            "libvirt changes a network's forwarding only when it starts, with no container on it",
        ),
        ("--authkey", differs(wanted.authkey, saved.authkey), ROOT),
        (
            "--base",
            wanted.base.is_some() && absolute(wanted.base.as_ref())? != saved.base,
            ROOT,
        ),
        (
            "--remoted",
            // A value from the environment is a default, and no wish to change an existing set.
            wanted.remoted.is_some()
                && wanted.remoted != std::env::var_os("LXC_AUTOGEN_REMOTED").map(PathBuf::from)
                && absolute(wanted.remoted.as_ref())? != saved.remoted,
            ROOT,
        ),
        (
            "--allow-mounts",
            wanted.allow_mounts && !saved.allow_mounts,
            "a container has its capabilities from its start on",
        ),
    ];
    super::refuse_remaking(
        "the containers in the state directory were",
        saved.remade(wanted).into_iter().chain(options),
        "leave the option out, run `lxc-autogen cleanup` first, or use another --state-dir and \
         --prefix"
            .to_owned(),
    )
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
        let third = Spec::resolve(&other, Some(&first)).unwrap();
        assert_eq!((third.containers, third.memory_mib), (8, 128));
        let other = Wanted {
            prefix: Some("qa".into()),
            ..Wanted::default()
        };
        let e = Spec::resolve(&other, Some(&first)).unwrap_err();
        assert!(e.message().contains("--prefix"), "{e}");
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
