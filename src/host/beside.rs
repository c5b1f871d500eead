//! Standing beside a command that runs in a container, to say that it has ended with its container:
//! what `lxc-autogen node-enter --beside` does.
//!
//! The process that waits for the command is in the container's control groups, as the command is
//! ([`super::enter`]). libvirt ends all that is in them (libvirt 9.0, src/util/vircgroup.c,
//! virCgroupKillPainfully), so that one could say nothing. This one is outside of them.

use super::command::Cmd;
use super::enter;
use super::inside::BESIDE;
use super::poll::{Poll, Seen};
use super::processes;
use crate::error::{Error, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a container may take to end after what ran in it was told to: libvirt gives 3 s between
/// SIGTERM and SIGKILL (the same function).
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs this very program with the arguments that it has, but for the option that leads here, and ends
/// as it ends. Where that was because the container `name` has ended, whose PID 1 is `pid`, says so.
///
/// # Errors
/// When it cannot be started. Does not return otherwise.
pub fn run(name: &str, pid: u32, arguments: &[OsString]) -> Result<()> {
    let ourselves = std::env::current_exe().unwrap_or_else(|_| "lxc-autogen".into());
    let began = processes::start_time(pid);
    // Before it starts: a signal in between would end this process alone.
    let signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])
        .map_err(|e| Error::failed(format!("listen for signals: {e}")))?;
    let mut child = Cmd::new(ourselves.to_string_lossy())
        .args(without_option(arguments))
        .start()?;
    let told = Arc::new(AtomicBool::new(false));
    pass_on(signals, child.id(), Arc::clone(&told));
    let status = child
        .wait()
        .map_err(|e| Error::failed(format!("wait for the command: {e}")))?;
    let is_there = || began.is_some() && processes::start_time(pid) == began;
    // Whoever has told it to end knows why it did.
    if is_by_force(status) && !told.load(Ordering::Relaxed) {
        let look = |_: &mut Poll| Ok(Seen::ready_if(!is_there(), ()));
        let mut poll = Poll::every(Duration::from_millis(50), PATIENCE).uninterrupted();
        if let Ok(Seen::Ready(())) = poll.look(look) {
            crate::report::say(format!(
                "lxc-autogen: {name} has ended, fenced, stopped or restarted, and the command with it"
            ));
        }
    }
    enter::end_with(status.code(), status.signal())
}

/// The option comes before the command, which may have one of that name.
fn without_option(arguments: &[OsString]) -> Vec<OsString> {
    let is_it = |arg: &OsString| arg.to_string_lossy().starts_with(BESIDE);
    let at = arguments.iter().position(is_it);
    let all = arguments.iter().enumerate().skip(1);
    let others = all.filter(|(n, _)| Some(*n) != at);
    others.map(|(_, arg)| arg.clone()).collect()
}

/// Signals that come to this process are for the command.
fn pass_on(mut signals: Signals, child: u32, told: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        for signal in signals.forever() {
            told.store(true, Ordering::Relaxed);
            if let (Ok(pid), Ok(signal)) = (i32::try_from(child), Signal::try_from(signal)) {
                let _ = kill(Pid::from_raw(pid), signal);
            }
        }
    });
}

/// Whether somebody ended the command or what waits for it, as is done to all in a container that
/// ends.
fn is_by_force(status: ExitStatus) -> bool {
    let by = status.signal().or(status.code().map(|code| code - 128));
    by.is_some_and(|signal| [SIGHUP, SIGKILL, SIGTERM].contains(&signal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_keeps_its_own_options() {
        let of = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let typed = "lxc-autogen node-enter --beside=lxc1 17 -- x --beside=lxc1";
        let left = "node-enter 17 -- x --beside=lxc1";
        assert_eq!(without_option(&of(typed)), of(left));
    }

    #[test]
    fn what_ends_by_itself_was_not_ended() {
        let by_signal = |signal| is_by_force(ExitStatus::from_raw(signal));
        let with = |code: i32| is_by_force(ExitStatus::from_raw(code << 8));
        assert!(by_signal(SIGTERM) && by_signal(SIGKILL) && with(143) && with(137));
        assert!(!by_signal(SIGINT) && !with(0) && !with(1) && !with(127));
    }
}
