//! Single nodes of a lab, stopped in good order, started again, or without their plug.

pub(crate) mod guests;

use super::daemons;
use super::running::Running;
use super::{Lab, config, fence, groups, make, raise, resting, vote, wait};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::host::poll::{Poll, Seen};
use crate::libvirt::virsh;
use crate::machine;
use crate::plan::{Kind, Machine};
use crate::state::State;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Stops nodes in good order, all at once: Pacemaker first, so that nobody fences them, and their
/// containers end. The quorum device gives its vote until the others have stopped.
///
/// # Errors
/// When a node is paused, or does not stop.
pub(crate) fn stop(context: &Context, lab: &Lab, nodes: &[Machine]) -> Result<()> {
    let running = Running::of(context, lab)?;
    if let Some(paused) = nodes.iter().find(|n| running.is_paused(&n.name)) {
        return running.need(lab, paused).map(drop);
    }
    let is_remote = |n: &&Machine| n.kind == Kind::Remote && running.get(&n.name).is_some();
    let remotes: Vec<&Machine> = nodes.iter().filter(is_remote).collect();
    let cluster = running.cluster(lab);
    let answering = cluster
        .iter()
        .find(|(_, inside)| wait::answers(context, inside));
    if let Some((_, inside)) = answering.filter(|_| !remotes.is_empty()) {
        resting::keep_off(context, lab, inside, &remotes)?;
    }
    let (device, others): (Vec<&Machine>, Vec<&Machine>) =
        nodes.iter().partition(|n| n.kind == Kind::Qnetd);
    await_off(context, lab, &others)?;
    await_off(context, lab, &device)
}

/// Tells nodes to stop until they are off, and those that remain agree that they have left: one that
/// hangs is fenced meanwhile, comes back, and is told again.
fn await_off(context: &Context, lab: &Lab, nodes: &[&Machine]) -> Result<()> {
    const AGAIN: Duration = Duration::from_secs(5);
    /// Longer than nodes in order take.
    const LONG: Duration = Duration::from_secs(20);
    let patience = config::supervisor(lab, Kind::Cluster).longest_stop() + Duration::from_secs(30);
    let mut told: HashMap<&str, Instant> = HashMap::new();
    let (began, mut is_said) = (Instant::now(), false);
    let look = |_: &mut Poll| {
        let running = Running::of(context, lab)?;
        let mut left = Vec::new();
        for node in nodes {
            let name = node.name.as_str();
            if let Some(inside) = running.get(name) {
                if told.get(name).is_none_or(|at| at.elapsed() > AGAIN) {
                    end(context, lab, node, inside)?;
                    told.insert(name, Instant::now());
                }
                left.push(format!("{name} has not stopped"));
            } else if running.is_paused(name) {
                left.push(format!("{name} is paused"));
            }
        }
        let is_fenced = lab.spec.fencing && !lab.spec.bare;
        if left.is_empty() && is_fenced {
            left = not_left(context, lab, nodes, &running);
        }
        if !left.is_empty() && !is_said && began.elapsed() > LONG {
            is_said = true;
            context.report.line(format!(
                "waiting for up to {} s: {}; lxc-autogen lab kill pulls a plug",
                patience.as_secs(),
                left.join(", ")
            ));
        }
        Ok(Seen::ready_if(left.is_empty(), left))
    };
    Poll::every(Duration::from_millis(200), patience).until(look, |left| {
        Error::not_online(left.join(", ")).mend(format!(
            "see lxc-autogen lab status --name {}, then try again; or lxc-autogen lab kill pulls a plug",
            lab.spec.name
        ))
    })
}

/// Has a node end. One whose PID 1 is pacemaker-remoted obeys no SIGTERM (Pacemaker 2.1.5,
/// daemons/execd/remoted_pidone.c): libvirt sends it to all others in there, and ends what is left.
fn end(context: &Context, lab: &Lab, node: &Machine, inside: &Inside) -> Result<()> {
    if lab.has_init(node) {
        return daemons::end(context, lab, inside);
    }
    let hypervisor = machine::of(node).hypervisor();
    virsh::end_all(&context.host, hypervisor, std::slice::from_ref(&node.name)).map(drop)
}

/// The cluster nodes that are off, and about to be fenced in the eyes of those that run.
fn not_left(context: &Context, lab: &Lab, nodes: &[&Machine], running: &Running) -> Vec<String> {
    if running.cluster(lab).is_empty() {
        return Vec::new();
    }
    let view = wait::view(context, lab, running);
    let cluster = nodes.iter().filter(|n| n.kind == Kind::Cluster);
    let waited = cluster.filter(|n| !view.as_ref().is_some_and(|v| v.has_left(&n.name)));
    waited
        .map(|n| format!("{} is off, but the cluster has not fenced it", n.name))
        .collect()
}

/// Starts nodes that do not run, all at once, and waits until they are online, or have started where
/// the lab has configured no cluster. Gives back whether somebody says that they are online.
///
/// # Errors
/// When one does not start, or is not online in time.
pub(crate) fn start(
    context: &Context,
    state: &mut State,
    lab: &Lab,
    nodes: &[Machine],
) -> Result<bool> {
    let timeout = Duration::from_secs(raise::patience(lab));
    groups::start(context, state, lab)?;
    fence::start(context, state, lab)?;
    make::start(context, state, lab, nodes)?;
    if lab.spec.bare {
        return wait::await_started(context, lab, nodes, timeout).map(|()| false);
    }
    let running = Running::of(context, lab)?;
    if running.cluster(lab).is_empty() {
        context.report.line(format!(
            "no cluster node of lab {} runs, which would say that they are online",
            lab.spec.name
        ));
        return Ok(false);
    }
    let remotes: Vec<&Machine> = nodes.iter().filter(|n| n.kind == Kind::Remote).collect();
    if !remotes.is_empty() {
        let inside = wait::await_answer(context, lab, timeout)?;
        resting::let_on(context, &inside, &remotes)?;
    }
    let members = nodes.iter().filter(|n| n.kind != Kind::Qnetd);
    let members: Vec<Machine> = members.cloned().collect();
    if !members.is_empty() {
        wait::await_nodes(context, lab, &members, timeout)?;
    }
    let voting = lab.qnetd_node().filter(|n| running.get(&n.name).is_some());
    let cluster = running.cluster(lab).into_iter().map(|(node, _)| node);
    if voting.is_some() {
        vote::await_in(context, lab, &cluster.collect::<Vec<_>>(), timeout)?;
    }
    Ok(true)
}

/// Stops nodes and starts them again: cluster nodes one after the other, so that the cluster keeps
/// its quorum and its resources a place, and the others before them.
///
/// # Errors
/// As [`stop`] and [`start`].
pub(crate) fn restart(
    context: &Context,
    state: &mut State,
    lab: &Lab,
    nodes: &[Machine],
) -> Result<bool> {
    let (cluster, others): (Vec<Machine>, Vec<Machine>) =
        nodes.iter().cloned().partition(|n| n.kind == Kind::Cluster);
    let others = (!others.is_empty()).then_some(others.as_slice());
    let mut online = true;
    for nodes in others.into_iter().chain(cluster.chunks(1)) {
        stop(context, lab, nodes)?;
        online = start(context, state, lab, nodes)?;
    }
    Ok(online)
}

/// Pulls the plugs of nodes: everything in them ends at once, and nobody in there can say goodbye.
/// Returns when they have ended; what comes then is the cluster's. Gives back the names of those that
/// were off already.
///
/// # Errors
/// When a node does not end.
pub(crate) fn kill(context: &Context, lab: &Lab, nodes: &[Machine]) -> Result<Vec<String>> {
    let before = Running::of(context, lab)?;
    let is_on = |n: &&Machine| before.get(&n.name).is_some() || before.is_paused(&n.name);
    let (on, off): (Vec<&Machine>, Vec<&Machine>) = nodes.iter().partition(is_on);
    let on: Vec<Machine> = on.into_iter().cloned().collect();
    for (machinery, nodes) in machine::by_machinery(&on) {
        let names: Vec<String> = nodes.into_iter().map(|n| n.name).collect();
        machinery.unplug(&context.host, &names)?;
        let ended = |running: &Running, name: &String| {
            // The cluster may have started it again already.
            let pid = |r: &Running| r.get(name).map(Inside::pid);
            !running.is_paused(name) && pid(running).is_none_or(|now| pid(&before) != Some(now))
        };
        let mut asked = false;
        let look = |poll: &mut Poll| {
            let running = Running::of(context, lab)?;
            let left: Vec<String> = (names.iter())
                .filter(|name| !ended(&running, name))
                .cloned()
                .collect();
            // What is paused by cgroup v1's freezer does not even die before somebody thaws it,
            // which libvirt does.
            if !left.is_empty() && !asked && poll.elapsed() > Duration::from_secs(2) {
                asked = true;
                virsh::end_all(&context.host, machinery.hypervisor(), &left)?;
            }
            Ok(Seen::ready_if(left.is_empty(), left))
        };
        let poll = Poll::every(Duration::from_millis(100), Duration::from_secs(30));
        poll.until(look, |left| {
            let uri = machinery.hypervisor().uri;
            Error::failed(format!("{} does not end", left.join(", ")))
                .mend(format!("virsh -c {uri} destroy {}", left[0]))
        })?;
    }
    Ok(off.into_iter().map(|node| node.name.clone()).collect())
}
