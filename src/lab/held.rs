//! Guest nodes of a lab that somebody has disabled, unmanaged or banned in its cluster: they stay so,
//! and are told.

use super::{GUESTS_DIR, Lab, nested, wait};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::pacemaker::held::Held;
use crate::pacemaker::tools;
use crate::plan::Machine;
use std::time::Duration;

/// How long the cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The guests that somebody holds.
fn of(context: &Context, lab: &Lab, inside: &Inside) -> Result<Vec<Held>> {
    let Some(set) = nested::set(lab)? else {
        return Ok(Vec::new());
    };
    let cib = tools::query(&inside.at(&context.host))?;
    // Guests can run on every cluster node.
    let places: Vec<String> = lab.cluster_nodes().into_iter().map(|n| n.name).collect();
    Ok(cib.held(&set, &places))
}

/// Refuses to restart guests that somebody holds: they would run afterwards.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the first of them.
pub(super) fn check(
    context: &Context,
    lab: &Lab,
    inside: &Inside,
    guests: &[Machine],
) -> Result<()> {
    let held = of(context, lab, inside)?;
    let mut held = held.iter();
    match held.find(|it| guests.iter().any(|guest| guest.name == it.node)) {
        None => Ok(()),
        Some(held) => Err(Error::cant(format!("{} is left as it is", held.in_short()))
            .mend(format!("{} undoes that", give_back(inside, &[held])))),
    }
}

/// Tells which guests stay as somebody has made them. Gives back how many of them are not online.
///
/// # Errors
/// When the cluster does not answer.
pub(crate) fn tell(context: &Context, lab: &Lab) -> Result<usize> {
    if lab.spec.containers == 0 {
        return Ok(0);
    }
    let inside = wait::await_answer(context, lab, PATIENCE)?;
    let held = of(context, lab, &inside)?;
    if held.is_empty() {
        return Ok(0);
    }
    let view = tools::view(&inside.at(&context.host))?;
    let all: Vec<String> = held.iter().map(Held::in_short).collect();
    context.report.line(format!(
        "left as somebody made them: {}; {} undoes that",
        all.join(", "),
        give_back(&inside, &held.iter().collect::<Vec<_>>())
    ));
    Ok(held.iter().filter(|it| !view.online(&it.node)).count())
}

/// The command that gives these guests back to the cluster.
fn give_back(inside: &Inside, held: &[&Held]) -> String {
    let nodes: Vec<&str> = held.iter().map(|it| it.node.as_str()).collect();
    format!(
        "lxc-autogen lab exec {} -- lxc-autogen up --state-dir {GUESTS_DIR} --enable {}",
        inside.name(),
        nodes.join(",")
    )
}
