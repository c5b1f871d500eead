//! What a journal's text says, line by line.

use super::unreadable::Unreadable;
use super::{Line, Record};
use crate::error::{Error, Result};
use nix::fcntl::OFlag;
use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The content of a journal.
#[derive(Debug)]
pub(super) struct Content<R> {
    /// Records that are done and not undone, by their numbers.
    pub outstanding: BTreeMap<u64, R>,
    /// The number of the next record.
    pub next: u64,
    /// Lines that cannot be read, but for those whose changes a later line says are undone.
    pub unreadable: Vec<Unreadable>,
    /// The other lines.
    pub readable: Vec<u8>,
}

impl<R: Record> Content<R> {
    /// Of whole lines. An empty one says nothing.
    pub fn of(bytes: &[u8]) -> Content<R> {
        let mut content = Content {
            outstanding: BTreeMap::new(),
            next: 1,
            unreadable: Vec::new(),
            readable: Vec::new(),
        };
        let mut all_undone = HashSet::new();
        let lines = bytes.split_inclusive(|b| *b == b'\n');
        for (number, line) in (1..)
            .zip(lines)
            .filter(|(_, it)| !it.trim_ascii().is_empty())
        {
            match serde_json::from_slice(line) {
                Ok(Line::Do { seq, undo }) => {
                    content.outstanding.insert(seq, undo);
                    content.next = content.next.max(seq.saturating_add(1));
                }
                Ok(Line::Undone { seqs }) => {
                    for seq in &seqs {
                        content.outstanding.remove(seq);
                    }
                    all_undone.extend(seqs);
                }
                Err(e) => {
                    let line = Unreadable::of(number, line, &e);
                    content.next = content
                        .next
                        .max(line.seq.map_or(1, |seq| seq.saturating_add(1)));
                    content.unreadable.push(line);
                    continue;
                }
            }
            content.readable.extend_from_slice(line);
        }
        content
            .unreadable
            .retain(|line| line.seq.is_none_or(|seq| !all_undone.contains(&seq)));
        content
    }

    /// Of the journal at this path, which may not be there; a last line without its newline is none.
    pub fn peek(path: &Path) -> Result<Content<R>> {
        let mut bytes = Vec::new();
        if crate::host::files::exists(path) {
            let opened = plain(OpenOptions::new().read(true), path)?;
            (&opened)
                .read_to_end(&mut bytes)
                .map_err(|e| Error::io("read", path, e))?;
        }
        Ok(Content::of(&bytes[..whole(&bytes)]))
    }

    /// Refuses lines that cannot be read, and names the first.
    pub fn check(&self, path: &Path) -> Result<()> {
        match self.unreadable.first() {
            None => Ok(()),
            Some(line) => Err(Error::failed(format!(
                "{}, line {}: {}",
                path.display(),
                line.number,
                line.why
            ))
            .mend(
                "it was damaged or changed by hand, or written by a newer lxc-autogen: mend the \
                 line, or undo the rest, which sets it aside: lxc-autogen cleanup, or lab down",
            )),
        }
    }
}

/// The length of the whole lines.
pub(super) fn whole(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1)
}

/// Opens a journal to read it and to write behind its end, and makes an empty one where there is
/// none.
pub(super) fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    plain(&mut options, path)
}

/// Opens a file, and nothing else of that name: reading a FIFO, say, would never end.
fn plain(options: &mut OpenOptions, path: &Path) -> Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let failed = |e| Error::io("open", path, e);
    let file = options
        .custom_flags(flags.bits())
        .open(path)
        .map_err(failed)?;
    match file.metadata().map_err(failed)?.is_file() {
        true => Ok(file),
        false => Err(Error::cant(format!("{} is no file", path.display()))
            .mend("move it away: lxc-autogen makes none but files of that name")),
    }
}
