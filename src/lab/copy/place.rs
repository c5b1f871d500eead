//! Where a copy comes from or goes to, as it is typed.

use crate::error::{Error, Result};
use crate::lab::find;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A path on this host, or in a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this host.
    Here(PathBuf),
    /// In a node.
    There {
        /// The node, as `lab exec` takes it.
        node: String,
        /// Its path there, absolute.
        path: PathBuf,
    },
}

impl Place {
    /// `NODE:PATH` is in a node; a path there counts from its root. What has no colon behind
    /// something that could be a node is on this host.
    ///
    /// # Errors
    /// When a path is empty.
    pub(crate) fn parse(text: &OsStr) -> Result<Place> {
        let bytes = text.as_bytes();
        let colon = bytes.iter().position(|b| *b == b':');
        let before = colon.and_then(|at| std::str::from_utf8(&bytes[..at]).ok());
        let empty = || Error::usage(format!("{text:?} has no path"));
        let Some((node, at)) = before.filter(|node| could_be_node(node)).zip(colon) else {
            return match text.is_empty() {
                true => Err(empty()),
                false => Ok(Place::Here(text.into())),
            };
        };
        let path = OsStr::from_bytes(&bytes[at + 1..]);
        if path.is_empty() {
            return Err(empty().mend(format!("write {node}:/, or another path in the node")));
        }
        Ok(Place::There {
            node: node.to_owned(),
            path: Path::new("/").join(path),
        })
    }

    /// The same, with the lab in front of the node that the command line says besides.
    ///
    /// # Errors
    /// As [`find::of_lab`].
    pub(crate) fn of_lab(self, lab: Option<&str>) -> Result<Place> {
        match self {
            Place::There { node, path } => {
                find::of_lab(lab, &node).map(|node| Place::There { node, path })
            }
            here => Ok(here),
        }
    }
}

/// `NODE` or `LAB/NODE`, or a pattern of such names.
fn could_be_node(text: &str) -> bool {
    let name = |text: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.*?[]!".contains(c);
        !text.is_empty() && !text.starts_with(['.', '-']) && text.chars().all(fits)
    };
    match text.split_once('/') {
        Some((lab, node)) => name(lab) && name(node),
        None => name(text),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Here(path) => write!(f, "{}", path.display()),
            Place::There { node, path } => write!(f, "{node}:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_stands_before_the_first_colon() {
        for (text, node, path) in [
            ("node1:/etc/hosts", "node1", "/etc/hosts"),
            ("qa/node2:var/log", "qa/node2", "/var/log"),
            ("lxc1:/a:b", "lxc1", "/a:b"),
            ("node*:/x", "node*", "/x"),
        ] {
            let place = Place::parse(OsStr::new(text)).unwrap();
            let (node, path) = (node.to_owned(), path.into());
            assert_eq!(place, Place::There { node, path }, "{text}");
        }
        for text in [
            "/node1:/x",
            "./node1:x",
            "../a:b",
            "file",
            "a/b/c:d",
            ":x",
            "-a:b",
            "a b:c",
            "é:x",
        ] {
            let place = Place::parse(OsStr::new(text)).unwrap();
            assert_eq!(place, Place::Here(text.into()), "{text}");
        }
        let odd = OsStr::from_bytes(b"node1:/\xff");
        assert!(matches!(Place::parse(odd), Ok(Place::There { .. })));
        for empty in ["", "node1:"] {
            let e = Place::parse(OsStr::new(empty)).unwrap_err();
            assert_eq!(e.kind, crate::error::Kind::Usage);
        }
    }
}
