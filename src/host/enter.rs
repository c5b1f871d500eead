//! Becoming a program inside a container: what `lxc-autogen node-enter` does, which
//! [`Inside::cmd`](super::inside::Inside::cmd) runs.
//!
//! By our own hands, not by nsenter(1): that one stops itself when its child is stopped, and waits for
//! somebody to continue both (util-linux 2.38, sys-utils/nsenter.c, continue_as_child). A systemd that
//! shuts down stops all processes of its node for a moment (systemd 252, src/shutdown/killall.c,
//! broadcast_signal), and ends them then. A stopped nsenter would never fetch the exit status of its
//! child, and without that the node's pid namespace, and so the node, would not end.

use super::command::Cmd;
use crate::error::{Error, Result};
use caps::{CapSet, Capability};
use nix::sched::{CloneFlags, setns};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

/// The namespaces that are entered, as in /proc/PID/ns; the one of mounts last, since from then on
/// /proc is the container's.
const NAMESPACES: &[(&str, CloneFlags)] = &[
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("net", CloneFlags::CLONE_NEWNET),
    ("pid", CloneFlags::CLONE_NEWPID),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("mnt", CloneFlags::CLONE_NEWNS),
];

/// Exit statuses of a program that cannot be started, and of one that is not there, as a shell has
/// them (POSIX, "Exit Status for Commands").
const NOT_STARTED: i32 = 126;
const NOT_FOUND: i32 = 127;

/// Runs a program in the container whose PID 1 is `pid`, and ends as it ends.
///
/// The program is in the container's control groups, so that their limits, above all that of devices,
/// hold for it too. Its capabilities are limited before the container's files are read: those must
/// not be trusted with more. `without` are the names of the capabilities that the container does not
/// have, `environment` is all of the program's environment, as (name, value).
///
/// # Errors
/// When the container cannot be entered. Does not return otherwise.
pub fn run(
    pid: u32,
    without: &[String],
    environment: &[(String, String)],
    command: &[OsString],
) -> Result<()> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::usage("node-enter without a command"));
    };
    super::inside::join_groups(pid)
        .and_then(|()| enter_namespaces(pid))
        .map_err(|e| match Path::new(&format!("/proc/{pid}")).exists() {
            true => e,
            false => Error::cant("the container has just ended")
                .mend("see what runs: lxc-autogen lab status, or lxc-autogen status"),
        })?;
    give_up(without)?;
    let program = program.to_string_lossy();
    let command = Cmd::new(program.clone()).args(arguments.iter().cloned());
    let variables = environment.iter();
    let command = variables.fold(command, |command, (name, value)| command.env(name, value));
    let status = match command.stand_in_for_us() {
        Ok(status) => status,
        Err(e) => {
            crate::report::say(format!("lxc-autogen: cannot start {program}: {e}"));
            let not_found = e.kind() == std::io::ErrorKind::NotFound;
            std::process::exit(if not_found { NOT_FOUND } else { NOT_STARTED });
        }
    };
    end_with(status.code(), status.signal())
}

/// Ends this process as a program has ended in its place: with its exit status, or by the same signal;
/// what cannot be had so is told as a shell tells it.
pub fn end_with(code: Option<i32>, signal: Option<i32>) -> ! {
    if let Some(signal) = signal {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
        std::process::exit(128 + signal);
    }
    std::process::exit(code.unwrap_or(NOT_STARTED))
}

/// This process is in all of them afterwards, but for that of processes, which its children are in.
fn enter_namespaces(pid: u32) -> Result<()> {
    let opened = NAMESPACES.iter().map(|(name, flag)| {
        let path = format!("/proc/{pid}/ns/{name}");
        let file = File::open(&path).map_err(|e| Error::io("open", Path::new(&path), e))?;
        Ok((name, file, *flag))
    });
    for (name, file, flag) in opened.collect::<Result<Vec<_>>>()? {
        setns(file, flag).map_err(|e| Error::failed(format!("enter the {name} namespace: {e}")))?;
    }
    Ok(())
}

/// No program that this process starts from now on can have these capabilities.
fn give_up(names: &[String]) -> Result<()> {
    for name in names {
        let failed = |e: &dyn std::fmt::Display| Error::failed(format!("give up {name}: {e}"));
        let capability: Capability = format!("CAP_{}", name.to_ascii_uppercase())
            .parse()
            .map_err(|e| failed(&e))?;
        for set in [CapSet::Ambient, CapSet::Bounding, CapSet::Inheritable] {
            caps::drop(None, set, capability).map_err(|e| failed(&e))?;
        }
    }
    Ok(())
}
