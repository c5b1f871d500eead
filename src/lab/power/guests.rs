//! Guest nodes of a lab, restarted by its cluster or killed, wherever they run.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::poll::{Poll, Seen};
use crate::lab::guests::Guests;
use crate::lab::running::Running;
use crate::lab::{Lab, held, wait};
use crate::pacemaker::tools;
use crate::plan::Machine;
use crate::set::single;
use std::time::Duration;

/// How long the cluster may take to answer, and to start a guest again.
const PATIENCE: Duration = Duration::from_secs(120);

/// Kills guest nodes with their containers, in whichever of the cluster nodes they run. Gives back the
/// names of those that run in none.
///
/// # Errors
/// When libvirt does not answer.
pub(crate) fn kill(context: &Context, lab: &Lab, guests: &[Machine]) -> Result<Vec<String>> {
    let running = Running::of(context, lab)?;
    let places = Guests::of(context, lab, &running);
    let mut off = Vec::new();
    for guest in guests {
        match places.find(&guest.name) {
            Some(place) => place.kill(context)?,
            None => off.push(guest.name.clone()),
        }
    }
    Ok(off)
}

/// Has the cluster restart guest nodes, one after the other, and waits until they are online.
///
/// # Errors
/// When no cluster node runs or answers, somebody holds a guest, or one is not online in time.
pub(crate) fn restart(context: &Context, lab: &Lab, guests: &[Machine]) -> Result<()> {
    if guests.is_empty() {
        return Ok(());
    }
    let name = &lab.spec.name;
    if Running::of(context, lab)?.cluster(lab).is_empty() {
        return Err(Error::cant(format!("no cluster node of lab {name} runs"))
            .mend(format!("lxc-autogen lab up --name {name}")));
    }
    let inside = wait::await_answer(context, lab, PATIENCE)?;
    held::check(context, lab, &inside, guests)?;
    let at = inside.at(&context.host);
    for guest in guests {
        context.host.check_interrupt()?;
        single::stop_and_start(&at, guest, || Ok(()))?;
        let look = |_: &mut Poll| {
            let view = tools::view(&at)?;
            Ok(Seen::ready_if(view.online(&guest.name), view))
        };
        let poll = Poll::every(Duration::from_millis(200), PATIENCE);
        poll.until(look, |view| {
            Error::not_online(format!("{} is not online again", guest.name))
                .details(view.failures_of(&[&guest.name, &guest.resource]))
                .mend(wait::look_at(lab, inside.name()))
        })?;
    }
    Ok(())
}

/// The refusal to stop or start guest nodes from outside, with what does it in the cluster.
pub(crate) fn refuse(lab: &Lab, guests: &[Machine], verb: &str) -> Result<()> {
    let Some(guest) = guests.first() else {
        return Ok(());
    };
    let role = match verb {
        "stop" => "--set-parameter target-role --parameter-value Stopped",
        _ => "--delete-parameter target-role",
    };
    let node = format!("{}/node1", lab.spec.name);
    Err(Error::cant(format!(
        "{} is a guest node: the cluster stops and starts it, and would mend what is done behind its \
         back",
        guest.name
    ))
    .mend(format!(
        "tell the cluster: lxc-autogen lab exec {node} -- crm_resource --resource {} --meta {role}",
        guest.resource
    )))
}
