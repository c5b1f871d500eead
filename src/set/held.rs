//! Nodes of a set that somebody has disabled, unmanaged or banned: left so, said, and given back on
//! request.

use crate::error::{Error, Result};
use crate::look::Look;
use crate::pacemaker::held::{Held, How};
use crate::pacemaker::hint::Tool;
use crate::pacemaker::tools;
use crate::plan::Set;
use std::collections::HashSet;

/// The nodes of a set that somebody holds.
///
/// # Errors
/// When the cluster does not answer.
pub(crate) fn of(look: &Look<'_>, set: &Set) -> Result<Vec<Held>> {
    let cib = look.cib()?;
    if !cib.has_id(&set.tag()) {
        return Ok(Vec::new());
    }
    let places = set.places(look.node()?, &cib.cluster_nodes());
    Ok(cib.held(set, &places))
}

/// Names of these nodes.
pub(crate) fn names(held: &[Held]) -> HashSet<String> {
    held.iter().map(|it| it.node.clone()).collect()
}

/// Says which nodes stay as somebody has made them.
pub(crate) fn say(look: &Look<'_>, held: &[Held]) {
    if held.is_empty() {
        return;
    }
    let all: Vec<String> = held.iter().map(Held::in_short).collect();
    let nodes: Vec<&str> = held.iter().map(|it| it.node.as_str()).collect();
    look.context.report.line(format!(
        "left as somebody made them: {}; lxc-autogen up --enable {} undoes that",
        all.join(", "),
        nodes.join(",")
    ));
}

/// Says which nodes are not made although their numbers are within the number asked for.
pub(crate) fn say_removed(look: &Look<'_>, set: &Set) {
    let removed = set.spec.removed.iter();
    let names: Vec<String> = removed.map(|n| set.spec.prefix.node(*n)).collect();
    if names.is_empty() {
        return;
    }
    look.context.report.line(format!(
        "stays removed: {}; lxc-autogen up --enable {} makes it again",
        names.join(", "),
        names.join(",")
    ));
}

/// Refuses names of other nodes, and nodes that only their owner can give back.
///
/// # Errors
/// A usage error, or [`crate::error::Kind::Cant`].
pub(crate) fn check(look: &Look<'_>, set: &Set, wanted: &[String]) -> Result<()> {
    let guests = set.guests();
    if let Some(name) = wanted.iter().find(|w| guests.iter().all(|g| g.name != **w)) {
        let first = &guests[0].name;
        let last = &guests[guests.len() - 1].name;
        return Err(
            Error::usage(format!("--enable: {name} is not a node of the set"))
                .mend(format!("its nodes are {first} to {last}")),
        );
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let tool = Tool::here();
    for held in of(look, set)?.iter().filter(|it| wanted.contains(&it.node)) {
        if let Some(id) = held.bans.iter().find(|id| !is_of_crm_resource(id)) {
            return Err(Error::cant(format!(
                "constraint {id} keeps {} off every node where it could run",
                held.node
            ))
            .mend(tool.delete_constraint(id)));
        }
    }
    Ok(())
}

/// Whether `crm_resource --ban` made this constraint, whose `--clear` takes it away.
fn is_of_crm_resource(id: &str) -> bool {
    id.starts_with("cli-ban-")
}

/// Gives nodes back to the cluster: enables, manages and frees their resources.
///
/// # Errors
/// When crm_resource fails.
pub(crate) fn enable(look: &Look<'_>, set: &Set, wanted: &[String]) -> Result<()> {
    let host = &look.context.host;
    let all = of(look, set)?.into_iter();
    for held in all.filter(|it| wanted.contains(&it.node)) {
        for how in &held.how {
            match how {
                How::Disabled => tools::delete_meta(host, &held.resource, "target-role")?,
                How::Unmanaged => tools::manage(host, &held.resource)?,
                How::Banned => tools::clear(host, &held.resource)?,
            }
        }
        let line = format!("given back to the cluster: {}", held.in_short());
        look.context.report.line(line);
        look.cib_has_changed();
    }
    Ok(())
}
