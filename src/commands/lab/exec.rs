//! `lab exec` and `lab shell`: running a command in a node, also in one nested in another.

use crate::context::Context;
use crate::error::Result;
use crate::host::users;
use crate::lab::find::{find, find_all, is_pattern, lab_of};
use crate::machine::enter::{Typed, not_entered};
use crate::report::say;
use std::ffi::OsString;
use std::io::IsTerminal as _;

/// Replaces this process with the command in the node: its exit status is ours. In several nodes it
/// runs side by side, and the greatest exit status is ours.
///
/// # Errors
/// [`crate::error::Kind::NotEntered`] when the node does not run, or the command cannot be started.
pub(in crate::commands) fn run(context: &Context, node: &str, command: &[OsString]) -> Result<()> {
    carry_out(context, node, command).map_err(not_entered)
}

fn carry_out(context: &Context, node: &str, command: &[OsString]) -> Result<()> {
    users::require_root_even_dry("lab exec")?;
    let typed = Typed::of(command)?;
    if !is_pattern(node) {
        return Err(typed.become_it(find(context, node)?));
    }
    std::process::exit(typed.side_by_side(context, find_all(context, node)?))
}

/// Runs a login shell in the node.
///
/// # Errors
/// As [`run`].
pub(in crate::commands) fn shell(context: &Context, node: &str) -> Result<()> {
    users::require_root_even_dry("lab shell").map_err(not_entered)?;
    let (_, lab, _) = lab_of(context, node).map_err(not_entered)?;
    if let Some(password) = lab.password().filter(|_| std::io::stdin().is_terminal()) {
        say(format!(
            "hacluster's password, for pcs, is in {} of the host",
            password.display()
        ));
    }
    let shell = ["bash", "-l"].map(OsString::from);
    run(context, node, &shell)
}
