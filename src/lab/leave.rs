//! Taking a node out of a lab's cluster.

use super::running::Running;
use crate::change::{Change, Undoer};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::host::signals;
use crate::lab::{Lab, config};
use crate::pacemaker::monitor::View;
use crate::state::State;
use std::time::{Duration, Instant};

/// In good order, so that nobody fences it for leaving. One that hangs does not leave: it is fenced,
/// comes back, and is told again.
pub(crate) fn leave(context: &Context, lab: &Lab, name: &str) -> Result<()> {
    const AGAIN: Duration = Duration::from_secs(5);
    let patience = config::supervisor(lab).longest_stop() + Duration::from_secs(30);
    let began = Instant::now();
    let mut told: Option<Instant> = None;
    loop {
        let running = Running::of_names(context, lab, &[name.to_owned()])?;
        match running.get(name) {
            None if !running.is_paused(name) => return Ok(()),
            Some(leaving) if told.is_none_or(|at| at.elapsed() > AGAIN) => {
                leaving
                    .cmd("kill")
                    .args(["-TERM", "1"])
                    .run(&context.host)?;
                told = Some(Instant::now());
            }
            _ => {}
        }
        if began.elapsed() > patience {
            return Err(Error::not_online(format!("{name} has not stopped"))
                .mend(format!("see lxc-autogen lab shell {name}, then try again")));
        }
        signals::sleep(Duration::from_millis(200))?;
    }
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
    let target = [
        "--meta",
        "--set-parameter",
        "target-role",
        "--parameter-value",
        "Stopped",
    ];
    let stopped = inside
        .cmd("crm_resource")
        .args(["--resource", name])
        .args(target)
        .run(&context.host)?;
    // No such object (Pacemaker 2.1.5, CRM_EX_NOSUCH).
    if stopped.code == 105 {
        return Ok(());
    }
    if stopped.code != 0 {
        return Err(stopped.error());
    }
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let text = inside
            .cmd("crm_mon")
            .args(["--one-shot", "--output-as=xml"])
            .ok(&context.host)?;
        let view = View::parse(&text)?;
        if !view.active.contains_key(name) {
            break;
        }
        if Instant::now() > end {
            return Err(
                Error::failed(format!("{name} does not stop")).details(view.failures_of(&[name]))
            );
        }
        signals::sleep(Duration::from_millis(200))?;
    }
    let xpath = format!("/cib/configuration/resources/primitive[@id='{name}']");
    inside
        .cmd("cibadmin")
        .args(["--delete", "--force", "--xpath", &xpath])
        .ok(&context.host)
        .map(drop)
}

/// Makes the cluster forget a node. A cluster node that has just left is kept in the controllers'
/// caches as lost when this comes too soon (Pacemaker 2.1.5), so it is said until it is so.
pub(crate) fn forget(context: &Context, inside: &Inside, name: &str) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        inside
            .cmd("crm_node")
            .args(["--force", "--remove", name])
            .ok(&context.host)?;
        let list = inside.cmd("crm_node").arg("--list").ok(&context.host)?;
        if !list.split_whitespace().any(|w| w == name) {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(Error::failed(format!("the cluster does not forget {name}"))
                .details(list.lines().map(str::to_owned)));
        }
        signals::sleep(Duration::from_millis(500))?;
    }
}
