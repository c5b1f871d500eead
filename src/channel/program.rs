//! A program in the machine, with pipes or a terminal for its streams.

use super::packet::{Size, Start};
use crate::host::command::Cmd;
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::process::{Child, Stdio};

/// A program that has been started, and its streams' ends on our side.
#[derive(Debug)]
pub(super) struct Program {
    pub child: Child,
    pub input: File,
    pub output: File,
    /// A terminal has no stream for errors.
    pub error_output: Option<File>,
    pub group: Group,
}

/// The process group that a program and what it starts are in.
#[derive(Debug)]
pub(super) struct Group {
    leader: Pid,
    terminal: Option<File>,
}

impl Program {
    /// # Errors
    /// When there is no such program, or no terminal.
    pub(super) fn start(start: &Start) -> io::Result<Program> {
        let words = start.command.iter().cloned().map(OsString::from_vec);
        let words: Vec<OsString> = words.collect();
        match start.terminal {
            None => with_pipes(start, &words),
            Some(size) => with_terminal(start, &words, size),
        }
    }
}

fn cmd(start: &Start, words: &[OsString]) -> Cmd {
    let (program, arguments) = match words.split_first() {
        Some((program, arguments)) => (program.to_string_lossy(), arguments),
        None => ("".into(), words),
    };
    let cmd = Cmd::new(program).args(arguments.iter().cloned());
    let variables = start.environment.iter();
    variables.fold(cmd, |cmd, (name, value)| cmd.env(name, value))
}

fn with_pipes(start: &Start, words: &[OsString]) -> io::Result<Program> {
    let pipes = [Stdio::piped(), Stdio::piped(), Stdio::piped()];
    let mut child = cmd(start, words).spawn_with(pipes, true)?;
    let lacks = || io::Error::other("a stream is missing");
    let input: OwnedFd = child.stdin.take().ok_or_else(lacks)?.into();
    let output: OwnedFd = child.stdout.take().ok_or_else(lacks)?.into();
    let error_output: OwnedFd = child.stderr.take().ok_or_else(lacks)?.into();
    Ok(Program {
        group: Group::of(&child, None),
        child,
        input: input.into(),
        output: output.into(),
        error_output: Some(error_output.into()),
    })
}

/// By setsid(1), which makes the terminal the program's own and becomes the program: to begin a
/// session in a child takes code that Rust cannot check.
fn with_terminal(start: &Start, words: &[OsString], size: Size) -> io::Result<Program> {
    let size = Winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pair = openpty(Some(&size), None)?;
    let by_setsid = ["setsid", "--ctty", "--wait"].map(OsString::from);
    let words = [&by_setsid[..], words].concat();
    let slave = |fd: &OwnedFd| fd.try_clone().map(Stdio::from);
    let streams = [slave(&pair.slave)?, slave(&pair.slave)?, pair.slave.into()];
    let child = cmd(start, &words).spawn_with(streams, false)?;
    let master = File::from(pair.master);
    Ok(Program {
        group: Group::of(&child, Some(master.try_clone()?)),
        child,
        input: master.try_clone()?,
        output: master,
        error_output: None,
    })
}

impl Group {
    fn of(child: &Child, terminal: Option<File>) -> Group {
        // A pid of the kernel's fits.
        let leader = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
        Group { leader, terminal }
    }

    pub(super) fn signal(&self, number: i32) {
        if let Ok(signal) = Signal::try_from(number) {
            let _ = killpg(self.leader, signal);
        }
    }

    pub(super) fn resize(&self, size: Size) {
        let Some(terminal) = &self.terminal else {
            return;
        };
        let size = rustix::termios::Winsize {
            ws_row: size.rows,
            ws_col: size.columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let _ = rustix::termios::tcsetwinsize(terminal, size);
    }
}
