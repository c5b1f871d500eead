//! Starting containers before the cluster knows them.
//!
//! Many with one virsh cost a third of what the agent takes for each, and the cluster, told to
//! start one that runs already, is done at once (VirtualDomain: "already running"). Only where the
//! cluster is sure to want them here, for nowhere else would it look for them.

use super::cib;
use crate::error::{Context as _, Result};
use crate::host::{container_net, signals};
use crate::libvirt::hypervisor::{DEAD, LXC};
use crate::libvirt::{leftovers, virsh};
use crate::look::Look;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::tools;
use crate::plan::{Machine, Set};
use crate::spec::NodeKind;
use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

/// Those of the set that can be started ahead: new to the cluster, on a node that must be theirs; of
/// remote nodes, which the cluster does not start, all that do not run.
///
/// # Errors
/// When cluster or libvirt do not answer.
pub(crate) fn of(look: &Look<'_>, set: &Set, cib: &Cib) -> Result<Vec<Machine>> {
    if set.spec.kind == NodeKind::Remote {
        return to_run(look, set);
    }
    let ids = cib.ids();
    let guests = set.guests().into_iter();
    let new: Vec<Machine> = guests
        .filter(|g| !ids.contains(g.resource.as_str()))
        .collect();
    if new.is_empty() || set.spec.anywhere || !is_home(look, set)? {
        return Ok(Vec::new());
    }
    let there: HashSet<&str> = look.domains()?.iter().map(|d| d.name.as_str()).collect();
    let new = new.into_iter();
    let new = new.filter(|g| !there.contains(g.name.as_str()));
    Ok(new.skip(usize::from(the_agent_begins())).collect())
}

/// Remote nodes that do not run, which is nobody's to mend but ours. Those of which libvirt has not
/// noticed the end are made to end first.
fn to_run(look: &Look<'_>, set: &Set) -> Result<Vec<Machine>> {
    let all = look.domains()?.iter();
    let (dead, there): (Vec<_>, Vec<_>) = all.partition(|d| d.state == DEAD);
    let there: HashSet<&str> = there.iter().map(|d| d.name.as_str()).collect();
    let guests = set.guests().into_iter();
    let left: Vec<Machine> = guests
        .filter(|g| !there.contains(g.name.as_str()))
        .collect();
    let dead: HashSet<&str> = dead.into_iter().map(|d| d.name.as_str()).collect();
    let ours = left.iter().map(|g| g.name.clone());
    let stuck: Vec<String> = ours.filter(|name| dead.contains(name.as_str())).collect();
    if !stuck.is_empty() {
        virsh::destroy_domains(&look.context.host, &LXC, &stuck)?;
    }
    Ok(left)
}

/// Whether the agent has yet to tell systemd that libvirt is to outlive the cluster at a shutdown,
/// which it does when it starts a container that does not run: one is left to it then. Without
/// that the host's shutdown hangs, the cluster trying to stop containers without libvirtd (seen
/// on a virtual machine; resource-agents 4.16, VirtualDomain_start). /run/systemd/system:
/// sd_booted(3).
fn the_agent_begins() -> bool {
    let systemd = Path::new("/run/systemd/system").is_dir();
    systemd && !leftovers::drop_ins().all(|path| path.exists())
}

/// Whether this node is the one that the containers must run on, and may.
fn is_home(look: &Look<'_>, set: &Set) -> Result<bool> {
    let here = look.node()?.to_owned();
    if here != cib::home(look, set)? {
        return Ok(false);
    }
    let view = tools::view(&look.context.host)?;
    let node = view.nodes.get(&here);
    Ok(node.is_some_and(|node| node.online && node.note.is_none()))
}

/// Starts them.
///
/// # Errors
/// When one does not start: what libvirt says of it.
pub(crate) fn start(look: &Look<'_>, set: &Set, guests: &[Machine]) -> Result<()> {
    if guests.is_empty() {
        return Ok(());
    }
    let mut stage = look.context.report.stage("containers", guests.len());
    let files = guests.iter().map(|g| set.domain_xml_path(&g.name));
    virsh::create_all(
        &look.context.host,
        &LXC,
        &files.collect::<Vec<_>>(),
        |count| {
            stage.at(count);
        },
    )
    .context("start the containers")?;
    stage.done();
    // Without it they join all the same, more slowly.
    settle_inside(look, set, guests).or_else(|e| {
        let text = format!("connections will be slower: {}", e.message());
        look.context.report.warn(text);
        Ok(())
    })
}

/// Ends those that the cluster has started on another node all the same, by somebody's constraint
/// say, so that none runs twice.
///
/// # Errors
/// When the cluster does not say where they run.
pub(crate) fn end_strays(look: &Look<'_>, guests: &[&Machine]) -> Result<()> {
    let here = look.node()?.to_owned();
    let view = tools::view(&look.context.host)?;
    let elsewhere = |g: &&&Machine| {
        let active = view.active.get(&g.resource).into_iter().flatten();
        let mut nodes = active.flat_map(|a| &a.nodes).peekable();
        nodes.peek().is_some() && nodes.all(|node| *node != here)
    };
    let strays: Vec<String> = guests
        .iter()
        .filter(elsewhere)
        .map(|g| g.name.clone())
        .collect();
    if strays.is_empty() {
        return Ok(());
    }
    look.context.report.warn(format!(
        "the cluster runs these on another node, and they are ended here: {}",
        strays.join(", ")
    ));
    virsh::destroy_domains(&look.context.host, &LXC, &strays)
}

fn settle_inside(look: &Look<'_>, set: &Set, guests: &[Machine]) -> Result<()> {
    let names: Vec<String> = guests.iter().map(|g| g.name.clone()).collect();
    let address: HashMap<&str, Ipv4Addr> = guests
        .iter()
        .map(|g| (g.name.as_str(), g.address))
        .collect();
    let pids = virsh::init_pids(&look.context.host, &LXC, &names)?.into_iter();
    let mut left: Vec<container_net::Inside> = pids
        .filter_map(|(name, pid)| Some((pid, *address.get(name.as_str())?)))
        .collect();
    // The last ones may not have their address yet.
    for _ in 0..5 {
        left = container_net::settle(&left, &set.subnet)?;
        if left.is_empty() {
            break;
        }
        signals::sleep(Duration::from_millis(30))?;
    }
    Ok(())
}
