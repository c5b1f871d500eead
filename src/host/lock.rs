//! One run at a time in a state directory.

use super::poll::{Poll, Seen};
use crate::error::{Error, Kind, Result};
use nix::fcntl::{Flock, FlockArg, OFlag};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// What is said where another process holds a lock.
pub const HELD: &str = "another run is at work here";

/// Held for as long as it lives; the kernel lets go of it when the process ends, however.
#[derive(Debug)]
pub struct Lock {
    remove: Option<std::path::PathBuf>,
    _file: Flock<File>,
}

/// For how long the lock of a run that was killed can be held by a program that it was just starting:
/// between fork and exec that has all of its files.
const LINGERS: Duration = Duration::from_secs(2);

/// Takes the lock file, and writes into it who holds it.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when another process holds it, saying which and since when.
pub fn take(path: &Path) -> Result<Lock> {
    let poll = Poll::every(Duration::from_millis(20), LINGERS).uninterrupted();
    let mut file = poll.until(|_| try_to_lock(path), |held| held)?;
    let line = format!("{}\n{}\n", std::process::id(), command_line());
    file.set_len(0)
        .and_then(|()| file.write_all(line.as_bytes()))
        .map_err(|e| Error::io("write", path, e))?;
    Ok(Lock {
        remove: None,
        _file: file,
    })
}

/// The lock, or the error of who holds it where that process has ended.
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
        // A clean-up that ended between our open and our lock has removed the file: what we hold
        // then has no name any more, and another run could hold its successor.
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

/// Only one run at a time chooses names and subnets and writes the host's shared files, whatever
/// its state directory. The file goes with the lock.
const HOST_LOCK: &str = "/run/lxc-autogen.lock";

/// Takes the lock of the whole host, waiting half a minute for it.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when another process holds it for longer, or on a signal.
pub fn host() -> Result<Lock> {
    let mut said = false;
    let look = |_: &mut Poll| match take(Path::new(HOST_LOCK)) {
        Ok(lock) => Ok(Seen::Ready(lock)),
        // Only another that holds it goes away by itself.
        Err(e) if e.kind != Kind::Cant => Err(e),
        Err(e) => {
            if !said {
                crate::report::say(format!("waiting: {}", e.message()));
                said = true;
            }
            Ok(Seen::Waiting(e))
        }
    };
    let poll = Poll::every(Duration::from_millis(100), Duration::from_secs(30));
    let mut lock = poll.until(look, |held| held)?;
    lock.remove = Some(HOST_LOCK.into());
    Ok(lock)
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.remove {
            // While it is held: whoever opened it meanwhile sees that it has no name any more.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn command_line() -> String {
    std::env::args().collect::<Vec<_>>().join(" ")
}

/// The error that says who holds it, and whether that process lives.
fn held(file: &mut File) -> (Error, bool) {
    let mut text = String::new();
    let _ = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_string(&mut text));
    let mut lines = text.lines();
    let pid = lines.next().unwrap_or("unknown").to_owned();
    let command = lines.next().unwrap_or("unknown command").to_owned();
    let since = file
        .metadata()
        .ok()
        .and_then(|m| m.modified().ok())
        .and_then(|t| t.elapsed().ok())
        .map(|d| format!(", for {} s", d.as_secs()))
        .unwrap_or_default();
    let error = Error::cant(format!("{HELD}: process {pid} ({command}){since}")).mend(format!(
        "wait for it to end, or end it (kill {pid}): it puts back what it did"
    ));
    // What is not a number is being written right now.
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
