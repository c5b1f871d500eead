//! The state directory: owned by root, locked while a command works in it, with a set and a
//! journal.

mod owned;
mod to_undo;
pub mod turn;

use owned::{check_content, check_identity, check_owner};

use crate::change::{
    Change, InState, Journal, LOCK_FILE, OwnFiles, Rank, SET_FILE, StateDir, StateFile, Undoer,
    check_foreign, remove_empty_state,
};
use crate::context as work;
use crate::error::{Context, Error, Kind, Result};
use crate::host::files::{self, Attributes, Existing, temporary_name};
use crate::host::lock::{self, Lock};
use crate::host::signals;
use crate::journal;
use crate::plan::Set;
use crate::spec::is_plain_path;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// An open state directory.
#[derive(Debug)]
pub struct State {
    /// Path of the directory, absolute.
    pub dir: PathBuf,
    /// Its journal.
    pub journal: Journal,
    /// The set in the directory, if one was made.
    pub set: Option<Set>,
    /// The set as it was when the directory was opened.
    pub before: Option<Set>,
    /// Whether the journal, or its record of this directory, was lost.
    pub is_lost: bool,
    _lock: Lock,
}

/// Refuses paths that VirtualDomain's shell code, virsh or an XML attribute could misread.
///
/// # Errors
/// [`crate::error::Kind::Usage`] with the rule.
pub fn check_path(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir).map_err(|e| Error::io("find", dir, e))?;
    let plain = is_plain_path(&dir);
    // `DIR/` and `DIR/.` are DIR: our marks carry the path as a text.
    let dir: PathBuf = dir.components().collect();
    let up = dir
        .components()
        .any(|c| c == std::path::Component::ParentDir);
    if plain && !up && dir != Path::new("/") {
        return Ok(dir);
    }
    Err(
        Error::usage(format!("--state-dir {}: not usable", dir.display()))
            .mend("a directory of its own, of letters, digits and /._-+@: only"),
    )
}

impl State {
    /// Opens the state directory and locks it; makes it when it is not there.
    ///
    /// # Errors
    /// [`crate::error::Kind::Cant`] when it is not root's own, holds foreign files, or another
    /// run is at work in it.
    pub fn open_or_make(dir: &Path) -> Result<State> {
        match Self::open(dir)? {
            Some(state) => Ok(state),
            None => Self::make(dir),
        }
    }

    /// Makes the directory under a temporary name first. It gets its own name only with a journal
    /// that can remove it again: a run killed in between leaves nothing that the next one does not
    /// recognise.
    fn make(dir: &Path) -> Result<State> {
        let temporary = temporary_name(dir);
        let made = std::fs::DirBuilder::new().mode(0o700).create(&temporary);
        match made {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::io("make directory", dir, e));
            }
            _ => {}
        }
        let state = Self::begin(dir, &temporary);
        if state.is_err() && made.is_ok() {
            // The disk may be full; at most our empty lock and journal are in it.
            let _ = remove_empty_state(&temporary);
        }
        state
    }

    fn begin(dir: &Path, temporary: &Path) -> Result<State> {
        check_owner(temporary)?;
        // Another's files do not become ours by the directory's name.
        check_foreign(temporary).map_err(|e| {
            let shown = temporary.display();
            Error::cant(format!("{shown} is in the way: {}", e.message())).mend("move it away")
        })?;
        let lock = lock::take(&temporary.join(LOCK_FILE))?;
        files::remove_file(&temporary.join(journal::FILE))?;
        let ino = files::identity(temporary)?;
        let mut journal = Journal::open(temporary)?;
        journal.intend([StateDir {
            path: dir.to_owned(),
            ino,
        }])?;
        std::fs::rename(temporary, dir).map_err(|e| Error::io("make directory", dir, e))?;
        journal.moved_to(dir);
        files::sync_directory(dir.parent().unwrap_or(Path::new("/")))?;
        Ok(State {
            dir: dir.to_owned(),
            journal,
            set: None,
            before: None,
            is_lost: false,
            _lock: lock,
        })
    }

    /// Removes what a run left that was killed while it made the state directory.
    ///
    /// # Errors
    /// When another run is making it right now.
    pub fn clear_unfinished(dir: &Path) -> Result<()> {
        let temporary = temporary_name(dir);
        if !files::is_real_directory(&temporary) || check_owner(&temporary).is_err() {
            return Ok(());
        }
        let _lock = lock::take(&temporary.join(LOCK_FILE))?;
        remove_empty_state(&temporary)
    }

    /// Opens and locks the state directory, if there is one.
    ///
    /// # Errors
    /// As [`State::open_or_make`].
    pub fn open(dir: &Path) -> Result<Option<State>> {
        if !files::exists(dir) {
            return Ok(None);
        }
        check_owner(dir)?;
        check_content(dir)?;
        Self::open_at(dir).map(Some)
    }

    fn open_at(dir: &Path) -> Result<State> {
        let lock = lock::take(&dir.join(LOCK_FILE))?;
        let mut journal = Journal::open(dir)?;
        check_identity(dir, &journal)?;
        if journal.is_new() {
            // The directory was there before us, and stays.
            journal.intend([OwnFiles {
                path: dir.to_owned(),
            }])?;
        }
        let set = load_set(dir)?;
        Ok(State {
            dir: dir.to_owned(),
            journal,
            before: set.clone(),
            set,
            is_lost: false,
            _lock: lock,
        })
    }

    /// Refuses a name in the state directory that a file has which we did not make.
    ///
    /// # Errors
    /// [`crate::error::Kind::Cant`] with the foreign file.
    pub fn claim(&self, wanted: &InState) -> Result<()> {
        let path = self.dir.join(wanted.name());
        let is_it = |known: &Change| matches!(known, Change::Inside(known) if known == wanted);
        let ours = self.journal.outstanding().any(|(_, known)| is_it(known));
        if ours || !files::exists(&path) {
            return Ok(());
        }
        Err(
            Error::cant(format!("{} is in the way, and not ours", path.display()))
                .mend("move it away, or name another --state-dir"),
        )
    }

    /// Writes a set into the state directory, and makes it this state's own.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_set(&mut self, set: &Set) -> Result<()> {
        let file = StateFile::named(SET_FILE).into();
        self.claim(&file)?;
        self.journal.intend([file])?;
        let text = serde_json::to_string_pretty(set)
            .map_err(|e| Error::failed(format!("{SET_FILE}: {e}")))?;
        self.write_file(SET_FILE, text.as_bytes())?;
        self.set = Some(set.clone());
        Ok(())
    }

    /// Writes a file directly in the state directory, journaled.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, name: &str, text: &str) -> Result<()> {
        let file = StateFile::named(name).into();
        self.claim(&file)?;
        self.journal.intend([file])?;
        self.write_file(name, text.as_bytes())
    }

    /// Undoes the changes of this run, after `cause` ended it, and gives back the error to end
    /// with.
    pub fn put_back(&mut self, context: &work::Context, cause: Error) -> Error {
        signals::forget();
        // The cause is told in the end, with what mends it.
        let how = match cause.kind {
            Kind::Interrupted => "interrupted",
            _ => "failed",
        };
        let line = format!("{how}: putting back what was done");
        context.report.line(line);
        let first = self.journal.run_began();
        let undoer = Undoer::of(context, self.set.as_ref());
        // Other nodes undo their own changes, when the leading node asks. The records of other
        // nodes stay, and so the directory whose journal has them.
        let others = self.journal.outstanding();
        let knows = others
            .into_iter()
            .any(|(_, undo)| undo.rank() == Rank::Peers);
        let outcome = undoer.replay(&mut self.journal, |seq, undo| match undo.rank() {
            Rank::Peers => false,
            Rank::StateDir if knows => false,
            _ => seq >= first,
        });
        match outcome.into_result() {
            Ok(_) => cause,
            // Both errors are told: the cause first, then the changes that could not be undone.
            Err(left) => cause
                .details(left.detail_lines().to_vec())
                .with_kind(Kind::LeftBehind),
        }
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        files::write_atomic(
            &self.dir.join(name),
            bytes,
            Attributes::root(0o600),
            Existing::Replace,
        )
    }
}

/// The set in a state directory, read without taking the directory's lock.
///
/// # Errors
/// When it is there and cannot be read.
pub fn load_set(dir: &Path) -> Result<Option<Set>> {
    let path = dir.join(SET_FILE);
    files::read_optional(&path)?
        .map(|bytes| {
            Set::from_json(
                &String::from_utf8_lossy(&bytes),
                &path.display().to_string(),
            )
        })
        .transpose()
        .context("read the set of containers")
}

#[cfg(test)]
mod tests;
