//! The authentication key on this host: made, or put in the place of another key, and taken back.

use super::allowed;
use super::kinds::{About, Kind};
use super::traces::Traces;
use super::{Change, EmptyDir, Journal, Outside, StateFile, Undoer};
use crate::error::{Context, Error, Result};
use crate::host::files::{self, Attributes, Existing};
use crate::host::users;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::{authkey, tools};
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Remove the authentication key, when it still is the one we made, or put the previous one back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authkey {
    /// Path of the key.
    pub path: PathBuf,
    /// SHA-256 of what we wrote.
    pub sha256: String,
    /// Name of the previous key in the state directory; `None` where there was none.
    #[serde(default)]
    pub previous: Option<String>,
}

impl Kind for Authkey {
    fn key(&self) -> String {
        format!("authentication key {}", self.path.display())
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: true,
            is_shared: true,
            container: None,
            scope: Scope::All,
            needs: self.previous.as_deref(),
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        allowed::backup(self.previous.as_deref())?;
        allowed::is(&self.path, Path::new(authkey::PATH))
    }

    /// A key carries no mark: its bytes are random.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

impl Authkey {
    /// Removes the key when it is the one we made, and no guest or remote node outside the set uses
    /// it. A key that it replaced comes back.
    pub(super) fn restore(&self, undoer: &Undoer<'_>) -> Result<()> {
        let Authkey {
            path,
            sha256,
            previous,
        } = self;
        // The temporary file of a run that was killed while it wrote the key.
        files::remove_file(&files::unfinished(path))?;
        let backup = previous.as_ref().map(|name| undoer.state_dir.join(name));
        let was = backup.as_deref().map(files::read_optional).transpose()?;
        let was = was.flatten();
        let Some(bytes) = files::read_optional(path)? else {
            return match backup {
                Some(backup) if was.is_some() => files::copy_whole(&backup, path),
                _ => Ok(()),
            };
        };
        if was.as_ref() == Some(&bytes) {
            return Ok(());
        }
        if files::sha256(&bytes) != *sha256 {
            return Err(Error::failed("it is not the one we made any more"));
        }
        let cib = tools::last_known(undoer.host);
        let mut others = cib.as_ref().map_or_else(Vec::new, Cib::remote_users);
        if !others.is_empty() {
            // Another set of ours has this record too, and removes the key when it goes.
            let handed_on = cib
                .map(|cib| undoer.of_other_sets(&cib))
                .unwrap_or_default();
            let of_nobody_of_ours = |name: &String| !handed_on.contains(name);
            if previous.is_none() && !others.iter().any(of_nobody_of_ours) {
                return Ok(());
            }
            // The record of a replaced key stays: it tells which key comes back.
            if previous.is_none() {
                others.retain(of_nobody_of_ours);
            }
            return Err(Error::failed(format!(
                "other nodes use it: {}",
                others.join(", ")
            )));
        }
        match backup {
            Some(backup) if was.is_some() => files::copy_whole(&backup, path),
            Some(backup) => Err(Error::failed(format!(
                "{} with the previous one is gone",
                backup.display()
            ))),
            None => {
                authkey::remember(&bytes);
                files::remove_file(path)
            }
        }
    }
}

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

/// Sees to it that this host has this key. A different key is kept in the state directory, where it
/// may be replaced at all.
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
    let kept = journal.outstanding().find_map(|(_, change)| match change {
        Change::Outside(Outside::Authkey(it)) => Some(it.previous.clone()),
        _ => None,
    });
    let previous = match kept {
        Some(previous) => previous,
        None => {
            journal.intend([StateFile::named(PREVIOUS)])?;
            files::copy_whole(path, &state_dir.join(PREVIOUS))?;
            Some(PREVIOUS.to_owned())
        }
    };
    journal.intend([Authkey {
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
        journal.intend([EmptyDir {
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
    journal.intend([Authkey {
        path: path.to_owned(),
        sha256: files::sha256(key),
        previous: None,
    }])?;
    authkey::write(path, key, haclient).context("make the authentication key")
}
