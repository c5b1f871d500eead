//! This host's end of a port: runs a program in the machine with this process's own streams, and
//! ends as it ends.

use super::packet::{CHUNK, Ended, Packet, Reader, Said, Size, Start, WINDOW};
use super::{PORTS, socket};
use crate::error::{Context, Error, Result};
use crate::host::enter;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long all ports of a machine may be in use before that is an error.
const ALL_TAKEN: Duration = Duration::from_secs(30);
/// How long a machine may take to answer; it can be booting.
const NO_ANSWER: Duration = Duration::from_secs(30);

/// Runs a program in the machine whose files are in this directory; `environment` is all of its
/// environment. Ends this process as the program ends.
///
/// # Errors
/// When the machine has ended, or does not answer. Does not return otherwise.
pub(crate) fn run(
    directory: &Path,
    environment: &[(String, String)],
    command: &[OsString],
) -> Result<()> {
    let (_lock, stream) = connect(directory)?;
    // Before it begins, so that none of them ends us alone.
    let signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH])
        .map_err(|e| Error::failed(format!("handle signals: {e}")))?;
    let terminal = Terminal::of_this_process();
    let session = Session {
        number: random()?,
        stream: Arc::new(Mutex::new(clone(&stream)?)),
        room: Arc::new((Mutex::new(WINDOW), Condvar::new())),
    };
    let start = Start {
        command: command.iter().cloned().map(OsString::into_vec).collect(),
        environment: environment.to_vec(),
        terminal: terminal.as_ref().map(|_| size()),
    };
    session.say(Said::Start(start)).map_err(|e| lost(&e))?;
    let ended = session.carry(stream, signals);
    drop(terminal);
    match ended? {
        Ended::Status(status) => enter::end_with(Some(status), None),
        Ended::Signal(signal) => enter::end_with(None, Some(signal)),
    }
}

fn lost(e: &io::Error) -> Error {
    let mend = "see what runs: lxc-autogen lab status";
    match e.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Error::cant(format!(
            "the machine has not answered for {} s: it boots, hangs or is paused",
            NO_ANSWER.as_secs()
        ))
        .mend("see console.log in the directory of its files"),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset => Error::cant("the machine has just ended").mend(mend),
        _ => Error::failed(format!("the machine's port: {e}")).mend(mend),
    }
}

/// The first port that nobody uses, held until its lock is dropped.
fn connect(directory: &Path) -> Result<(Flock<File>, UnixStream)> {
    let began = Instant::now();
    loop {
        for number in 0..PORTS {
            let path = socket(directory, number);
            let lock = path.with_extension("lock");
            let file = File::create(&lock).map_err(|e| Error::io("make", &lock, e))?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(held) => {
                    let stream = UnixStream::connect(&path).map_err(|e| match e.kind() {
                        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                            lost(&io::ErrorKind::BrokenPipe.into())
                        }
                        _ => Error::io("connect to", &path, e),
                    })?;
                    return Ok((held, stream));
                }
                Err((_, Errno::EWOULDBLOCK)) => {}
                Err((_, e)) => return Err(Error::io("lock", &lock, e)),
            }
        }
        if began.elapsed() > ALL_TAKEN {
            return Err(
                Error::cant(format!("{PORTS} programs run in the machine already"))
                    .mend("end one of them, or go in by ssh"),
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn clone(stream: &UnixStream) -> Result<UnixStream> {
    let cloned = stream.try_clone();
    cloned.map_err(|e| Error::failed(format!("the machine's port: {e}")))
}

fn random() -> Result<u64> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 8];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|e| Error::io("read", path, e))?;
    Ok(u64::from_be_bytes(bytes))
}

/// What the threads of this process share.
#[derive(Debug, Clone)]
struct Session {
    number: u64,
    stream: Arc<Mutex<UnixStream>>,
    /// How many bytes of standard input may be sent.
    room: Arc<(Mutex<usize>, Condvar)>,
}

impl Session {
    fn say(&self, said: Said) -> io::Result<()> {
        let session = self.number;
        let bytes = Packet { session, said }.bytes();
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(&bytes)
    }

    /// Carries streams and signals until the program has ended.
    fn carry(&self, mut stream: UnixStream, mut signals: Signals) -> Result<Ended> {
        let ours = self.clone();
        thread::spawn(move || {
            for signal in signals.forever() {
                let said = match signal {
                    SIGWINCH => Said::Size(size()),
                    other => Said::Signal(other),
                };
                let _ = ours.say(said);
            }
        });
        let mut reader = Reader::default();
        let mut buffer = vec![0; CHUNK];
        let set = |stream: &UnixStream, timeout| {
            let set = stream.set_read_timeout(timeout);
            set.map_err(|e| lost(&e))
        };
        set(&stream, Some(NO_ANSWER))?;
        loop {
            let read = match stream.read(&mut buffer) {
                Ok(0) => return Err(lost(&io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(lost(&e)),
            };
            reader.take(&buffer[..read]);
            while let Some(packet) = reader.next() {
                if packet.session != self.number {
                    continue;
                }
                match packet.said {
                    Said::Begun => {
                        set(&stream, None)?;
                        let ours = self.clone();
                        thread::spawn(move || ours.send_input());
                    }
                    Said::Taken(bytes) => self.give_room(bytes as usize),
                    Said::Output(bytes) => write(io::stdout(), &bytes)?,
                    Said::ErrorOutput(bytes) => write(io::stderr(), &bytes)?,
                    Said::Ended(ended) => return Ok(ended),
                    _ => {}
                }
            }
        }
    }

    fn send_input(&self) {
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = match io::stdin().read(&mut buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            self.take_room(read);
            if self.say(Said::Input(buffer[..read].to_vec())).is_err() {
                return;
            }
        }
        let _ = self.say(Said::InputEnd);
    }

    fn take_room(&self, bytes: usize) {
        let (room, more) = &*self.room;
        let held = room.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = more.wait_while(held, |room| *room < bytes);
        *waited.unwrap_or_else(PoisonError::into_inner) -= bytes;
    }

    fn give_room(&self, bytes: usize) {
        let (room, more) = &*self.room;
        *room.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
        more.notify_one();
    }
}

/// Who reads our output may have gone; the program in the machine is told as it would be by a pipe.
fn write(mut to: impl Write, bytes: &[u8]) -> Result<()> {
    match to.write_all(bytes).and_then(|()| to.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => enter::end_with(None, Some(libc_pipe())),
        Err(e) => Err(e).map_err(|e| Error::failed(format!("write its output: {e}"))),
    }
    .context("run a program in a machine")
}

fn libc_pipe() -> i32 {
    nix::sys::signal::Signal::SIGPIPE as i32
}

fn size() -> Size {
    let size = tcgetwinsize(io::stdin());
    size.map_or(
        Size {
            rows: 24,
            columns: 80,
        },
        |it| Size {
            rows: it.ws_row,
            columns: it.ws_col,
        },
    )
}

/// This process's terminal, which passes on every key until this value is dropped.
struct Terminal(Termios);

impl Terminal {
    /// `None` where input or output is none.
    fn of_this_process() -> Option<Terminal> {
        if !isatty(io::stdin()) || !isatty(io::stdout()) {
            return None;
        }
        let before = tcgetattr(io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw).ok()?;
        Some(Terminal(before))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
    }
}
