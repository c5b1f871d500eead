//! Bringing a lab up: from nothing to every node online, or only the difference.

use super::running::Running;
use super::steps::{Step, Steps};
use super::{
    COMPLETE, Lab, daemons, early, fence, groups, hosts, limits, maintenance, make, nested, resize,
    vote, wait,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::files;
use crate::host::inside::Inside;
use crate::host::lock::{self, Lock};
use crate::host::poll::{Poll, Seen};
use crate::host::signals;
use crate::look::Look;
use crate::plan::Machine;
use crate::report::count;
use crate::set::wait::{EMULATED_S, VM_S};
use crate::state::State;
use std::time::Duration;

/// Seconds that nodes may take to come online, unless the options say otherwise.
pub(crate) fn patience(lab: &Lab) -> u64 {
    let others = u64::from(lab.spec.all_remote_nodes()) + u64::from(lab.spec.containers);
    let others = others + u64::from(lab.spec.qnetd);
    let machines = u64::from(lab.spec.cluster_vms + lab.spec.remote_vms);
    let each = if lab.vm.kvm { VM_S } else { EMULATED_S };
    90 + 10 * u64::from(lab.spec.all_cluster_nodes()) + 2 * others + each * machines
}

/// Carries out the steps. The lock of the host is held until names, subnet and kernel settings are
/// taken and journaled: then other runs may go on.
///
/// # Errors
/// When a step fails; the journal knows what was done.
pub(crate) fn up(
    look: &Look<'_>,
    state: &mut State,
    lab: &Lab,
    steps: &Steps,
    host_lock: Lock,
    timeout: Duration,
) -> Result<()> {
    if steps.all().contains(&Step::Memory) {
        limits::begin(state)?;
    }
    make::keep(state, lab)?;
    let mut host_lock = Some(host_lock);
    // Until they have left, nodes that are to leave are fenced, and fence, like all others.
    let with_gone = resize::with_gone(lab, steps.gone());
    for step in steps.all() {
        let context = look.context;
        context.host.check_interrupt()?;
        match step {
            // It was made when the journal was opened.
            Step::Directory(_) => {}
            Step::Fetch(version) => make::fetch(context, state, version)?,
            Step::Files(_) => make::files(context, state, lab)?,
            Step::Networks(_) => make::networks(look, state, lab)?,
            Step::Hosts(_) => hosts::keep(context, state, &with_gone)?,
            Step::Fencing(_) => fence::start(context, state, &with_gone)?,
            Step::Groups => groups::start(context, state, lab)?,
            Step::Start { device } => {
                let nodes = if *device { lab.nodes() } else { lab.members() };
                make::start(context, state, lab, &nodes)?;
                drop(host_lock.take());
            }
            Step::Memory => limits::change(context, state, lab)?,
            Step::Revive => revive(context, lab)?,
            Step::Reconcile(gone) => reconcile(context, state, lab, gone, timeout)?,
            // This runs while corosync and Pacemaker find each other.
            Step::GuestFiles(_) => nested::generate(context, lab)?,
            Step::GuestContainers(_) => early::start(context, state, lab)?,
            Step::Form => wait::await_nodes(context, lab, &lab.cluster_nodes(), timeout)?,
            Step::Wait => wait::await_online(context, lab, timeout)?,
            Step::Device(_) => {
                make::start(context, state, lab, lab.qnetd_node().as_slice())?;
                vote::await_all(context, lab, timeout)?;
            }
            Step::Refence => maintenance::switch(context, state, lab, true, timeout)?,
            Step::Settle => resize::settle(context, lab, timeout)?,
            Step::Guests(_) => nested::up(context, lab, &placed(lab)?, timeout)?,
        }
    }
    Ok(())
}

/// The nodes that guests run on before the cluster knows them: it knows those of a lab that was
/// complete once.
fn placed(lab: &Lab) -> Result<Vec<String>> {
    match files::exists(&lab.path(COMPLETE)) {
        true => Ok(Vec::new()),
        false => early::placed(lab),
    }
}

fn reconcile(
    context: &Context,
    state: &mut State,
    lab: &Lab,
    gone: &[String],
    timeout: Duration,
) -> Result<()> {
    resize::reconcile(context, state, lab, gone, timeout)?;
    if gone.is_empty() {
        return Ok(());
    }
    // Without the nodes that have left, which fence_virtd need not power any more.
    fence::start(context, state, lab)?;
    let _host_lock = lock::host()?;
    hosts::keep(context, state, lab)
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

/// What there is now, in a line; `off` guest nodes are not online, since somebody holds them.
pub(crate) fn summary(lab: &Lab, off: usize) -> String {
    let spec = &lab.spec;
    let mut parts = vec![count(spec.all_cluster_nodes() as usize, "cluster node")];
    for (number, what) in [
        (spec.all_remote_nodes() as usize, "remote node"),
        ((spec.containers as usize).saturating_sub(off), "guest node"),
        (usize::from(spec.qnetd), "qnetd node"),
    ] {
        if number > 0 {
            parts.push(count(number, what));
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
