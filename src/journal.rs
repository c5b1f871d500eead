//! The journal: a record of how to undo each change, written before the change is made.
//!
//! It has one JSON object a line, appended and synced. A line says either how to undo a change that
//! is about to be made (`do`), or that changes have been undone (`undone`). Nothing is ever
//! rewritten; the records that are done and not undone are outstanding.

mod content;
mod unreadable;

pub use unreadable::UNREADABLE;

use crate::error::{Error, Result};
use crate::host::files;
use content::Content;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use unreadable::Aside;

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
    aside: Aside,
}

impl<R: Record> Journal<R> {
    /// Opens the journal of a state directory, making an empty one when there is none.
    ///
    /// A last line without its newline was cut off by a crash before the change it announces was
    /// made; it is dropped.
    ///
    /// # Errors
    /// When the journal cannot be read or written, or has a line that cannot be read.
    pub fn open(state_dir: &Path) -> Result<Self> {
        let (journal, content) = Self::read(state_dir)?;
        content.check(&journal.path)?;
        journal.aside.check()?;
        Ok(journal)
    }

    /// As [`Journal::open`], for those who undo: lines that cannot be read are set aside, into a file
    /// beside the journal ([`UNREADABLE`]), and keep nothing else from being undone. Lines of that
    /// file that can be read by now, since somebody has mended them or a newer version reads them,
    /// are taken back.
    ///
    /// # Errors
    /// When the journal cannot be read, or the file beside it.
    pub fn open_to_undo(state_dir: &Path) -> Result<Self> {
        let (mut journal, content) = Self::read(state_dir)?;
        let is_damaged = !content.unreadable.is_empty();
        journal.aside.add(content.unreadable);
        // Where there is no room for it the lines stay where they are, and are told of all the same.
        if is_damaged
            && journal.aside.write().is_ok()
            && unreadable::rewrite(&journal.path, &content.readable).is_ok()
        {
            journal.file = content::open(&journal.path)?;
        }
        let mended = journal.aside.take_mended::<R>();
        if !mended.is_empty() && journal.remember(mended) {
            let _ = journal.aside.write();
        }
        Ok(journal)
    }

    fn read(state_dir: &Path) -> Result<(Self, Content<R>)> {
        let path = state_dir.join(FILE);
        let mut file = content::open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|e| Error::io("read", &path, e))?;
        let whole = content::whole(&bytes);
        if whole < bytes.len() {
            file.set_len(whole as u64)
                .map_err(|e| Error::io("truncate", &path, e))?;
        }
        let mut content = Content::of(&bytes[..whole]);
        files::sync_directory(state_dir)?;
        let journal = Journal {
            aside: Aside::of(state_dir)?,
            path,
            file,
            outstanding: std::mem::take(&mut content.outstanding),
            next: content.next,
            run_began: content.next,
            is_new: whole == 0,
        };
        Ok((journal, content))
    }

    /// The outstanding records, read without a lock and without changing anything. Lines that cannot
    /// be read are passed over.
    ///
    /// # Errors
    /// When the journal cannot be read at all; one that does not exist is empty.
    pub fn peek(state_dir: &Path) -> Result<Vec<R>> {
        let content = Content::peek(&state_dir.join(FILE))?;
        Ok(content.outstanding.into_values().collect())
    }

    /// Whether there is a journal that tells of everything: it has a record, done or undone, and no
    /// line that cannot be read.
    pub fn is_whole(state_dir: &Path) -> bool {
        let content = Content::<R>::peek(&state_dir.join(FILE));
        content.is_ok_and(|it| it.next > 1 && it.unreadable.is_empty())
    }

    /// What is to be said of lines that cannot be read: nothing where all can.
    pub fn unreadable(&self) -> Option<String> {
        self.aside.told()
    }

    /// As [`Journal::unreadable`], and as [`Journal::peek`].
    ///
    /// # Errors
    /// As [`Journal::peek`].
    pub fn peek_unreadable(state_dir: &Path) -> Result<Option<String>> {
        let mut aside = Aside::of(state_dir)?;
        aside.add(Content::<R>::peek(&state_dir.join(FILE))?.unreadable);
        Ok(aside.told())
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

    /// Takes into account what was found to be there. It is written down where that can be done, and
    /// else known to this run alone: nothing is changed for it, and undoing it may make the room
    /// that writing lacks. Gives back whether it is written down.
    pub fn remember<C: Into<R>>(&mut self, found: impl IntoIterator<Item = C>) -> bool {
        let found: Vec<R> = found.into_iter().map(Into::into).collect();
        if self.intend(found.iter().cloned()).is_ok() {
            return true;
        }
        for undo in found {
            if self.outstanding.values().all(|known| *known != undo) {
                self.outstanding.insert(self.next, undo);
                self.next += 1;
            }
        }
        false
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

/// Reads a journal's text, of which every line must be one.
#[cfg(test)]
pub(crate) fn replay<R: Record>(text: &str, path: &Path) -> Result<(BTreeMap<u64, R>, u64)> {
    let content = Content::of(text.as_bytes());
    content.check(path)?;
    Ok((content.outstanding, content.next))
}

#[cfg(test)]
mod tests;
