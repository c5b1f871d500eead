//! Taking a node out of a lab's cluster.

use super::running::Running;
use super::{daemons, wait};
use crate::change::{Change, Undoer};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::host::poll::{Poll, Seen};
use crate::lab::{Lab, config};
use crate::pacemaker::tools;
use crate::plan::Kind;
use crate::state::State;
use std::time::{Duration, Instant};

/// Stops a cluster node in good order, so that nobody fences it for leaving. A node that hangs is
/// fenced instead, comes back, and is told to stop again.
///
/// While a node is being fenced it is off for a moment, and fence_virtd is about to start it again:
/// it has left only when the cluster agrees.
pub(crate) fn leave(context: &Context, lab: &Lab, name: &str) -> Result<()> {
    const AGAIN: Duration = Duration::from_secs(5);
    let patience = config::supervisor(lab, Kind::Cluster).longest_stop() + Duration::from_secs(30);
    let mut told: Option<Instant> = None;
    let look = |_: &mut Poll| {
        let running = Running::of_names(context, lab, &[name.to_owned()])?;
        let leaving = running.get(name);
        if leaving.is_none() && !running.is_paused(name) {
            let is_fenced = lab.spec.fencing && !lab.spec.bare;
            let has_left = !is_fenced || has_left(context, lab, name)?;
            return Ok(Seen::ready_if(
                has_left,
                "is off, but the cluster has not fenced it",
            ));
        }
        if let Some(leaving) = leaving.filter(|_| told.is_none_or(|at| at.elapsed() > AGAIN)) {
            daemons::end(context, lab, leaving)?;
            told = Some(Instant::now());
        }
        Ok(Seen::Waiting("has not stopped"))
    };
    Poll::every(Duration::from_millis(200), patience).until(look, |why| {
        Error::not_online(format!("{name} {why}")).mend(format!(
            "see lxc-autogen lab status --name {}, then try again",
            lab.spec.name
        ))
    })
}

/// Whether the remaining nodes wait for nothing more from this one.
fn has_left(context: &Context, lab: &Lab, name: &str) -> Result<bool> {
    let remaining = Running::of(context, lab)?;
    let view = wait::view(context, lab, &remaining);
    Ok(view.is_some_and(|view| view.has_left(name)))
}

/// Removes a node from this host: its domain, files and records.
pub(crate) fn remove(context: &Context, state: &mut State, name: &str) -> Result<()> {
    let ours = |_: u64, change: &Change| change.container() == Some(name);
    let outcome = Undoer::of(context, None).replay(&mut state.journal, ours);
    outcome.into_result().map(drop)
}

/// Stops a remote node's resource, waits, and deletes it: deleting it while it runs would leave an
/// orphan. That an earlier run has deleted it is fine.
pub(crate) fn stop_remote(context: &Context, inside: &Inside, name: &str) -> Result<()> {
    let at = inside.at(&context.host);
    if !tools::stop(&at, name)? {
        return Ok(());
    }
    let look = |_: &mut Poll| {
        let view = tools::view(&at)?;
        Ok(Seen::ready_if(!view.active.contains_key(name), view))
    };
    Poll::every(Duration::from_millis(200), Duration::from_secs(120)).until(look, |view| {
        Error::failed(format!("{name} does not stop")).details(view.failures_of(&[name]))
    })?;
    let xpath = format!("/cib/configuration/resources/primitive[@id='{name}']");
    tools::replace_or_delete(&at, &xpath, None)
}

/// Makes the cluster forget a node. When this comes too soon after a cluster node has left, the
/// controllers keep it in their caches as lost (Pacemaker 2.1.5), so it is repeated until the node
/// is gone.
pub(crate) fn forget(context: &Context, inside: &Inside, name: &str) -> Result<()> {
    let at = inside.at(&context.host);
    let look = |_: &mut Poll| {
        tools::forget_node(&at, name)?;
        let list = tools::list(&at)?;
        let is_known = list.iter().any(|node| node.name == name);
        Ok(Seen::ready_if(!is_known, list))
    };
    Poll::every(Duration::from_millis(500), Duration::from_secs(60)).until(look, |list| {
        Error::failed(format!("the cluster does not forget {name}"))
            .details(list.into_iter().map(|node| node.line))
    })
}
