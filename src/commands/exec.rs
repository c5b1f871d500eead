//! `exec` and `shell`: running a command in a node of a set.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::users;
use crate::look::Look;
use crate::machine::enter::{Typed, not_entered};
use crate::plan::Set;
use crate::set::single;
use std::ffi::OsString;

/// Replaces this process with the command in the node: its exit status is ours. In several nodes it
/// runs side by side, and the greatest exit status is ours.
///
/// # Errors
/// [`crate::error::Kind::NotEntered`] when the node does not run here, or the command cannot be
/// started.
pub(super) fn run(context: &Context, node: &str, command: &[OsString]) -> Result<()> {
    carry_out(context, node, command).map_err(not_entered)
}

fn carry_out(context: &Context, node: &str, command: &[OsString]) -> Result<()> {
    users::require_root_even_dry("exec")?;
    let typed = Typed::of(command)?;
    let set = set_of(context)?;
    let look = Look::new(context);
    let nodes = single::named(&set, &[node.to_owned()])?;
    if let ([one], false) = (nodes.as_slice(), single::is_pattern(node)) {
        return Err(typed.become_it(single::inside(&look, &set, one)?));
    }
    let found = nodes.iter().map(|guest| {
        let inside = single::inside(&look, &set, guest);
        (guest.name.clone(), inside)
    });
    std::process::exit(typed.side_by_side(context, found.collect()))
}

/// Runs a login shell in the node.
///
/// # Errors
/// As [`run`].
pub(super) fn shell(context: &Context, node: &str) -> Result<()> {
    run(context, node, &["bash", "-l"].map(OsString::from))
}

/// The set in the state directory.
fn set_of(context: &Context) -> Result<Set> {
    crate::state::load_set(&context.state_dir)?.ok_or_else(|| {
        Error::cant(format!("no containers in {}", context.state_dir.display()))
            .mend("lxc-autogen up; a lab's nodes: lxc-autogen lab exec")
    })
}
