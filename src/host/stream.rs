//! A running program that bytes of any number are read from, or written to. A signal that asks this
//! process to end ends the program too.

use super::Host;
use super::command::{self, Cmd, Output};
use super::signals;
use crate::error::{Error, Result};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStdin, ChildStdout};
use std::time::Duration;
use wait_timeout::ChildExt;

/// Time between two looks for a signal.
const PAUSE_MS: u16 = 100;

/// The running program. Dropping this value ends it.
#[derive(Debug)]
pub struct Stream {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: File,
    line: String,
}

impl Stream {
    /// Starts a program whose standard output is read; its standard input is empty.
    ///
    /// # Errors
    /// When there is no such program, or it cannot be started.
    pub fn from(host: &Host, cmd: &Cmd) -> Result<Stream> {
        let mut stream = Stream::open(host, cmd)?;
        stream.stdin = None;
        Ok(stream)
    }

    /// Starts a program whose standard input is written; it has nobody who reads its output.
    ///
    /// # Errors
    /// As [`Stream::from`].
    pub fn to(host: &Host, cmd: &Cmd) -> Result<Stream> {
        let mut stream = Stream::open(host, cmd)?;
        stream.stdout = None;
        if let Some(stdin) = &stream.stdin {
            // Or else a write of more than there is room for would not see a signal.
            fcntl(stdin, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
                .map_err(|e| Error::failed(format!("open a pipe to {}: {e}", stream.line)))?;
        }
        Ok(stream)
    }

    fn open(host: &Host, cmd: &Cmd) -> Result<Stream> {
        if host.verbose {
            let at = host.elapsed().as_secs_f64();
            crate::report::say(format!("+ {at:.3}s {} (streamed)", cmd.line()));
        }
        let (mut child, stderr) = cmd.spawn_piped()?;
        Ok(Stream {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            child,
            stderr,
            line: cmd.line(),
        })
    }

    /// Waits until the program has ended, after all of its output has been read, or with its
    /// standard input closed. There is no timeout: it has as much to write as it was sent.
    ///
    /// # Errors
    /// When a signal ended it, or this process is to end.
    pub fn end(mut self) -> Result<Output> {
        self.stdin = None;
        self.stdout = None;
        let status = loop {
            let pause = Duration::from_millis(u64::from(PAUSE_MS));
            let waited = self.child.wait_timeout(pause);
            match waited.map_err(|e| Error::failed(format!("wait for {}: {e}", self.line)))? {
                Some(status) => break status,
                None => signals::check()?,
            }
        };
        let stderr = command::read_back(&mut self.stderr)?;
        Output::of(status, String::new(), stderr, self.line.clone())
    }
}

/// Waits until a pipe can be read or written.
fn ready(fd: BorrowedFd<'_>, what: PollFlags) -> io::Result<()> {
    loop {
        signals::check().map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(fd, what)], PollTimeout::from(PAUSE_MS)) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stdout) = &mut self.stdout else {
            return Ok(0);
        };
        ready(stdout.as_fd(), PollFlags::POLLIN)?;
        stdout.read(buffer)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stdin = self.stdin.as_mut().ok_or_else(closed)?;
        loop {
            ready(stdin.as_fd(), PollFlags::POLLOUT)?;
            match stdin.write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            command::end_group(&mut self.child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn more_than_a_pipe_holds_goes_through() {
        let host = Host::new(false);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("copy");
        let sent: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let cmd = Cmd::new("dd").args(["status=none".to_owned(), format!("of={}", file.display())]);
        let mut stream = Stream::to(&host, &cmd).unwrap();
        stream.write_all(&sent).unwrap();
        assert_eq!(stream.end().unwrap().code, 0);

        let mut stream = Stream::from(&host, &Cmd::new("cat").arg(&file)).unwrap();
        let mut read = Vec::new();
        stream.read_to_end(&mut read).unwrap();
        assert!(read == sent, "{} of {} bytes", read.len(), sent.len());
        assert_eq!(stream.end().unwrap().code, 0);
    }

    #[test]
    fn a_program_that_does_not_read_says_why() {
        let host = Host::new(false);
        let cmd = Cmd::new("ls").arg("/no such place");
        let mut stream = Stream::to(&host, &cmd).unwrap();
        let broken = stream.write_all(&[0; 1 << 20]).unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::BrokenPipe);
        let output = stream.end().unwrap();
        assert_eq!(output.code, 2);
        assert!(output.error().to_string().contains("No such file"));
    }

    #[test]
    fn a_program_that_is_not_waited_for_is_ended() {
        let began = Instant::now();
        let host = Host::new(false);
        let stream = Stream::from(&host, &Cmd::new("sleep").arg("60")).unwrap();
        let pid = stream.child.id();
        drop(stream);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
