//! Runs of our program that are struck at a moment of theirs.

use crate::world::BINARY;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A moment to strike at, by name.
pub type Stage = (&'static str, fn() -> bool);

/// Starts lxc-autogen and does not wait for it.
pub fn start(args: &str) -> Child {
    Command::new(BINARY)
        .args(args.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Signals the child as soon as `stage` is reached, looked at without pause. With no signal it
/// only waits for that.
#[track_caller]
pub fn signal_at(
    child: &mut Child,
    which: impl Into<Option<Signal>>,
    what: &str,
    stage: impl Fn() -> bool,
) {
    let end = Instant::now() + Duration::from_secs(60);
    while !stage() {
        assert!(Instant::now() < end, "{what} was never reached");
        if let Some(status) = child.try_wait().unwrap() {
            let mut said = String::new();
            let stderr = child.stderr.take().into_iter();
            stderr.for_each(|mut it| drop(it.read_to_string(&mut said)));
            panic!("it ended before {what}: {status}: {said}");
        }
    }
    if let Some(which) = which.into() {
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), which).unwrap();
    }
}

/// Begins a command and kills it at a moment; that it had not ended by itself is certain.
#[track_caller]
pub fn killed(command: &str, what: &str, stage: impl Fn() -> bool) {
    let mut child = start(command);
    signal_at(&mut child, Signal::SIGKILL, what, stage);
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    let by = std::os::unix::process::ExitStatusExt::signal(&ended.status);
    assert_eq!(
        by,
        Some(Signal::SIGKILL as i32),
        "{command} ended before {what}: {said}"
    );
}

/// Whether a state directory's journal has a text.
pub fn in_journal(state: &str, text: &str) -> bool {
    let journal = std::fs::read_to_string(Path::new(state).join("journal.jsonl"));
    journal.is_ok_and(|journal| journal.contains(text))
}
