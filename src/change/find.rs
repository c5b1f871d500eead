//! Finding this state directory's things by the marks they carry, where the journal is lost or is
//! another node's.

use super::kinds::{Kind, all_found};
use super::traces::Traces;
use super::{Change, CibObject, Domain, Node, Resource};
use crate::context::Context;
use crate::error::Result;
use crate::pacemaker::cib::Cib;
use crate::plan::Set;

/// Changes told by things that carry this state directory's mark, whether the journal has them or
/// not; `set` is the set in the directory.
///
/// # Errors
/// When the networks or the hosts file cannot be looked at, or the cluster does not say who this
/// node is. That libvirt does not answer is a warning.
pub fn found(context: &Context, cib: Option<&Cib>, set: Option<&Set>) -> Result<Vec<Change>> {
    all_found(&Traces::of(context, cib, set)?)
}

/// The objects of the CIB that this state directory made on this node: sets with their
/// primitives, nodes, constraints and clones; and the domains of those nodes. Objects made from the
/// directory of the same path on another node belong to another set, which is made and removed on
/// that node.
///
/// # Errors
/// When the cluster does not say who this node is.
pub fn found_in_cib(context: &Context, cib: &Cib, set: Option<&Set>) -> Result<Vec<Change>> {
    let traces = Traces::of_cib(context, cib, set)?;
    let mut found: Vec<Change> = Vec::new();
    found.extend(Node::found(&traces)?.into_iter().map(Change::from));
    found.extend(Domain::found(&traces)?.into_iter().map(Change::from));
    found.extend(Resource::found(&traces)?.into_iter().map(Change::from));
    found.extend(CibObject::found(&traces)?.into_iter().map(Change::from));
    Ok(found)
}
