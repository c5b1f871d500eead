//! Running people's commands in machines: in one in this process's place, in several side by side.

use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::command::Cmd;
use crate::host::inside::Inside;
use crate::host::processes;
use crate::libvirt::virsh;
use crate::report::{result, say};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// How long a command may take in one of several machines.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The error with the exit status of our own failures, which is no command's.
pub(crate) fn not_entered(e: Error) -> Error {
    match e.kind {
        Kind::Interrupted => e,
        _ => e.with_kind(Kind::NotEntered),
    }
}

/// PID of a container's init in this host's numbers. Its libvirt_lxc is found by its arguments, among
/// the processes in the pid namespace of the process `beside`.
pub(crate) fn init_of(name: &str, beside: u32) -> Option<u32> {
    processes::of("libvirt_lxc", Path::new(name))
        .into_iter()
        .filter_map(|pid| u32::try_from(pid.as_raw()).ok())
        .find(|pid| processes::same_namespace(*pid, beside))
        .and_then(virsh::child_of)
}

/// A program and its arguments, as somebody typed them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typed<'a> {
    program: &'a str,
    arguments: &'a [OsString],
}

impl<'a> Typed<'a> {
    /// # Errors
    /// A usage error when there is no program, or its name is not UTF-8.
    pub(crate) fn of(command: &'a [OsString]) -> Result<Typed<'a>> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(Error::usage("no command is given"));
        };
        let program = program
            .to_str()
            .ok_or_else(|| Error::usage("the command's name is not UTF-8"))?;
        Ok(Typed { program, arguments })
    }

    fn cmd(self, inside: Inside) -> Cmd {
        let inside = with_ours(inside);
        let arguments = self.arguments.iter().cloned();
        inside.cmd(self.program).args(arguments)
    }

    /// Replaces this process with the command in the machine; returns only when that fails.
    pub(crate) fn become_it(self, inside: Inside) -> Error {
        let inside = with_ours(inside);
        let arguments = self.arguments.iter().cloned();
        let cmd = inside.cmd_beside(self.program).args(arguments);
        cmd.become_it()
    }

    /// Runs the command in all of these machines. Gives back the greatest exit status, in which our
    /// own failures count with theirs.
    pub(crate) fn side_by_side(
        self,
        context: &Context,
        found: Vec<(String, Result<Inside>)>,
    ) -> i32 {
        std::thread::scope(|scope| {
            let each = |(name, inside): (String, Result<Inside>)| {
                scope.spawn(move || in_one(context, &name, inside.map(|inside| self.cmd(inside))))
            };
            let running: Vec<_> = found.into_iter().map(each).collect();
            let ended = running.into_iter().map(|thread| thread.join().unwrap_or(1));
            ended.max().unwrap_or(0)
        })
    }
}

/// With the variables of this process that the command is to have, too.
fn with_ours(mut inside: Inside) -> Inside {
    for name in ["TERM", "LANG"] {
        if let Ok(value) = std::env::var(name) {
            inside = inside.with_environment(name, &value);
        }
    }
    inside
}

/// Runs the command in one of several machines; each line of its output gets the machine's name.
/// Gives back its exit status, or that of our error.
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
