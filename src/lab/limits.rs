//! Another memory limit of nodes that run. The lab remembers that it is being changed, so that the
//! next `lab up` finishes one that was interrupted; the domains' definitions are rewritten at each.

use super::Lab;
use crate::change::{Change, StateFile, Undoer};
use crate::context::Context;
use crate::error::Result;
use crate::host::files;
use crate::machine::{self, Doing};
use crate::state::State;

/// Name of a file in the lab's directory that is there for as long.
const CHANGING: &str = "memory-changing";

/// Whether nodes that run may have another memory limit than this lab says.
pub(crate) fn differ(lab: &Lab, saved: Option<&Lab>) -> bool {
    let other = |saved: &Lab| {
        saved.spec.memory_mib != lab.spec.memory_mib
            || saved.spec.guest_memory_mib != lab.spec.guest_memory_mib
    };
    saved.is_some_and(other) || files::exists(&lab.path(CHANGING))
}

/// Writes down that the limits are being changed.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn begin(state: &mut State) -> Result<()> {
    state.write(CHANGING, "")
}

/// Gives each node that runs the memory that the lab says.
///
/// # Errors
/// When a node uses more than that.
pub(crate) fn change(context: &Context, state: &mut State, lab: &Lab) -> Result<()> {
    for (machinery, nodes) in machine::by_machinery(&lab.nodes()) {
        let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        let seen = machinery.watch(&context.host, &names)?;
        for node in &nodes {
            let doing = seen.get(&node.name).map(|it| it.doing);
            if matches!(doing, Some(Doing::Runs | Doing::Paused)) {
                machinery.give_memory(&context.host, &node.name, node.memory_mib)?;
            }
        }
    }
    let file = Change::from(StateFile::named(CHANGING)).key();
    let ours = |_: u64, change: &Change| change.key() == file;
    let outcome = Undoer::of(context, None).replay(&mut state.journal, ours);
    outcome.into_result().map(drop)
}
