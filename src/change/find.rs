//! Finding what is ours by the marks it carries, for a journal that is lost or another node's.

use super::kinds::{Kind, all_found};
use super::traces::Traces;
use super::{Change, CibObject, Domain, Node, Resource};
use crate::context::Context;
use crate::error::Result;
use crate::pacemaker::cib::Cib;
use crate::plan::Set;

/// What carries the mark of this state directory, journaled or not; `set` is the one in it.
///
/// # Errors
/// When the networks or the hosts file cannot be looked at, or the cluster does not say who this
/// node is. That libvirt does not answer is a warning.
pub fn found(context: &Context, cib: Option<&Cib>, set: Option<&Set>) -> Result<Vec<Change>> {
    all_found(&Traces::of(context, cib, set)?)
}

/// What of the CIB is of this state directory on this node: templates, with their primitives,
/// nodes, constraints and clones; and the domains of those nodes. What is of the same directory on
/// another node is another set: made there, and taken away there.
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
