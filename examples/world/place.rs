//! A world's directory, with files that tell the world's owner, its PID 1 and its groups.

use crate::hidden::may_lie_in;
use crate::{disks, groups};
use lxc_autogen::error::{Error, Result};
use lxc_autogen::host::{files, processes};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

/// A process, by its pid and its start time: pids are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pid: u32,
    started: u64,
}

impl Identity {
    /// The identity of a process; `None` when it does not run.
    pub fn of(pid: u32) -> Option<Identity> {
        let started = processes::start_time(pid)?;
        Some(Identity { pid, started })
    }

    /// The pid, as this machine numbers it.
    pub fn pid(self) -> u32 {
        self.pid
    }

    /// Whether this very process still runs.
    pub fn is_alive(self) -> bool {
        Identity::of(self.pid) == Some(self)
    }

    /// Kills the process and waits until it is gone, for up to 10 s.
    fn end(self) {
        let began = Instant::now();
        while self.is_alive() && began.elapsed() < Duration::from_secs(10) {
            if let Ok(pid) = i32::try_from(self.pid) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.pid, self.started)
    }
}

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Identity, ()> {
        let (pid, started) = text.trim().split_once(['-', ' ']).ok_or(())?;
        Ok(Identity {
            pid: pid.parse().map_err(drop)?,
            started: started.parse().map_err(drop)?,
        })
    }
}

/// A world's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
}

/// The files that a world writes into its directory. Its private files are mounted at `fs` in
/// there.
const FILES: [&str; 7] = [
    "owner",
    "init",
    "groups",
    disks::FILE,
    "ready",
    "cluster",
    "log",
];
/// The beginning of the names of directories that `run` makes.
const PREFIX: &str = "lxc-autogen-world.";
/// A directory that names no owner and is older than this is taken for one of a world that was
/// killed in its first moment.
const ABANDONED: Duration = Duration::from_secs(60);

impl Place {
    /// The world's directory at this path, whether or not it exists yet.
    pub fn new(path: &Path) -> Place {
        Place {
            path: path.to_owned(),
        }
    }

    /// A new temporary directory, for `run`.
    pub fn temporary() -> Result<Place> {
        let base = std::env::temp_dir();
        may_lie_in(&base)?;
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&base);
        let made = made.map_err(|e| Error::io("make a directory in", &base, e))?;
        Ok(Place { path: made.keep() })
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in the directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a process's identity into one of the directory's files.
    pub fn write_identity(&self, name: &str, process: Identity) -> Result<()> {
        self.write(name, &format!("{} {}\n", process.pid, process.started))
    }

    /// Writes one of the directory's files, whole or not at all.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let file = self.file(name);
        let new = file.with_extension("new");
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, &file))
            .map_err(|e| Error::io("write", &file, e))
    }

    /// The process that owns the world.
    pub fn owner(&self) -> Option<Identity> {
        self.identity("owner")
    }

    /// The world's PID 1.
    pub fn init(&self) -> Option<Identity> {
        self.identity("init")
    }

    fn identity(&self, name: &str) -> Option<Identity> {
        files::read_trimmed(self.file(name))?.parse().ok()
    }

    /// The groups that the world's processes are in.
    pub fn groups(&self) -> Vec<PathBuf> {
        let text = files::read_trimmed(self.file("groups")).unwrap_or_default();
        text.lines().map(PathBuf::from).collect()
    }

    /// Whether the world runs. Both processes must be alive, since a world whose owner was killed
    /// takes a moment to die.
    pub fn runs(&self) -> bool {
        let both = [self.owner(), self.init()];
        both.into_iter().all(|p| p.is_some_and(Identity::is_alive))
    }

    /// Kills the owner and PID 1, and with PID 1 every process in the world. Then removes the
    /// world's groups and files.
    pub fn end(&self) -> Result<()> {
        if let Some(owner) = self.owner() {
            owner.end();
        }
        self.remove_what_is_left()
    }

    /// As [`Place::end`], for the owner, which does not kill itself.
    pub fn remove_what_is_left(&self) -> Result<()> {
        if let Some(init) = self.init() {
            init.end();
        }
        if let Some(owner) = self.owner() {
            groups::remove_of(owner)?;
        }
        disks::detach_left(self);
        for name in FILES {
            files::remove_file(&self.file(name))?;
            files::remove_file(&self.file(name).with_extension("new"))?;
        }
        // A directory with other files in it is somebody's, and stays.
        let _ = std::fs::remove_dir(self.file("fs"));
        let _ = std::fs::remove_dir(&self.path);
        Ok(())
    }

    /// Whether the directory is of a world that was killed before it could clean up.
    fn is_left_over(&self) -> bool {
        match self.owner() {
            Some(owner) => !owner.is_alive(),
            None => {
                let changed = self.path.metadata().and_then(|m| m.modified()).ok();
                let age = changed.and_then(|t| SystemTime::now().duration_since(t).ok());
                age.is_some_and(|a| a > ABANDONED)
            }
        }
    }
}

/// Removes the groups and directories that killed worlds have left.
pub fn clear_left_over() -> Result<()> {
    groups::remove_left_over()?;
    let entries = std::fs::read_dir(std::env::temp_dir());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name.to_str().and_then(|n| n.strip_prefix(PREFIX));
        if ours.is_some_and(|rest| rest.len() == 6) && files::is_real_directory(&entry.path()) {
            let place = Place::new(&entry.path());
            if place.is_left_over() {
                place.end()?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_more_than_its_pid() {
        let ours = Identity::of(std::process::id()).unwrap();
        assert!(ours.is_alive());
        assert_eq!(ours.to_string().parse(), Ok(ours));
        let before = Identity {
            started: ours.started - 1,
            ..ours
        };
        assert!(!before.is_alive());
        for wrong in ["", "7", "7-", "7-x", "x-7"] {
            assert!(wrong.parse::<Identity>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_nobody_owns_is_left_over_when_it_is_old() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::new(directory.path());
        assert!(!place.is_left_over());
        let ours = Identity::of(std::process::id()).unwrap();
        place.write_identity("owner", ours).unwrap();
        assert!(!place.is_left_over() && !place.runs());
        place.write_identity("init", ours).unwrap();
        assert!(place.runs());
        let gone = Identity { started: 0, ..ours };
        place.write_identity("owner", gone).unwrap();
        assert!(place.is_left_over() && !place.runs());
    }
}
