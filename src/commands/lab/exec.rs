//! `lab exec` and `lab shell`: running a command in a node, also in one nested in another.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::users;
use crate::lab::find::find;
use std::ffi::OsString;

/// Replaces this process with the command in the node: its exit status is ours.
///
/// # Errors
/// When the node does not run, or the command cannot be started.
pub(in crate::commands) fn run(context: &Context, node: &str, command: &[OsString]) -> Result<()> {
    users::require_root("lab exec")?;
    let mut inside = find(context, node)?;
    for name in ["TERM", "LANG"] {
        if let Ok(value) = std::env::var(name) {
            inside = inside.with_environment(name, &value);
        }
    }
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::usage("no command is given"));
    };
    let program = program
        .to_str()
        .ok_or_else(|| Error::usage("the command's name is not UTF-8"))?;
    Err(inside
        .cmd(program)
        .args(arguments.iter().cloned())
        .become_it())
}

/// Runs a login shell in the node.
///
/// # Errors
/// As [`run`].
pub(in crate::commands) fn shell(context: &Context, node: &str) -> Result<()> {
    let shell = ["bash", "-l"].map(OsString::from);
    run(context, node, &shell)
}
