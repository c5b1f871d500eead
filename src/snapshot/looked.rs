//! Which files a snapshot looks at.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The trees that are looked at when no others are named.
pub const TREES: &[&str] = &[
    "/etc",
    "/run",
    "/usr/lib/ocf",
    "/var/cache/libvirt",
    "/var/lib",
    "/var/log/libvirt/lxc",
];

/// Which files are looked at. This is a part of the snapshot, so that a later one looks at the same
/// files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The trees, as absolute paths.
    pub trees: Vec<PathBuf>,
    /// Paths in the trees that are not looked at, besides the paths that [`super::left_out`] lists.
    /// In a path's last part one `*` stands for any text.
    pub ignore: Vec<PathBuf>,
}

impl Looked {
    /// These trees, or [`TREES`] when there are none.
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
