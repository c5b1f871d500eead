//! Which files are looked at.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The trees that are looked at unless others are named.
pub const TREES: &[&str] = &[
    "/etc",
    "/run",
    "/usr/lib/ocf",
    "/var/cache/libvirt",
    "/var/lib",
    "/var/log/libvirt/lxc",
];

/// Which files are looked at. It is a part of the snapshot: a later one looks at the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The trees.
    pub trees: Vec<PathBuf>,
    /// Of these, what is not looked at besides what [`super::left_out`] lists: paths, in whose last part one
    /// `*` stands for anything.
    pub ignore: Vec<PathBuf>,
}

impl Looked {
    /// These trees, or the usual ones.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] when a path is not absolute.
    pub fn new(trees: &[PathBuf], ignore: &[PathBuf]) -> Result<Looked> {
        if let Some(path) = trees.iter().chain(ignore).find(|p| !p.is_absolute()) {
            return Err(
                Error::usage(format!("{} is not an absolute path", path.display()))
                    .mend("write it from / on"),
            );
        }
        let trees = match trees.is_empty() {
            true => TREES.iter().map(PathBuf::from).collect(),
            false => trees.to_vec(),
        };
        let ignore = ignore.to_vec();
        Ok(Looked { trees, ignore })
    }
}
