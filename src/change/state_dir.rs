//! The state directory: the last thing that goes.

use super::Undo;
use crate::error::{Error, Result};
use crate::host::files::{self, temporary_name};
use crate::journal;
use std::path::Path;

/// The file that keeps the set.
pub const SET_FILE: &str = "set.json";
/// The lock file.
pub const LOCK_FILE: &str = "lock";

/// Removes the state directory, or from one that was there before us only what is ours.
pub(super) fn remove_state_dir(undo: &Undo) -> Result<()> {
    let (path, keep) = match undo {
        Undo::StateDir { path, .. } => (path, false),
        Undo::OwnFiles { path } => (path, true),
        other => return Err(Error::failed(format!("{} is no directory", other.key()))),
    };
    if !files::exists(path) {
        return Ok(());
    }
    if let Undo::StateDir { ino, .. } = undo {
        if files::identity(path)? != *ino {
            return Err(Error::failed("it is another directory now"));
        }
    }
    let ours = [journal::FILE, LOCK_FILE];
    let foreign: Vec<String> = std::fs::read_dir(path)
        .map_err(|e| Error::io("read", path, e))?
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|name| !ours.contains(&name.as_str()))
        .collect();
    if !foreign.is_empty() {
        return Err(Error::failed(format!(
            "it holds what we did not make: {}",
            foreign.join(", ")
        )));
    }
    if keep {
        return ours
            .iter()
            .try_for_each(|name| files::remove_file(&path.join(name)));
    }
    remove_empty_state(path)
}

/// Removes a state directory in which there is nothing but lock and journal.
///
/// # Errors
/// When something else is in it.
pub fn remove_empty_state(dir: &Path) -> Result<()> {
    // Killed on the way, it has the name of an unfinished one, which is cleared.
    let mut now = dir.to_owned();
    if temporary_name(dir) != dir && !is_temporary(dir) {
        now = temporary_name(dir);
        std::fs::rename(dir, &now).map_err(|e| Error::io("remove", dir, e))?;
    }
    for name in [journal::FILE, LOCK_FILE] {
        files::remove_file(&now.join(name))?;
    }
    std::fs::remove_dir(&now).map_err(|e| Error::io("remove", dir, e))
}

fn is_temporary(dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(".new")
}
