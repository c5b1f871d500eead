//! The state directory, which is removed last.

use super::allowed;
use super::kinds::{About, Kind, rank};
use super::traces::Traces;
use super::{Batch, Item, Outcome};
use crate::error::{Error, Result};
use crate::host::files::{self, temporary_name};
use crate::journal;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Name of the file with the set.
pub const SET_FILE: &str = "set.json";
/// Name of the lock file.
pub const LOCK_FILE: &str = "lock";

rank! {
    /// The state directory.
    StateDir: StateDirectory {
        /// A state directory that we made.
        StateDir,
        /// Our files in a directory that was there before us.
        OwnFiles,
    }
}

/// The state directory goes last, with the rest of a cleanup.
const ABOUT: About<'static> = About {
    has_identity: false,
    is_shared: false,
    container: None,
    scope: Scope::All,
    needs: None,
};

/// Remove the state directory itself, when nothing but ours was in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDir {
    /// Path of the directory.
    pub path: PathBuf,
    /// Inode number of the directory; its device's number can change from boot to boot.
    pub ino: u64,
}

impl StateDir {
    fn remove(&self) -> Result<()> {
        if !files::exists(&self.path) {
            return Ok(());
        }
        if files::identity(&self.path)? != self.ino {
            return Err(Error::failed("it is another directory now"));
        }
        check_foreign(&self.path)?;
        remove_empty_state(&self.path)
    }
}

impl Kind for StateDir {
    fn key(&self) -> String {
        format!("state directory {}", self.path.display())
    }

    fn about(&self) -> About<'_> {
        ABOUT
    }

    fn check(&self, state_dir: &Path) -> Result<()> {
        allowed::is(&self.path, state_dir)
    }

    /// A run that finds other changes makes the directory anew, and so has its record.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

/// Remove journal and lock from a state directory that was there before us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnFiles {
    /// Path of the directory.
    pub path: PathBuf,
}

impl OwnFiles {
    fn remove(&self) -> Result<()> {
        if !files::exists(&self.path) {
            return Ok(());
        }
        check_foreign(&self.path)?;
        ours().try_for_each(|name| files::remove_file(&self.path.join(name)))
    }
}

impl Kind for OwnFiles {
    fn key(&self) -> String {
        format!("journal and lock in {}", self.path.display())
    }

    fn about(&self) -> About<'_> {
        ABOUT
    }

    fn check(&self, state_dir: &Path) -> Result<()> {
        allowed::is(&self.path, state_dir)
    }

    /// As for a directory that we made.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

/// Removes the directory when everything else is undone and it holds no other people's files.
pub(super) fn remove(items: &[Item<StateDirectory>], so_far: &Outcome) -> Batch {
    if !so_far.remains.is_empty() {
        return Batch::default();
    }
    Batch::of_each(items, |it| match it {
        StateDirectory::StateDir(it) => it.remove(),
        StateDirectory::OwnFiles(it) => it.remove(),
    })
}

/// Our files in any state directory.
const OURS: [&str; 2] = [journal::FILE, LOCK_FILE];

/// Names of our files, and those that a run leaves which is killed while it writes one anew.
fn ours() -> impl Iterator<Item = PathBuf> {
    let written = [journal::FILE, journal::UNREADABLE].map(Path::new);
    let unfinished = written.map(files::unfinished).into_iter();
    OURS.iter().map(PathBuf::from).chain(unfinished)
}

/// Whether this is the name of a file that only the state directory's own record is about.
pub(super) fn is_own_file(name: &str) -> bool {
    OURS.contains(&name)
}

/// Refuses a state directory with anything in it but lock and journal.
///
/// # Errors
/// With the names of what else is there.
pub fn check_foreign(path: &Path) -> Result<()> {
    let foreign: Vec<String> = std::fs::read_dir(path)
        .map_err(|e| Error::io("read", path, e))?
        .flatten()
        .map(|e| PathBuf::from(e.file_name()))
        .filter(|name| !ours().any(|known| known == *name))
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "it holds what we did not make: {}",
        foreign.join(", ")
    )))
}

/// Removes a state directory in which there is nothing but lock and journal.
///
/// # Errors
/// When something else is in it.
pub fn remove_empty_state(dir: &Path) -> Result<()> {
    check_foreign(dir)?;
    // A run killed on the way leaves it with the name of an unfinished one, which the next run
    // clears.
    let mut now = dir.to_owned();
    if temporary_name(dir) != dir && !is_temporary(dir) {
        now = temporary_name(dir);
        std::fs::rename(dir, &now).map_err(|e| Error::io("remove", dir, e))?;
    }
    for name in ours() {
        files::remove_file(&now.join(name))?;
    }
    std::fs::remove_dir(&now).map_err(|e| Error::io("remove", dir, e))
}

fn is_temporary(dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(".new")
}
