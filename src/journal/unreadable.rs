//! Lines of a journal that cannot be read. They are kept, under their numbers, in a file beside the
//! journal, until somebody has looked at them: what they tell of may be there still.

use super::{Line, Record};
use crate::error::{Error, Result};
use crate::host::files::{self, Attributes, Existing};
use std::path::{Path, PathBuf};

/// Name of the file, in the state directory. Each of its lines is a number, a colon, a blank, and
/// the bytes of the journal's line of that number.
pub const UNREADABLE: &str = "journal.unreadable";

/// How many line numbers are told.
const TOLD: usize = 8;

/// One line that is no record of a journal, or of a kind that this version does not know.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// Its number in the journal, from 1.
    pub number: usize,
    /// Why it cannot be read.
    pub why: String,
    /// The number of its record, where that at least can be read.
    pub seq: Option<u64>,
    bytes: Vec<u8>,
}

impl Unreadable {
    pub fn of(number: usize, line: &[u8], why: &serde_json::Error) -> Unreadable {
        let value: Option<serde_json::Value> = serde_json::from_slice(line).ok();
        Unreadable {
            number,
            why: why.to_string(),
            seq: value.and_then(|it| it["do"]["seq"].as_u64()),
            bytes: line.to_vec(),
        }
    }
}

/// The file with such lines.
#[derive(Debug)]
pub(super) struct Aside {
    path: PathBuf,
    /// Number and bytes of each line.
    lines: Vec<(usize, Vec<u8>)>,
}

impl Aside {
    /// The one in this state directory, where there may be none.
    pub fn of(state_dir: &Path) -> Result<Aside> {
        let path = state_dir.join(UNREADABLE);
        let bytes = match files::is_real_file(&path) {
            true => files::read_optional(&path)?.unwrap_or_default(),
            false => Vec::new(),
        };
        let lines = bytes.split_inclusive(|b| *b == b'\n');
        let lines = lines.filter(|line| !line.trim_ascii().is_empty());
        Ok(Aside {
            path,
            lines: lines.map(numbered).collect(),
        })
    }

    /// Refuses a journal that lines are missing from.
    pub fn check(&self) -> Result<()> {
        match self.told() {
            None => Ok(()),
            Some(told) => Err(Error::cant(told).mend(
                "undo the rest first: lxc-autogen cleanup, or lab down; what stays is said there",
            )),
        }
    }

    /// The records of lines that can be read by now. They leave the file when it is written, which is
    /// when the journal has them.
    pub fn take_mended<R: Record>(&mut self) -> Vec<R> {
        let mut mended = Vec::new();
        self.lines
            .retain(|(_, bytes)| match serde_json::from_slice(bytes) {
                Ok(Line::Do { undo, .. }) => {
                    mended.push(undo);
                    false
                }
                // The changes that it says are undone were found undone since.
                Ok(Line::<R>::Undone { .. }) => false,
                Err(_) => true,
            });
        mended
    }

    /// Adds lines of the journal.
    pub fn add(&mut self, unreadable: Vec<Unreadable>) {
        for Unreadable { number, bytes, .. } in unreadable {
            let line = (number, bytes);
            // A run that was killed may have written them here, and not taken them out there.
            if !self.lines.contains(&line) {
                self.lines.push(line);
            }
        }
    }

    /// What is to be said of the lines.
    pub fn told(&self) -> Option<String> {
        let numbers = self.lines.iter().map(|(number, _)| number.to_string());
        let mut told: Vec<String> = numbers.take(TOLD).collect();
        if self.lines.len() > TOLD {
            told.push(format!("{} more", self.lines.len() - TOLD));
        }
        let (what, path) = (told.join(", "), self.path.display());
        (!told.is_empty()).then(|| {
            format!(
                "what the journal had in line {what}: it cannot be read and is kept in {path}; \
                 mend it there, or remove that file when nothing of it is left"
            )
        })
    }

    /// Writes the file, or removes it when no line is left.
    pub fn write(&self) -> Result<()> {
        if self.lines.is_empty() {
            return files::remove_file(&self.path);
        }
        let mut all = Vec::new();
        for (number, bytes) in &self.lines {
            all.extend_from_slice(format!("{number}: ").as_bytes());
            all.extend_from_slice(bytes);
        }
        let attributes = Attributes::root(0o600);
        files::write_atomic(&self.path, &all, attributes, Existing::Replace)
    }
}

/// The number in front of a line, and the line.
fn numbered(line: &[u8]) -> (usize, Vec<u8>) {
    let text = String::from_utf8_lossy(line);
    let number = text.split_once(": ").map(|(number, _)| number);
    match number.and_then(|it| Some((it.len(), it.parse().ok()?))) {
        Some((length, number)) => (number, line[length + 2..].to_vec()),
        // Somebody has written into the file.
        None => (0, line.to_vec()),
    }
}

/// Leaves nothing but these lines in a journal, which has to be opened anew then.
pub(super) fn rewrite(path: &Path, lines: &[u8]) -> Result<()> {
    let attributes = Attributes::root(0o600);
    files::write_atomic(path, lines, attributes, Existing::Replace)
}
