//! The end of the ports in the machine: starts the programs that this host asks for, and carries
//! their streams.

use super::packet::{CHUNK, Ended, Packet, Reader, Said, Start};
use super::program::{Group, Program};
use super::{PORT, PORTS};
use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Where the kernel shows the ports (Linux, Documentation/ABI, virtio_console.c).
const SHOWN: &str = "/sys/class/virtio-ports";
/// Time between two looks whether somebody is at the other end of a port, which an emulated machine feels:
/// the first one is the first that is used.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_OF_OTHERS: Duration = Duration::from_millis(400);
/// How long a program's output may be silent after its end, before it is taken for whole: what it has
/// left behind can keep its streams open for ever.
const SILENCE: Duration = Duration::from_millis(200);
/// How long a program may take to end whose caller has gone.
const HUNG_UP: Duration = Duration::from_secs(2);
/// Exit statuses of a program that cannot be started, and of one that is not there, as a shell has
/// them (POSIX, "Exit Status for Commands").
const NOT_STARTED: i32 = 126;
const NOT_FOUND: i32 = 127;

/// Serves all ports of this machine, for ever.
///
/// # Errors
/// When there is none, or one cannot be opened.
pub(crate) fn serve() -> Result<()> {
    let ports = find_ports()?;
    let serving: Vec<JoinHandle<()>> = ports
        .into_iter()
        .map(|(number, path)| {
            let opened = OpenOptions::new().read(true).write(true).open(&path);
            let port = opened.map_err(|e| Error::io("open", &path, e))?;
            let pause = match number {
                0 => PAUSE,
                _ => PAUSE_OF_OTHERS,
            };
            Ok(thread::spawn(move || serve_port(port, pause)))
        })
        .collect::<Result<_>>()?;
    for thread in serving {
        let _ = thread.join();
    }
    Ok(())
}

/// Each with its number.
fn find_ports() -> Result<Vec<(usize, PathBuf)>> {
    let shown = Path::new(SHOWN);
    let entries = std::fs::read_dir(shown).map_err(|e| Error::io("read", shown, e))?;
    let names: Vec<String> = (0..PORTS)
        .map(|number| format!("{PORT}.{number}"))
        .collect();
    let device = |entry: std::fs::DirEntry| {
        let name = std::fs::read_to_string(entry.path().join("name")).ok()?;
        let number = names.iter().position(|it| it == name.trim())?;
        Some((number, Path::new("/dev").join(entry.file_name())))
    };
    let ports: Vec<_> = entries.flatten().filter_map(device).collect();
    match ports.is_empty() {
        true => Err(Error::failed("this machine has no port of lxc-autogen's")),
        false => Ok(ports),
    }
}

/// A program that runs for the other end, as far as its packets need it.
struct Session {
    number: u64,
    group: Arc<Group>,
    input: Option<Sender<Vec<u8>>>,
    /// Set when the program has ended: what it has left in the background lives on.
    ended: Arc<AtomicBool>,
}

impl Session {
    /// Ends what nobody waits for any more.
    fn hang_up(self) {
        if self.ended.load(Ordering::Relaxed) {
            return;
        }
        let (group, ended) = (self.group, self.ended);
        group.signal(libc_signal("HUP"));
        group.signal(libc_signal("CONT"));
        thread::spawn(move || {
            thread::sleep(HUNG_UP);
            if !ended.load(Ordering::Relaxed) {
                group.signal(libc_signal("KILL"));
            }
        });
    }
}

fn libc_signal(name: &str) -> i32 {
    format!("SIG{name}")
        .parse::<nix::sys::signal::Signal>()
        .map_or(0, |signal| signal as i32)
}

/// The end that packets are written to, by several threads.
#[derive(Clone)]
struct Port(Arc<Mutex<File>>);

impl Port {
    /// Waits for as long as nobody is at the other end.
    fn say(&self, session: u64, said: Said) {
        let bytes = Packet { session, said }.bytes();
        let mut port = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = port.write_all(&bytes);
    }
}

fn serve_port(mut port: File, pause: Duration) {
    let Ok(writer) = port.try_clone() else {
        return;
    };
    let writer = Port(Arc::new(Mutex::new(writer)));
    let mut reader = Reader::default();
    let mut session: Option<Session> = None;
    let mut buffer = vec![0; CHUNK];
    loop {
        match port.read(&mut buffer) {
            Ok(0) => {
                if let Some(session) = session.take() {
                    session.hang_up();
                }
                thread::sleep(pause);
            }
            Ok(read) => reader.take(&buffer[..read]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
        while let Some(packet) = reader.next() {
            serve_packet(&writer, &mut session, packet);
        }
    }
}

fn serve_packet(port: &Port, session: &mut Option<Session>, packet: Packet) {
    if let Said::Start(start) = packet.said {
        if let Some(before) = session.take() {
            before.hang_up();
        }
        port.say(packet.session, Said::Begun);
        *session = begin(port, packet.session, &start);
        return;
    }
    let Some(session) = session.as_mut().filter(|it| it.number == packet.session) else {
        return;
    };
    match packet.said {
        Said::Input(bytes) => {
            let _ = session.input.as_ref().map(|input| input.send(bytes));
        }
        Said::InputEnd => session.input = None,
        Said::Size(size) => session.group.resize(size),
        Said::Signal(number) => session.group.signal(number),
        _ => {}
    }
}

fn begin(port: &Port, number: u64, start: &Start) -> Option<Session> {
    let program = match Program::start(start) {
        Ok(program) => program,
        Err(e) => {
            let first = start.command.first().map(|it| String::from_utf8_lossy(it));
            let text = format!(
                "lxc-autogen: cannot start {}: {e}\n",
                first.unwrap_or_default()
            );
            port.say(number, Said::ErrorOutput(text.into_bytes()));
            let missing = e.kind() == io::ErrorKind::NotFound;
            let status = if missing { NOT_FOUND } else { NOT_STARTED };
            port.say(number, Said::Ended(Ended::Status(status)));
            return None;
        }
    };
    let (input, chunks) = channel();
    let has_terminal = start.terminal.is_some();
    let (to, its) = (port.clone(), program.input);
    thread::spawn(move || feed(&to, number, its, &chunks, has_terminal));
    let activity = Arc::new(AtomicU64::new(0));
    let carried = [
        (Some(program.output), Said::Output as fn(Vec<u8>) -> Said),
        (program.error_output, Said::ErrorOutput),
    ];
    let carriers: Vec<JoinHandle<()>> = carried
        .into_iter()
        .filter_map(|(stream, said)| {
            let (stream, to, activity) = (stream?, port.clone(), Arc::clone(&activity));
            Some(thread::spawn(move || {
                carry(&to, number, stream, said, &activity)
            }))
        })
        .collect();
    let (to, child, ended) = (
        port.clone(),
        program.child,
        Arc::new(AtomicBool::new(false)),
    );
    let told = Arc::clone(&ended);
    thread::spawn(move || await_end(&to, number, child, &told, &carriers, &activity));
    Some(Session {
        ended,
        number,
        group: Arc::new(program.group),
        input: Some(input),
    })
}

/// Carries standard input; what a program does not read any more is taken all the same.
fn feed(port: &Port, session: u64, mut input: File, chunks: &Receiver<Vec<u8>>, terminal: bool) {
    for bytes in chunks {
        let _ = input.write_all(&bytes);
        // No longer than a chunk.
        let taken = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        port.say(session, Said::Taken(taken));
    }
    if terminal {
        // End of file, as somebody types it (termios(3), VEOF).
        let _ = input.write_all(&[4]);
    }
}

fn carry(
    port: &Port,
    session: u64,
    mut from: File,
    said: fn(Vec<u8>) -> Said,
    activity: &AtomicU64,
) {
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => port.say(session, said(buffer[..read].to_vec())),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            // So a terminal ends whose last user has gone (EIO).
            Err(_) => return,
        }
        activity.fetch_add(1, Ordering::Relaxed);
    }
}

fn await_end(
    port: &Port,
    session: u64,
    mut child: Child,
    told: &AtomicBool,
    carriers: &[JoinHandle<()>],
    activity: &AtomicU64,
) {
    let ended = child.wait().map_or(Ended::Status(NOT_STARTED), of_status);
    told.store(true, Ordering::Relaxed);
    let mut seen = activity.load(Ordering::Relaxed);
    let mut silent = Duration::ZERO;
    let pause = Duration::from_millis(10);
    while silent < SILENCE && !carriers.iter().all(JoinHandle::is_finished) {
        thread::sleep(pause);
        let now = activity.load(Ordering::Relaxed);
        silent = if now == seen {
            silent + pause
        } else {
            Duration::ZERO
        };
        seen = now;
    }
    port.say(session, Said::Ended(ended));
}

fn of_status(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Status(code),
        (None, Some(signal)) => Ended::Signal(signal),
        (None, None) => Ended::Status(NOT_STARTED),
    }
}

#[cfg(test)]
mod tests;
