//! A state directory opened to undo what was made from it: what is damaged or lost in it keeps
//! nothing else from being undone.

use super::owned::{check_content, check_identity, check_owner};
use super::{State, load_set};
use crate::change::{Change, Journal, LOCK_FILE, OwnFiles, StateDir, is_made_for};
use crate::context as work;
use crate::error::{Kind, Result};
use crate::host::{files, lock};
use std::path::Path;

impl State {
    /// As [`State::open`], for those who undo: lines of the journal that cannot be read are set aside,
    /// a set that cannot be read is done without, and a directory whose journal is gone or empty is
    /// ours where what is in it says so. What is found by marks is then all that is known of it.
    ///
    /// # Errors
    /// [`Kind::Cant`] when it is not root's own, holds foreign files, another run is at work in it, or
    /// the set is of a later version.
    pub fn open_to_undo(context: &work::Context) -> Result<Option<State>> {
        let dir = &context.state_dir;
        if !files::exists(dir) {
            return Ok(None);
        }
        check_owner(dir)?;
        if !is_made_for(dir) {
            check_content(dir)?;
        }
        let lock = lock::take(&dir.join(LOCK_FILE))?;
        let mut journal = Journal::open_to_undo(dir)?;
        check_identity(dir, &journal)?;
        let knows_itself = |(_, change): (u64, &Change)| matches!(change, Change::StateDir(_));
        let is_lost = !journal.outstanding().any(knows_itself);
        if is_lost {
            if is_made_for(dir) || !journal.is_new() {
                context.report.warn(format!(
                    "the journal in {} is damaged or gone: what carries its mark is removed, and \
                     whether the key or kernel settings were ours cannot be known",
                    dir.display()
                ));
            }
            journal.remember([own(dir, journal.is_new() && !is_made_for(dir))?]);
        }
        let set = match load_set(dir) {
            Ok(set) => set,
            // One of a later version is not damaged: that version knows what to do with it.
            Err(e) if e.kind == Kind::Cant && !context.options.force => return Err(e),
            Err(e) => {
                let why = e.message();
                context.report.warn(format!("{why}; going on without"));
                None
            }
        };
        Ok(Some(State {
            dir: dir.to_owned(),
            journal,
            before: set.clone(),
            set,
            is_lost,
            _lock: lock,
        }))
    }
}

/// The record of a directory whose journal has none. Only we give a directory such a name; one of
/// another name, or an empty one, may have been there before us, and stays.
fn own(dir: &Path, was_empty: bool) -> Result<Change> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let path = dir.to_owned();
    Ok(match name.starts_with("lxc-autogen") && !was_empty {
        true => {
            let ino = files::identity(dir)?;
            StateDir { path, ino }.into()
        }
        false => OwnFiles { path }.into(),
    })
}
