//! Whether this host can take a lab; asked before anything is made.

use super::Context;
use crate::error::{Error, Result};
use crate::host::packages;
use crate::lab::{Lab, network_of};
use crate::libvirt::{marked_state_dir, virsh};
use std::path::Path;

/// # Errors
/// [`crate::error::Kind::Cant`] with what is in the way and its mend.
pub(super) fn check(context: &Context, lab: &Lab, saved: Option<&Lab>) -> Result<()> {
    check_programs(lab)?;
    virsh::connect(&context.host)?;
    check_names(context, lab)?;
    let network = check_network(context, lab)?;
    if saved.is_none() && !network {
        check_bridge(lab)?;
    }
    check_memory(lab, saved)
}

const VIRTUAL_DOMAIN: &str = "usr/lib/ocf/resource.d/heartbeat/VirtualDomain";

/// What nodes run is looked for in the tree that they get, what fences them on this host.
fn check_programs(lab: &Lab) -> Result<()> {
    let mut inside = vec![
        "corosync",
        "pacemakerd",
        "libvirtd",
        "virsh",
        "ip",
        "cibadmin",
        "crm_mon",
        "crm_node",
        "crm_resource",
        "setpriv",
    ];
    if lab.spec.fencing {
        inside.push("fence_virt");
    }
    if lab.spec.ssh {
        inside.push("sshd");
    }
    for name in inside {
        let there = ["usr/sbin", "usr/bin", "sbin", "bin"]
            .iter()
            .any(|d| lab.layout.base.join(d).join(name).exists());
        if !there {
            return Err(Error::cant(format!(
                "{name} is not installed in {}, whose /usr the nodes get",
                lab.layout.base.display()
            ))
            .mend(packages::mend_for_tool(name)));
        }
    }
    if !lab.layout.base.join(VIRTUAL_DOMAIN).exists() && lab.spec.containers > 0 {
        return Err(Error::cant(format!(
            "the resource agent ocf:heartbeat:VirtualDomain is not installed in {}",
            lab.layout.base.display()
        ))
        .mend(packages::mend_for_tool("VirtualDomain")));
    }
    let mut here = vec!["nsenter", "setpriv"];
    if lab.spec.fencing {
        here.push("fence_virtd");
    }
    if lab.spec.ssh {
        here.push("ssh-keygen");
    }
    for name in here {
        which::which(name).map_err(|_| {
            Error::cant(format!("{name} is not installed")).mend(packages::mend_for_tool(name))
        })?;
    }
    if !Path::new("/dev/fuse").exists() {
        return Err(
            Error::cant("there is no /dev/fuse, which libvirt in the nodes needs")
                .mend("modprobe fuse"),
        );
    }
    Ok(())
}

fn check_names(context: &Context, lab: &Lab) -> Result<()> {
    let foreign: Vec<String> = virsh::marked_domains(&context.host, &lab.dir)?
        .into_iter()
        .filter(|(_, ours)| !ours)
        .map(|(name, _)| name)
        .collect();
    if let Some(node) = lab.nodes().into_iter().find(|n| foreign.contains(&n.name)) {
        return Err(Error::cant(format!(
            "{} is a domain of libvirt that is not of this lab",
            node.name
        ))
        .mend("choose another --name"));
    }
    Ok(())
}

fn check_bridge(lab: &Lab) -> Result<()> {
    let name = network_of(&lab.spec.name);
    if crate::host::net::links().contains(&name) {
        return Err(
            Error::cant(format!("there is a network interface {name} already"))
                .mend("choose another --name"),
        );
    }
    Ok(())
}

/// What a node takes at rest, measured on Debian 12 with Pacemaker 2.1.5 (scripts/bench lab).
const CLUSTER_NODE_MIB: u64 = 130;
const GUEST_MIB: u64 = 12;

/// Refuses a lab that this host's memory cannot hold, before it swaps to death.
fn check_memory(lab: &Lab, saved: Option<&Lab>) -> Result<()> {
    // What is there has its memory.
    let needed = mib(lab).saturating_sub(saved.map_or(0, mib));
    match available_mib() {
        Some(available) if available < needed => Err(Error::cant(format!(
            "such a lab takes about {needed} MiB of memory, and {available} are available"
        ))
        .mend("make a smaller one")),
        _ => Ok(()),
    }
}

fn mib(lab: &Lab) -> u64 {
    let spec = &lab.spec;
    let guests = u64::from(spec.remote_nodes) + u64::from(spec.containers);
    CLUSTER_NODE_MIB * u64::from(spec.cluster_nodes) + GUEST_MIB * guests
}

fn available_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024)
}

/// Refuses a network of the lab's name that is not the lab's.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with whose it is.
pub(super) fn check_network(context: &Context, lab: &Lab) -> Result<bool> {
    let Some(xml) = virsh::dump_network(&context.host, &lab.network())? else {
        return Ok(false);
    };
    if marked_state_dir(&xml).map(Path::new) == Some(lab.dir.as_path()) {
        return Ok(true);
    }
    Err(Error::cant(format!(
        "there is a network {} that is not of this lab",
        lab.network()
    ))
    .mend("choose another --name"))
}
