//! `lab exec` and `lab shell`: running a command in a node, also in one nested in another.

use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::command::Cmd;
use crate::host::inside::Inside;
use crate::host::users;
use crate::lab::find::{find, find_all, is_pattern, lab_of};
use crate::report::{result, say};
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::time::Duration;

/// Replaces this process with the command in the node: its exit status is ours. In several nodes it
/// runs side by side, and the greatest exit status is ours.
///
/// # Errors
/// [`Kind::NotEntered`] when the node does not run, or the command cannot be started.
pub(in crate::commands) fn run(context: &Context, node: &str, command: &[OsString]) -> Result<()> {
    carry_out(context, node, command).map_err(not_entered)
}

/// The error with the exit status of our own failures, which is no command's.
fn not_entered(e: Error) -> Error {
    match e.kind {
        Kind::Interrupted => e,
        _ => e.with_kind(Kind::NotEntered),
    }
}

fn carry_out(context: &Context, node: &str, command: &[OsString]) -> Result<()> {
    users::require_root_even_dry("lab exec")?;
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::usage("no command is given"));
    };
    let program = program
        .to_str()
        .ok_or_else(|| Error::usage("the command's name is not UTF-8"))?;
    let cmd = |inside: Inside| {
        with_ours(inside)
            .cmd(program)
            .args(arguments.iter().cloned())
    };
    if !is_pattern(node) {
        return Err(cmd(find(context, node)?).become_it());
    }
    let found = find_all(context, node)?;
    let worst = std::thread::scope(|scope| {
        let each = |(name, node): (String, Result<Inside>)| {
            scope.spawn(move || in_one(context, &name, node.map(cmd)))
        };
        let running: Vec<_> = found.into_iter().map(each).collect();
        let ended = running.into_iter().map(|thread| thread.join().unwrap_or(1));
        ended.max().unwrap_or(0)
    });
    std::process::exit(worst)
}

fn with_ours(mut inside: Inside) -> Inside {
    for name in ["TERM", "LANG"] {
        if let Ok(value) = std::env::var(name) {
            inside = inside.with_environment(name, &value);
        }
    }
    inside
}

/// Runs the command in one of several nodes; each line of its output gets the node's name. Gives
/// back its exit status, or that of our error.
fn in_one(context: &Context, name: &str, cmd: Result<Cmd>) -> i32 {
    let named = |text: &str| -> String {
        let lines = text.lines().map(|line| format!("{name}: {line}\n"));
        lines.collect()
    };
    let ended = cmd.and_then(|cmd| cmd.timeout(LONGEST).interruptible().run(&context.host));
    match ended {
        Ok(output) => {
            result(named(&output.stdout));
            tell(&named(&output.stderr));
            output.code
        }
        Err(e) => {
            tell(&named(&e.to_string()));
            i32::from(not_entered(e).kind.exit_code())
        }
    }
}

fn tell(lines: &str) {
    if !lines.is_empty() {
        say(lines.trim_end());
    }
}

/// How long a command may take in one of several nodes.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

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
