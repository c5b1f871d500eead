//! The authentication key on this host: made, or put in the place of another, and taken back.

use super::{Journal, Undo};
use crate::error::{Context, Error, Result};
use crate::host::files::{self, Attributes, Existing};
use crate::host::users;
use crate::pacemaker::authkey;
use std::path::Path;

/// Makes the key when there is none: 4096 random bytes, 0640 root:haclient, in a directory 0750
/// root:haclient. Gives back whether one was made.
///
/// # Errors
/// When there is no group haclient, or writing fails.
pub fn make(journal: &mut Journal) -> Result<bool> {
    if files::exists(Path::new(authkey::PATH)) {
        return Ok(false);
    }
    let key = match authkey::recalled() {
        Some(key) => key,
        None => files::random_bytes(authkey::BYTES)?,
    };
    write_new(journal, &key)?;
    Ok(true)
}

/// Sees to it that this is the key. Another one is kept in the state directory, when it may be
/// replaced at all.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when there is another that may not be replaced.
pub fn put(journal: &mut Journal, state_dir: &Path, key: &[u8], replace: bool) -> Result<()> {
    let path = Path::new(authkey::PATH);
    let Some(there) = files::read_optional(path)? else {
        return write_new(journal, key);
    };
    if there == key {
        return Ok(());
    }
    if !replace {
        return Err(authkey::another_key(&path.display().to_string()));
    }
    let kept = journal.outstanding().find_map(|(_, undo)| match undo {
        Undo::Authkey { previous, .. } => Some(previous.clone()),
        _ => None,
    });
    let previous = match kept {
        Some(previous) => previous,
        None => {
            journal.intend([Undo::StateFile {
                name: PREVIOUS.to_owned(),
            }])?;
            files::copy_whole(path, &state_dir.join(PREVIOUS))?;
            Some(PREVIOUS.to_owned())
        }
    };
    journal.intend([Undo::Authkey {
        path: path.to_owned(),
        sha256: files::sha256(key),
        previous,
    }])?;
    let attributes = authkey::attributes(users::haclient()?.as_raw());
    files::write_atomic(path, key, attributes, Existing::Replace)
}

/// Name of a replaced key in the state directory.
const PREVIOUS: &str = "authkey.previous";

fn write_new(journal: &mut Journal, key: &[u8]) -> Result<()> {
    let path = Path::new(authkey::PATH);
    let haclient = users::haclient()?.as_raw();
    let directory = Path::new(authkey::DIRECTORY);
    if !files::exists(directory) {
        journal.intend([Undo::EmptyDir {
            path: directory.to_owned(),
        }])?;
        std::fs::create_dir(directory).map_err(|e| Error::io("make directory", directory, e))?;
        files::set_directory_attributes(
            directory,
            Attributes {
                mode: 0o750,
                uid: 0,
                gid: haclient,
            },
        )?;
    }
    journal.intend([Undo::Authkey {
        path: path.to_owned(),
        sha256: files::sha256(key),
        previous: None,
    }])?;
    authkey::write(path, key, haclient).context("make the authentication key")
}
