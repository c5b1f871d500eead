//! Bringing a lab up: from nothing to every node online, or only the difference.

use super::resolve::Choice;
use super::running::Running;
use super::{Lab, daemons, fence, groups, hosts, make, nested, resize, vote, wait};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::host::lock::{self, Lock};
use crate::host::poll::{Poll, Seen};
use crate::host::signals;
use crate::look::Look;
use crate::plan::Machine;
use crate::report::count;
use crate::state::State;
use std::time::Duration;

/// Name of a file that is there when all nodes of a lab have been online once.
pub(crate) const COMPLETE: &str = "complete";

/// Seconds that nodes may take to come online, unless the options say otherwise.
pub(crate) fn patience(lab: &Lab) -> u64 {
    let others = u64::from(lab.spec.remote_nodes) + u64::from(lab.spec.containers);
    let others = others + u64::from(lab.spec.qnetd);
    90 + 10 * u64::from(lab.spec.cluster_nodes) + 2 * others
}

pub(crate) fn up(
    look: &Look<'_>,
    state: &mut State,
    choice: &Choice,
    is_new: bool,
    host_lock: Lock,
    timeout: Duration,
) -> Result<()> {
    let context = look.context;
    let lab = &choice.lab;
    let gone = resize::gone(state, lab);
    make::make(context, state, choice)?;
    context.host.check_interrupt()?;
    make::networks(look, state, lab)?;
    hosts::keep(context, state, &resize::with_gone(lab, &gone))?;
    fence::start(context, state, &resize::with_gone(lab, &gone))?;
    groups::start(context, state, lab)?;
    // In a new lab the quorum device comes last: corosync's wait_for_all counts votes, the device's
    // among them, and not nodes, so that a node that is a little late would be fenced for it.
    let (first, last) = match is_new {
        true => (lab.members(), lab.qnetd_node()),
        false => (lab.nodes(), None),
    };
    make::start(context, state, lab, &first)?;
    // Names, subnet and kernel settings are taken and journaled: other runs may go on.
    drop(host_lock);
    if !is_new {
        revive(context, lab)?;
        resize::reconcile(context, state, lab, &gone, timeout)?;
        // Without the nodes that have left, which fence_virtd need not power any more.
        fence::start(context, state, lab)?;
        if !gone.is_empty() {
            let _host_lock = lock::host()?;
            hosts::keep(context, state, lab)?;
        }
    }
    // This runs while corosync and Pacemaker find each other.
    nested::generate(context, lab)?;
    wait::await_online(context, lab, timeout)?;
    make::start(context, state, lab, last.as_slice())?;
    vote::await_all(context, lab, timeout)?;
    if !is_new {
        resize::settle(context, lab, timeout)?;
    }
    context.host.check_interrupt()?;
    nested::up(context, lab, timeout)
}

/// Starts daemons again that have died in nodes.
fn revive(context: &Context, lab: &Lab) -> Result<()> {
    let running = Running::of(context, lab)?;
    for (node, inside) in running.systems(lab) {
        let dead: Vec<String> = daemons::reports(context, lab, &node, inside)
            .into_iter()
            .filter(|d| !d.is_well() && d.state != "starting" && d.state != "waiting")
            .map(|d| d.name)
            .collect();
        if !dead.is_empty() {
            context
                .report
                .line(format!("{}: starting {} again", node.name, dead.join(", ")));
            daemons::start_again(context, lab, inside, &dead)?;
            await_daemons(context, lab, &node, inside)?;
        }
    }
    Ok(())
}

fn await_daemons(context: &Context, lab: &Lab, node: &Machine, inside: &Inside) -> Result<()> {
    let name = &node.name;
    let pause = Duration::from_millis(100);
    let poll = Poll::every(pause, Duration::from_secs(30));
    // For a moment the supervisor's report can still be the earlier one.
    signals::sleep(pause)?;
    let look = |_: &mut Poll| {
        let daemons = daemons::reports(context, lab, node, inside);
        let all_well = daemons.iter().all(crate::supervisor::Report::is_well);
        Ok(Seen::ready_if(!daemons.is_empty() && all_well, daemons))
    };
    poll.until(look, |daemons| {
        let sick = daemons.iter().filter(|d| !d.is_well());
        Error::not_online(format!("{name} has daemons that do not start"))
            .details(sick.map(|d| format!("{} {}", d.name, d.state)))
            .mend(format!(
                "see /var/log/*.out there: lxc-autogen lab shell {name}"
            ))
    })
}

pub(crate) fn summary(lab: &Lab) -> String {
    let spec = &lab.spec;
    let mut parts = vec![count(spec.cluster_nodes as usize, "cluster node")];
    for (number, what) in [
        (spec.remote_nodes, "remote node"),
        (spec.containers, "guest node"),
        (u32::from(spec.qnetd), "qnetd node"),
    ] {
        if number > 0 {
            parts.push(count(number as usize, what));
        }
    }
    let how = match spec.bare {
        true => "up, whose cluster is yours to set up",
        false => "online",
    };
    format!(
        "lab {}: {} {how}; network {}",
        spec.name,
        parts.join(", "),
        lab.shown_networks()
    )
}
