//! Cluster nodes in standby or maintenance, where the cluster starts no container of a set that is
//! there already: waiting for its nodes would be in vain.

use super::admission;
use crate::error::{Error, Result};
use crate::look::Look;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::hint::Tool;
use crate::pacemaker::monitor::{NodeView, View};
use crate::pacemaker::tools;
use crate::plan::Set;

/// Refuses to wait for nodes that the cluster would not start.
///
/// # Errors
/// [`crate::error::Kind::Cant`] where a node of the set is not online that nobody holds, and all
/// cluster nodes where it could run are in standby or maintenance.
pub(crate) fn check(look: &Look<'_>, set: &Set) -> Result<()> {
    let cib = look.cib()?;
    if !cib.has_node_off() {
        return Ok(());
    }
    let places = set.places(look.node()?, &cib.cluster_nodes());
    let view = tools::view(&look.context.host)?;
    let held = cib.held(set, &places);
    let is_held = |name: &str| held.iter().any(|it| it.node == name);
    let mut guests = set.guests().into_iter();
    match guests.any(|guest| !view.online(&guest.name) && !is_held(&guest.name)) {
        true => closed(&view, &places).map_or(Ok(()), Err),
        false => Ok(()),
    }
}

/// Refuses to stop nodes that are to be started again, where the cluster would not do it.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the reason and the mend.
pub(crate) fn check_restart(look: &Look<'_>, set: &Set) -> Result<()> {
    let places = set.places(look.node()?, &look.cib()?.cluster_nodes());
    let view = tools::view(&look.context.host)?;
    hindrance(&*look.cib()?, &view, &places).map_or(Ok(()), Err)
}

/// Why the cluster would start none of a set's nodes, by its properties and the cluster nodes.
pub(crate) fn hindrance(cib: &Cib, view: &View, places: &[String]) -> Option<Error> {
    let unwilling = admission::check_willing(cib).err();
    unwilling.or_else(|| closed(view, places))
}

/// The error where all of these cluster nodes are in standby or maintenance.
fn closed(view: &View, places: &[String]) -> Option<Error> {
    let tool = Tool::here();
    let off = places
        .iter()
        .map(|name| view.nodes.get(name).and_then(|node| off(&tool, name, node)));
    let reasons: Vec<(String, String)> = off.collect::<Option<_>>()?;
    (!reasons.is_empty()).then(|| no_start(reasons))
}

/// The finding and its mend, where a cluster node is in standby or maintenance.
pub(super) fn off(tool: &Tool, name: &str, node: &NodeView) -> Option<(String, String)> {
    match node.note {
        Some("standby") => Some((format!("{name} is in standby"), tool.unstandby(name))),
        Some("maintenance") => Some((
            format!("{name} is in maintenance"),
            tool.unmaintenance(name),
        )),
        _ => None,
    }
}

/// The error that names these findings and their mends.
pub(super) fn no_start(reasons: Vec<(String, String)>) -> Error {
    let (whats, mends): (Vec<String>, Vec<String>) = reasons.into_iter().unzip();
    Error::cant(format!(
        "the cluster would start no node: {}",
        whats.join("; ")
    ))
    .mend(mends.join("; "))
}
