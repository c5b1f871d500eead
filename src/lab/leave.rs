//! Taking a node out of a lab's cluster.

use super::running::Running;
use crate::change::{Change, Undoer};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::host::poll::{Poll, Seen};
use crate::lab::{Lab, config};
use crate::pacemaker::tools;
use crate::state::State;
use std::time::{Duration, Instant};

/// In good order, so that nobody fences it for leaving. One that hangs does not leave: it is fenced,
/// comes back, and is told again.
pub(crate) fn leave(context: &Context, lab: &Lab, name: &str) -> Result<()> {
    const AGAIN: Duration = Duration::from_secs(5);
    let patience = config::supervisor(lab).longest_stop() + Duration::from_secs(30);
    let mut told: Option<Instant> = None;
    let look = |_: &mut Poll| {
        let running = Running::of_names(context, lab, &[name.to_owned()])?;
        match running.get(name) {
            None if !running.is_paused(name) => return Ok(Seen::Ready(())),
            Some(leaving) if told.is_none_or(|at| at.elapsed() > AGAIN) => {
                leaving
                    .cmd("kill")
                    .args(["-TERM", "1"])
                    .run(&context.host)?;
                told = Some(Instant::now());
            }
            _ => {}
        }
        Ok(Seen::Waiting(()))
    };
    Poll::every(Duration::from_millis(200), patience).until(look, |()| {
        Error::not_online(format!("{name} has not stopped"))
            .mend(format!("see lxc-autogen lab shell {name}, then try again"))
    })
}

/// Removes what there is of it on this host.
pub(crate) fn remove(context: &Context, state: &mut State, name: &str) -> Result<()> {
    let ours = |_: u64, change: &Change| change.container() == Some(name);
    let outcome = Undoer::of(context, None).replay(&mut state.journal, ours);
    outcome.into_result().map(drop)
}

/// Stop, wait, delete: deleting a running remote node's resource would leave an orphan. One that a
/// run before has deleted is fine.
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

/// Makes the cluster forget a node. A cluster node that has just left is kept in the controllers'
/// caches as lost when this comes too soon (Pacemaker 2.1.5), so it is said until it is so.
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
