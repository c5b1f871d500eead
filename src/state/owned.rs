//! Whether a state directory is ours: root's alone, with a journal that was written for it.

use crate::change::{Change, Journal, LOCK_FILE, StateDir, StateDirectory, is_made_for};
use crate::error::{Error, Result};
use crate::host::files;
use crate::journal;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

pub(super) fn check_owner(dir: &Path) -> Result<()> {
    let metadata = std::fs::symlink_metadata(dir).map_err(|e| Error::io("look at", dir, e))?;
    let shown = dir.display();
    if !metadata.is_dir() {
        return Err(Error::cant(format!("{shown} is no directory"))
            .mend("move it away, or name another with --state-dir"));
    }
    if metadata.uid() != 0 {
        return Err(Error::cant(format!(
            "{shown} belongs to uid {}, not to root",
            metadata.uid()
        ))
        .mend("name another directory with --state-dir"));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(
            Error::cant(format!("{shown} is open to others (mode {mode:04o})"))
                .mend(format!("chmod 0700 {shown}")),
        );
    }
    Ok(())
}

/// Refuses a directory that has files but no journal: somebody else made it.
pub(super) fn check_content(dir: &Path) -> Result<()> {
    if files::exists(&dir.join(journal::FILE)) {
        return Ok(());
    }
    let entries = std::fs::read_dir(dir).map_err(|e| Error::io("read", dir, e))?;
    match entries.flatten().find(|e| e.file_name() != LOCK_FILE) {
        None => Ok(()),
        Some(_) if is_made_for(dir) => Err(Error::cant(format!(
            "the journal in {} is gone",
            dir.display()
        ))
        .mend(
            "lxc-autogen cleanup, or lab down, takes away what is known to be ours, and names the rest",
        )),
        Some(entry) => Err(Error::cant(format!(
            "{} holds {} and no journal of lxc-autogen",
            dir.display(),
            entry.file_name().to_string_lossy()
        ))
        .mend("name another directory with --state-dir, or move the files away")),
    }
}

/// Refuses a journal that was copied from another place: it must not undo anything here.
pub(super) fn check_identity(dir: &Path, journal: &Journal) -> Result<()> {
    for (_, change) in journal.outstanding() {
        let Change::StateDir(StateDirectory::StateDir(StateDir { path, ino })) = change else {
            continue;
        };
        if (path.as_path(), *ino) != (dir, files::identity(dir)?) {
            return Err(Error::cant(format!(
                "the journal in {} was written for {} and is not used here",
                dir.display(),
                path.display()
            ))
            .mend("use the directory it was written for, not a copy or a new name of it"));
        }
    }
    Ok(())
}
