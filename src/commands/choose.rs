//! From the command line to a set: what this host has decides what the spec leaves open.

use super::Context;
use crate::cli::Shape;
use crate::error::{Error, Kind, Result};
use crate::host::net::{self, Used};
use crate::host::{Host, files};
use crate::libvirt::{network, virsh};
use crate::plan::{NETWORK_NAME, SET_VERSION, Set};
use crate::rootfs::{self, Layout, Remoted};
use crate::spec::{DEFAULT_ADDRESS, Spec, Subnet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// What is taken on other nodes that are to hold the set too.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Ranges of addresses.
    pub used: Vec<Used>,
    /// Names of networks and interfaces.
    pub names: Vec<String>,
}

/// A set, and what is still to be fetched for it.
#[derive(Debug)]
pub(super) struct Choice {
    /// The set.
    pub set: Set,
    /// The version of the package pacemaker-remote to fetch, if there is no daemon yet.
    pub fetch: Option<String>,
}

/// Completes the spec with what is kept, or else with what this host has. Changes nothing.
///
/// # Errors
/// Usage errors, and [`Kind::Cant`] when this host lacks something.
pub(super) fn choose(
    context: &Context,
    shape: &Shape,
    saved: Option<&Set>,
    elsewhere: &Elsewhere,
) -> Result<Choice> {
    let set = choose_set(context, shape, saved, elsewhere)?;
    let fetch = match &set.remoted {
        Remoted::Bound { path } if path.starts_with(&context.state_dir) && !path.exists() => {
            Some(wanted_version(context)?)
        }
        _ => None,
    };
    Ok(Choice { set, fetch })
}

/// The set alone, whether or not its pacemaker-remoted can be had.
///
/// # Errors
/// As [`choose`].
pub(super) fn choose_set(
    context: &Context,
    shape: &Shape,
    saved: Option<&Set>,
    elsewhere: &Elsewhere,
) -> Result<Set> {
    if let (Some(text), Some(saved)) = (shape.network.as_deref(), saved) {
        if !saved.subnet.is_meant_by(text)? {
            return Err(Error::usage(format!(
                "the containers in the state directory are on {}, not on --network {text}",
                saved.subnet
            ))
            .mend("leave the option out, or run `lxc-autogen cleanup` first"));
        }
    }
    let spec = Spec::resolve(shape, saved.map(|s| &s.spec))?;
    match saved {
        Some(saved) => {
            saved.subnet.check_holds(spec.containers).map_err(|e| {
                e.mend(
                    "lxc-autogen cleanup, then up with a larger network, such as -n 10.40.0.1/16",
                )
            })?;
            Ok(Set {
                spec,
                ..saved.clone()
            })
        }
        None => new_set(context, spec, elsewhere),
    }
}

pub(super) fn wanted_version(context: &Context) -> Result<String> {
    match rootfs::fetch_version(&context.host) {
        // A dry run shows the plan where it could not be carried out, too.
        Err(e) if context.common.dry_run && e.kind == Kind::Cant => Ok("of the cluster".to_owned()),
        other => other,
    }
}

fn new_set(context: &Context, spec: Spec, elsewhere: &Elsewhere) -> Result<Set> {
    let base = spec.base.clone().unwrap_or_else(|| "/".into());
    let layout = Layout::of(&base)?;
    let remoted =
        rootfs::find(spec.remoted.as_deref(), &base, &context.state_dir)?.unwrap_or_else(|| {
            Remoted::Bound {
                path: context.state_dir.join("remoted/usr/sbin/pacemaker-remoted"),
            }
        });
    let networks = may_be_absent(context, virsh::networks(&context.host))?;
    let network = network_name(&networks, elsewhere)?;
    let candidates = candidates(&STARTS, spec.containers)?;
    let subnet = free_subnet(context, spec.subnet, &candidates, &networks, elsewhere)?;
    let seed = if context.common.dry_run {
        "dry run".to_owned()
    } else {
        files::sha256(&files::random_bytes(32)?)
    };
    Ok(Set {
        version: SET_VERSION,
        subnet,
        network,
        seed,
        state_dir: context.state_dir.clone(),
        environment: environment(&base),
        layout,
        remoted,
        emulator: emulator(),
        mask_sysrq: Path::new("/proc/sysrq-trigger").exists(),
        nodes: Vec::new(),
        spec,
    })
}

/// `lxc-autogen`, or with a number behind it the first that neither libvirt nor the kernel has.
fn network_name(networks: &[String], elsewhere: &Elsewhere) -> Result<String> {
    let mut taken = net::links();
    taken.extend_from_slice(&elsewhere.names);
    taken.extend_from_slice(networks);
    (1..1000)
        .map(|n| match n {
            1 => NETWORK_NAME.to_owned(),
            n => format!("{NETWORK_NAME}{n}"),
        })
        .find(|name| !taken.contains(name))
        .ok_or_else(|| Error::cant("no name is free for a network").mend("remove some networks"))
}

/// A dry run needs no libvirt; everything else does.
pub(super) fn may_be_absent<T: Default>(context: &Context, result: Result<T>) -> Result<T> {
    match result {
        Err(_) if context.common.dry_run => Ok(T::default()),
        other => other,
    }
}

/// The subnet asked for when nothing else uses it, or the first free one of the candidates.
pub(super) fn free_subnet(
    context: &Context,
    wanted: Option<Subnet>,
    candidates: &[Subnet],
    networks: &[String],
    elsewhere: &Elsewhere,
) -> Result<Subnet> {
    let mut used = used(context, networks)?;
    used.extend_from_slice(&elsewhere.used);
    let in_the_way = |subnet: &Subnet| used.iter().find(|u| subnet.overlaps(u.network, u.prefix));
    if let Some(subnet) = wanted {
        return match in_the_way(&subnet) {
            None => Ok(subnet),
            Some(other) => Err(Error::cant(format!("{subnet} is in use: {}", other.by))
                .mend("choose another with --network, or leave it out to get a free one")),
        };
    }
    candidates
        .iter()
        .find(|s| in_the_way(s).is_none())
        .copied()
        .ok_or_else(|| {
            Error::cant("no private subnet is free").mend("choose one with --network ADDR/PREFIX")
        })
}

/// Where the search for a free subnet begins: lxc_autogen.sh's own, and one in each of the other
/// private ranges.
const STARTS: [Ipv4Addr; 3] = [
    DEFAULT_ADDRESS,
    Ipv4Addr::new(172, 31, 123, 1),
    Ipv4Addr::new(10, 123, 123, 1),
];

/// Subnets to try: those that follow each start, for so many containers.
pub(super) fn candidates(starts: &[Ipv4Addr], containers: u32) -> Result<Vec<Subnet>> {
    let mut all = Vec::new();
    for start in starts {
        let mut subnet = Subnet::holding(*start, containers)?;
        for _ in 0..128 {
            if subnet.network().is_private() && subnet.broadcast().is_private() {
                all.push(subnet);
            }
            subnet = subnet.next();
        }
    }
    Ok(all)
}

/// Ranges of addresses that this host or a network of libvirt's uses.
pub(super) fn used(context: &Context, networks: &[String]) -> Result<Vec<Used>> {
    let mut all = may_be_absent(context, net::used(&context.host))?;
    for name in networks {
        if let Some(xml) = virsh::dump_network(&context.host, name)? {
            all.extend(
                network::subnets(&xml)
                    .into_iter()
                    .map(|(network, prefix)| Used {
                        network,
                        prefix,
                        by: format!("libvirt's network {name}"),
                    }),
            );
        }
    }
    Ok(all)
}

/// libvirt's container emulator: Debian's place, and everybody else's.
pub(super) fn emulator() -> PathBuf {
    ["/usr/lib/libvirt/libvirt_lxc", "/usr/libexec/libvirt_lxc"]
        .iter()
        .map(PathBuf::from)
        .find(|p| p.exists())
        .unwrap_or_else(|| "/usr/libexec/libvirt_lxc".into())
}

/// pacemaker-remoted's environment (and that of a lab's cluster nodes): a log file of its own, and
/// what must be the same on both ends of a connection and for all that talk with a cluster, from
/// where systemd units take it (Pacemaker 2.1.5, sysconfig/pacemaker.in).
pub(super) fn environment(base: &Path) -> Vec<(String, String)> {
    const SAME: &[&str] = &["PCMK_remote_port", "PCMK_tls_priorities", "PCMK_ipc_buffer"];
    let given = ["etc/default/pacemaker", "etc/sysconfig/pacemaker"]
        .iter()
        .find_map(|path| std::fs::read_to_string(base.join(path)).ok())
        .unwrap_or_default();
    let mut all = vec![
        (
            "PCMK_logfile".to_owned(),
            "/var/log/pacemaker/pacemaker.log".to_owned(),
        ),
        ("PCMK_logfacility".to_owned(), "none".to_owned()),
        // Parameters of 2048 bits cost each daemon 0.3 s of CPU at start; the pre-shared key
        // keeps its own strength. Pacemaker 3 has no such setting, and ignores it.
        ("PCMK_dh_max_bits".to_owned(), "1024".to_owned()),
    ];
    all.extend(given.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        SAME.contains(&name)
            .then(|| (name.to_owned(), value.to_owned()))
    }));
    all
}

/// Whether pacemaker-remoted and the cluster have the same version; the message when not.
///
/// # Errors
/// When either does not say its version.
pub(super) fn version_mismatch(
    host: &Host,
    remoted: &Remoted,
    base: &Path,
) -> Result<Option<String>> {
    // A base tree's daemon runs against that tree's libraries, not the host's.
    if base != Path::new("/") {
        return Ok(None);
    }
    let ours = rootfs::version(host, &remoted.on_host(base))?;
    let cluster = crate::pacemaker::tools::version(host)?;
    Ok((ours != cluster).then(|| {
        format!("pacemaker-remoted has version {ours}, and the cluster's Pacemaker {cluster}")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_candidate_is_private_and_holds_them_all() {
        for containers in [2, 245, 60_000] {
            let all = candidates(&STARTS, containers).unwrap();
            assert!(all.len() > 100, "{containers}: {}", all.len());
            assert_eq!(all[0].host(), DEFAULT_ADDRESS);
            assert!(all.iter().all(|s| s.capacity() >= containers));
        }
    }

    #[test]
    fn settings_both_ends_share_are_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc/default")).unwrap();
        let text = "# PCMK_remote_port=1\nPCMK_remote_port=3122\nPCMK_debug=yes\n PCMK_tls_priorities=\"NORMAL\"\nPCMK_ipc_buffer=1048576\n";
        std::fs::write(dir.path().join("etc/default/pacemaker"), text).unwrap();
        let all = environment(dir.path());
        assert!(all.contains(&("PCMK_remote_port".into(), "3122".into())));
        assert!(all.contains(&("PCMK_tls_priorities".into(), "NORMAL".into())));
        assert!(all.contains(&("PCMK_ipc_buffer".into(), "1048576".into())));
        assert!(!all.iter().any(|(name, _)| name == "PCMK_debug"));
    }
}
