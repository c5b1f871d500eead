//! One error type for the whole program: what went wrong, what mends it, and the exit status.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why the program ends, one variant per exit status (see EXIT STATUS in lxc-autogen(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Something failed; what this run had done is put back. Exit status 1.
    Failed,
    /// The command line cannot be carried out as written. Exit status 2.
    Usage,
    /// This host or cluster is not able to; nothing is left changed. Exit status 3.
    Cant,
    /// Something had to stay behind on the host. Exit status 4.
    LeftBehind,
    /// Everything was made, but not every node came online in time. Exit status 5.
    NotOnline,
    /// A command cannot be run in a node. Exit status 125, which no common command has: a command that
    /// runs there ends with its own.
    NotEntered,
    /// A signal ended the run, and what it had done is put back. Exit status 130.
    Interrupted,
}

impl Kind {
    /// The process exit status that stands for this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Cant => 3,
            Kind::LeftBehind => 4,
            Kind::NotOnline => 5,
            Kind::NotEntered => 125,
            Kind::Interrupted => 130,
        }
    }

    /// The word for it in JSON, which stays what it is.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::Usage => "usage",
            Kind::Cant => "cannot",
            Kind::LeftBehind => "left-behind",
            Kind::NotOnline => "not-online",
            Kind::NotEntered => "not-entered",
            Kind::Interrupted => "interrupted",
        }
    }
}

/// An error with its mend and the chain of what was being done when it happened.
#[derive(Debug, Clone)]
pub struct Error {
    /// Decides the exit status.
    pub kind: Kind,
    what: String,
    mend: Option<String>,
    details: Vec<String>,
}

/// Shorthand used everywhere in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` that says `what` happened (lower case, no full stop).
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Error {
            kind,
            what: what.into(),
            mend: None,
            details: Vec::new(),
        }
    }

    /// Something failed.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Kind::Failed, what)
    }

    /// The command line is at fault.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what)
    }

    /// This host or cluster cannot do it.
    pub fn cant(what: impl Into<String>) -> Self {
        Self::new(Kind::Cant, what)
    }

    /// Not every node came online in time.
    pub fn not_online(what: impl Into<String>) -> Self {
        Self::new(Kind::NotOnline, what)
    }

    /// A system call on a path failed.
    pub fn io(doing: &str, path: &std::path::Path, cause: impl fmt::Display) -> Self {
        let error = Self::failed(format!("{doing} {}: {cause}", path.display()));
        match error.lacks_room() {
            true => error.mend("make room: df and df -i show which file system is full"),
            false => error,
        }
    }

    /// Whether it was for lack of room: ENOSPC and EDQUOT, as std and nix word them.
    pub fn lacks_room(&self) -> bool {
        let words = ["No space left on device", "Disk quota exceeded"];
        words.iter().any(|it| self.what.contains(it))
    }

    /// Adds what the reader can do about it, one line.
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// Adds a line of detail under the message, such as a thing left behind.
    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    /// Adds many lines of detail.
    pub fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }

    /// Says what was being done when this happened, in front of the message.
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.what = format!("{doing}: {}", self.what);
        self
    }

    /// Changes the kind, and so the exit status.
    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The message without mend and details.
    pub fn message(&self) -> &str {
        &self.what
    }

    /// The mend, if there is one.
    pub fn mend_text(&self) -> Option<&str> {
        self.mend.as_deref()
    }

    /// The lines of detail.
    pub fn detail_lines(&self) -> &[String] {
        &self.details
    }

    /// The same for programs; every key is always there.
    pub fn as_json(&self) -> serde_json::Value {
        serde_json::json!({
            "error": self.what,
            "kind": self.kind.word(),
            "mend": self.mend,
            "details": self.details,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for line in &self.details {
            write!(f, "\n  {line}")?;
        }
        if let Some(mend) = &self.mend {
            write!(f, "\n  mend: {mend}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Adds [`Error::context`] to results.
pub trait Context<T> {
    /// Says what was being done, when the result is an error.
    fn context(self, doing: impl fmt::Display) -> Result<T>;
}

impl<T> Context<T> for Result<T> {
    fn context(self, doing: impl fmt::Display) -> Result<T> {
        self.map_err(|e| e.context(doing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_has_its_mend() {
        let full = std::io::Error::from_raw_os_error(28);
        let e = Error::io("write", std::path::Path::new("/x"), full);
        assert!(e.mend_text().unwrap().contains("make room"), "{e}");
    }

    #[test]
    fn message_details_and_mend_stand_on_lines_of_their_own() {
        let e = Error::cant("libvirtd does not answer")
            .detail("virsh: no socket")
            .mend("start libvirtd")
            .context("probing");
        assert_eq!(
            e.to_string(),
            "probing: libvirtd does not answer\n  virsh: no socket\n  mend: start libvirtd"
        );
        assert_eq!(e.kind.exit_code(), 3);
        assert_eq!(
            e.as_json(),
            serde_json::json!({
                "error": "probing: libvirtd does not answer",
                "kind": "cannot",
                "mend": "start libvirtd",
                "details": ["virsh: no socket"],
            })
        );
    }
}
