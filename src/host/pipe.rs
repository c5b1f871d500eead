//! A running program that we exchange lines with.

use super::Host;
use super::command::Cmd;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wait_timeout::ChildExt;

/// How long a program may take to end once its standard input is closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// The running program. Dropping this value ends it.
#[derive(Debug)]
pub struct Pipe {
    child: Child,
    stdin: Arc<Mutex<Option<ChildStdin>>>,
    lines: Receiver<String>,
    stderr: File,
    shown: String,
}

impl Pipe {
    /// Starts a program, in a process group of its own as [`Cmd::run`] does.
    ///
    /// # Errors
    /// When there is no such program, or it cannot be started.
    pub fn open(host: &Host, cmd: &Cmd) -> Result<Pipe> {
        if host.verbose {
            let at = host.elapsed().as_secs_f64();
            crate::report::say(format!("+ {at:.3}s {} (stays open)", cmd.line()));
        }
        let (mut child, stderr) = cmd.spawn_piped()?;
        let stdin = Arc::new(Mutex::new(child.stdin.take()));
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            // Ends with the program's output, or when nobody listens any more.
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines() {
                    let Ok(line) = line else { return };
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Pipe {
            child,
            stdin,
            lines,
            stderr,
            shown: cmd.line(),
        })
    }

    /// Writes a line to the program's standard input.
    ///
    /// # Errors
    /// When the program does not read any more.
    pub fn send(&self, line: &str) -> Result<()> {
        write_line(&self.stdin, line)
            .map_err(|e| Error::failed(format!("write to {}: {e}", self.shown)))
    }

    /// Writes an empty line at these intervals, as long as the pipe and this process live. When the
    /// lines stop, the other side knows that we are gone, even where no connection tells it.
    pub fn keep_alive(&self, every: Duration) {
        let stdin = Arc::downgrade(&self.stdin);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(every);
                let Some(stdin) = stdin.upgrade() else { return };
                if write_line(&stdin, "").is_err() {
                    return;
                }
            }
        });
    }

    /// The next line of the program's standard output; `None` when the output has ended.
    ///
    /// # Errors
    /// When no line comes within the timeout.
    pub fn receive(&self, timeout: Duration) -> Result<Option<String>> {
        match self.lines.recv_timeout(timeout) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(Error::failed(format!(
                "{} did not answer within {} s",
                self.shown,
                timeout.as_secs()
            ))),
        }
    }

    /// Closes the program's standard input and waits for its end. Returns its exit status (`None`
    /// when a signal ended it or it had to be killed) and the end of its error output.
    pub fn end(mut self) -> (Option<i32>, Vec<String>) {
        let status = self.close();
        let said = super::command::read_back(&mut self.stderr).unwrap_or_default();
        (status, super::command::tail(&said))
    }

    fn close(&mut self) -> Option<i32> {
        drop(lock(&self.stdin).take());
        match self.child.wait_timeout(PATIENCE) {
            Ok(Some(status)) => status.code(),
            _ => {
                super::command::end_group(&mut self.child);
                None
            }
        }
    }
}

fn lock(stdin: &Mutex<Option<ChildStdin>>) -> MutexGuard<'_, Option<ChildStdin>> {
    stdin.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_line(stdin: &Mutex<Option<ChildStdin>>, line: &str) -> std::io::Result<()> {
    let mut stdin = lock(stdin);
    let stdin = stdin
        .as_mut()
        .ok_or(std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
    stdin.write_all(format!("{line}\n").as_bytes())?;
    stdin.flush()
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_there_and_back_and_the_end_is_seen() {
        let host = Host::new(false);
        let pipe = Pipe::open(&host, &Cmd::new("cat")).unwrap();
        pipe.send("one").unwrap();
        let timeout = Duration::from_secs(10);
        assert_eq!(pipe.receive(timeout).unwrap().as_deref(), Some("one"));
        let silent = pipe.receive(Duration::from_millis(50)).unwrap_err();
        assert!(silent.message().contains("did not answer"), "{silent}");
        pipe.keep_alive(Duration::from_millis(10));
        assert_eq!(pipe.receive(timeout).unwrap().as_deref(), Some(""));
        assert_eq!(pipe.end(), (Some(0), Vec::new()));

        let pipe = Pipe::open(&host, &Cmd::new("ls").arg("/no such place")).unwrap();
        assert_eq!(pipe.receive(timeout).unwrap(), None);
        let (status, said) = pipe.end();
        assert_eq!(status, Some(2));
        assert!(said[0].contains("No such file"), "{said:?}");
    }
}
