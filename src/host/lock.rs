//! One run at a time in a state directory.

use super::poll::{Poll, Seen};
use crate::error::{Error, Kind, Result};
use nix::fcntl::{Flock, FlockArg, OFlag};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// The beginning of the message when another process holds a lock.
pub const HELD: &str = "another run is at work here";

/// A lock, held until this value is dropped. When the process ends, in whatever way, the kernel
/// releases the lock.
#[derive(Debug)]
pub struct Lock {
    remove: Option<std::path::PathBuf>,
    _file: Flock<File>,
}

/// How long a lock can outlive a run that was killed: a program that the run was just starting has
/// all of its open files between fork and exec.
const LINGERS: Duration = Duration::from_secs(2);

/// Takes the lock of this file, and writes our pid, command line and host into the file. On a full
/// disk others are not told them: who takes things away there holds the lock all the same.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when another process holds the lock, with its pid, its command line
/// and since when.
pub fn take(path: &Path) -> Result<Lock> {
    let poll = Poll::every(Duration::from_millis(20), LINGERS).uninterrupted();
    let mut file = poll.until(|_| try_to_lock(path), |held| held)?;
    let (pid, host) = (std::process::id(), host_name());
    let line = format!("{pid}\n{}\n{host}\n", command_line());
    let written = file
        .set_len(0)
        .and_then(|()| file.write_all(line.as_bytes()))
        .map_err(|e| Error::io("write", path, e));
    match written {
        Err(e) if !e.lacks_room() => Err(e),
        _ => Ok(Lock {
            remove: None,
            _file: file,
        }),
    }
}

/// Fails when another process holds the lock of this file, which is there; takes nothing.
///
/// # Errors
/// As [`take`].
pub fn check_free(path: &Path) -> Result<()> {
    let poll = Poll::every(Duration::from_millis(20), LINGERS).uninterrupted();
    match poll.until(|_| try_to_lock(path), |held| held) {
        // It has gone between two looks, with its directory.
        Err(_) if !path.exists() => Ok(()),
        locked => locked.map(drop),
    }
}

/// The lock. When another process holds it: an error that names it if the process lives, `Waiting`
/// with that error if it has ended.
fn try_to_lock(path: &Path) -> Result<Seen<Flock<File>, Error>> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(path)
            .map_err(|e| Error::io("open", path, e))?;
        let locked = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => locked,
            Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
                return match held(&mut file) {
                    (error, true) => Err(error),
                    (error, false) => Ok(Seen::Waiting(error)),
                };
            }
            Err((_, e)) => return Err(Error::io("lock", path, e)),
        };
        // A clean-up that ended between our open and our lock has removed the file. Our lock is
        // then on a file without a name, and another run could lock a new file of that name.
        let ours = locked
            .metadata()
            .map_err(|e| Error::io("look at", path, e))?;
        match std::fs::symlink_metadata(path) {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => {
                return Ok(Seen::Ready(locked));
            }
            _ => {}
        }
    }
}

/// The lock of the whole host: only one run at a time, in any state directory, may choose names and
/// subnets and write the host's shared files. The file is removed when the lock is released.
const HOST_LOCK: &str = "/run/lxc-autogen.lock";

/// Takes the lock of the whole host, waiting for up to 30 s.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when another process holds the lock for longer;
/// [`crate::error::Kind::Interrupted`] on a signal.
pub fn host() -> Result<Lock> {
    passing(Path::new(HOST_LOCK))
}

/// Takes the lock of this file, waiting for up to 30 s, and removes the file when the lock is released.
///
/// # Errors
/// As [`host()`].
pub fn passing(path: &Path) -> Result<Lock> {
    let mut lock = take_in_turn(path, Duration::from_secs(30))?;
    lock.remove = Some(path.to_owned());
    Ok(lock)
}

/// Takes the lock of this file, and waits for so long when another process holds it.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when it holds the lock for longer;
/// [`crate::error::Kind::Interrupted`] on a signal.
pub fn take_in_turn(path: &Path, patience: Duration) -> Result<Lock> {
    let mut said = false;
    let look = |_: &mut Poll| match take(path) {
        Ok(lock) => Ok(Seen::Ready(lock)),
        // Waiting helps only while another process holds the lock.
        Err(e) if e.kind != Kind::Cant => Err(e),
        Err(e) => {
            if !said {
                crate::report::say(format!("waiting: {}", e.message()));
                said = true;
            }
            Ok(Seen::Waiting(e))
        }
    };
    Poll::every(Duration::from_millis(100), patience).until(look, |held| held)
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.remove {
            // Removed while the lock is held: a run that has opened the file meanwhile sees that it
            // has no name any more.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn command_line() -> String {
    std::env::args().collect::<Vec<_>>().join(" ")
}

/// The error that names the process holding the lock, and whether that process lives.
fn held(file: &mut File) -> (Error, bool) {
    let mut text = String::new();
    let _ = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_string(&mut text));
    let mut lines = text.lines();
    let pid = lines.next().unwrap_or("unknown").to_owned();
    let command = lines.next().unwrap_or("unknown command").to_owned();
    let host = lines.next().unwrap_or_default();
    let since = file
        .metadata()
        .ok()
        .and_then(|m| m.modified().ok())
        .and_then(|t| t.elapsed().ok())
        // A run that has only begun is there for no time that could be told.
        .filter(|d| d.as_secs() > 0)
        .map(|d| format!(", for {} s", d.as_secs()))
        .unwrap_or_default();
    if !host.is_empty() && host != host_name() {
        let error = Error::cant(format!(
            "{HELD}, on {host}: process {pid} ({command}){since}; that node and this one have the \
             directory in common"
        ))
        .mend("give each node a directory of its own: --state-dir");
        return (error, true);
    }
    let error = Error::cant(format!("{HELD}: process {pid} ({command}){since}")).mend(format!(
        "wait for it to end, or end it (kill {pid}): it puts back what it did"
    ));
    // A pid that is no number is just being written, so its process lives.
    let alive = pid.parse::<u32>().is_err() || Path::new("/proc").join(&pid).exists();
    (error, alive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = take(&path).unwrap();
        let e = take(&path).unwrap_err();
        let me = std::process::id().to_string();
        assert!(e.to_string().contains(&format!("process {me} (")), "{e}");
        drop(first);
        take(&path).unwrap();
    }

    #[test]
    fn a_holder_on_another_node_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = take(&path).unwrap();
        std::fs::write(&path, "1\nlxc-autogen up\nnode-of-nobody\n").unwrap();
        let e = take(&path).unwrap_err();
        let (said, mend) = (e.message(), e.mend_text().unwrap_or_default());
        assert!(
            said.contains("on node-of-nobody") && said.contains("in common"),
            "{said}"
        );
        assert!(mend.contains("--state-dir"), "{mend}");
        drop(first);
    }

    #[test]
    fn a_dead_holders_heir_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let heir = take(&path).unwrap();
        // No process has this number.
        std::fs::write(&path, "4194305\nlxc-autogen up\n").unwrap();
        let later = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            drop(heir);
        });
        take(&path).unwrap();
        later.join().unwrap();
    }
}
