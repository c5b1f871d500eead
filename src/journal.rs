//! The journal: a record of how to undo each change, written before the change is made.
//!
//! It has one JSON object a line, appended and synced. A line says either how to undo a change that
//! is about to be made (`do`), or that changes have been undone (`undone`). Nothing is ever
//! rewritten; the records that are done and not undone are outstanding.

use crate::error::{Error, Result};
use crate::host::files;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The journal's name in the state directory.
pub const FILE: &str = "journal.jsonl";

/// A record in a journal: how one change is undone, as data.
pub trait Record: Clone + PartialEq + Serialize + DeserializeOwned {
    /// A name of the changed thing, the same for two records that one undo covers.
    fn key(&self) -> String;
    /// Whether the record names one particular thing (by a uuid, a content), so that a thing that
    /// is made again needs a new record. Other records tell what was there before us, and of those
    /// the first one is right.
    fn has_identity(&self) -> bool;
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Line<R> {
    /// A change is about to be made; this undoes it.
    Do { seq: u64, undo: R },
    /// These changes are undone, or were found undone.
    Undone { seqs: Vec<u64> },
}

/// An open journal.
#[derive(Debug)]
pub struct Journal<R> {
    path: PathBuf,
    file: File,
    outstanding: BTreeMap<u64, R>,
    next: u64,
    run_began: u64,
    is_new: bool,
}

impl<R: Record> Journal<R> {
    /// Opens the journal of a state directory, making an empty one when there is none.
    ///
    /// A last line without its newline was cut off by a crash before the change it announces was
    /// made; it is dropped.
    ///
    /// # Errors
    /// When the journal cannot be read or written, or holds a line that is not a journal's.
    pub fn open(state_dir: &Path) -> Result<Self> {
        let path = state_dir.join(FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
            .open(&path)
            .map_err(|e| Error::io("open", &path, e))?;
        let mut text = String::new();
        file.read_to_string(&mut text)
            .map_err(|e| Error::io("read", &path, e))?;
        let whole = text.rfind('\n').map_or(0, |i| i + 1);
        if whole < text.len() {
            file.set_len(whole as u64)
                .map_err(|e| Error::io("truncate", &path, e))?;
        }
        let (outstanding, next) = replay(&text[..whole], &path)?;
        files::sync_directory(state_dir)?;
        Ok(Journal {
            path,
            file,
            outstanding,
            next,
            run_began: next,
            is_new: whole == 0,
        })
    }

    /// The outstanding records, read without a lock and without changing anything.
    ///
    /// # Errors
    /// As [`Journal::open`]; a journal that does not exist is empty.
    pub fn peek(state_dir: &Path) -> Result<Vec<R>> {
        let path = state_dir.join(FILE);
        let bytes = files::read_optional(&path)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let whole = text.rfind('\n').map_or(0, |i| i + 1);
        Ok(replay::<R>(&text[..whole], &path)?
            .0
            .into_values()
            .collect())
    }

    /// Writes records of how to undo changes, all in one synced write, before the changes are made.
    /// A record that is outstanding already is not written again.
    ///
    /// # Errors
    /// When the records cannot be made durable; then the changes must not be made.
    pub fn intend<C: Into<R>>(&mut self, undos: impl IntoIterator<Item = C>) -> Result<()> {
        let mut lines = String::new();
        let known: HashMap<String, u64> = self
            .outstanding
            .iter()
            .map(|(seq, undo)| (undo.key(), *seq))
            .collect();
        let mut added = Vec::new();
        let mut replaced = Vec::new();
        for undo in undos {
            let undo: R = undo.into();
            if let Some(seq) = known.get(&undo.key()) {
                // The first record is right, unless this record names another thing.
                if !undo.has_identity() || self.outstanding.get(seq) == Some(&undo) {
                    continue;
                }
                replaced.push(*seq);
            }
            let seq = self.next + added.len() as u64;
            lines.push_str(&line(&Line::Do {
                seq,
                undo: undo.clone(),
            })?);
            added.push(undo);
        }
        if !replaced.is_empty() {
            lines.push_str(&line(&Line::<R>::Undone {
                seqs: replaced.clone(),
            })?);
        }
        self.append(&lines)?;
        for undo in added {
            self.outstanding.insert(self.next, undo);
            self.next += 1;
        }
        for seq in replaced {
            self.outstanding.remove(&seq);
        }
        Ok(())
    }

    /// Writes that changes are undone.
    ///
    /// # Errors
    /// When the line cannot be made durable.
    pub fn undone(&mut self, seqs: &[u64]) -> Result<()> {
        if seqs.is_empty() {
            return Ok(());
        }
        self.append(&line(&Line::<R>::Undone {
            seqs: seqs.to_vec(),
        })?)?;
        for seq in seqs {
            self.outstanding.remove(seq);
        }
        Ok(())
    }

    /// Whether the journal was empty when it was opened.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Tells the journal that its directory has another name now; the path is for messages.
    pub fn moved_to(&mut self, state_dir: &Path) {
        self.path = state_dir.join(FILE);
    }

    /// The outstanding records with their numbers, oldest first.
    pub fn outstanding(&self) -> impl Iterator<Item = (u64, &R)> {
        self.outstanding.iter().map(|(s, u)| (*s, u))
    }

    /// The first number that belongs to the run that has this journal open; earlier records are of
    /// earlier runs.
    pub fn run_began(&self) -> u64 {
        self.run_began
    }

    /// Counts all records so far as those of earlier runs, although this run has just read or
    /// written them: undoing this run then leaves them alone.
    pub fn runs_from_here(&mut self) {
        self.run_began = self.next;
    }

    fn append(&mut self, lines: &str) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let failed = |e| Error::io("write", &self.path, e);
        let before = self.file.metadata().map_err(failed)?.len();
        let written = self
            .file
            .write_all(lines.as_bytes())
            .and_then(|()| self.file.sync_data());
        written.map_err(|e| {
            // Part of a line, as a full disk leaves it, would spoil the line after it.
            let _ = self.file.set_len(before);
            failed(e)
        })
    }
}

pub(crate) fn line<R: Record>(line: &Line<R>) -> Result<String> {
    serde_json::to_string(line)
        .map(|text| text + "\n")
        .map_err(|e| Error::failed(format!("journal: {e}")))
}

pub(crate) fn replay<R: Record>(text: &str, path: &Path) -> Result<(BTreeMap<u64, R>, u64)> {
    let mut outstanding = BTreeMap::new();
    let mut next = 1;
    for (number, text) in text.lines().enumerate() {
        let line: Line<R> = serde_json::from_str(text).map_err(|e| {
            Error::failed(format!("{}, line {}: {e}", path.display(), number + 1))
                .mend("it was changed by hand, or written by a newer lxc-autogen: mend the line")
        })?;
        match line {
            Line::Do { seq, undo } => {
                outstanding.insert(seq, undo);
                next = next.max(seq + 1);
            }
            Line::Undone { seqs } => {
                for seq in seqs {
                    outstanding.remove(&seq);
                }
            }
        }
    }
    Ok((outstanding, next))
}

#[cfg(test)]
mod tests;
