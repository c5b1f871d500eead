//! Directories of a node that it shares with others for reading and has to itself for writing.

use crate::error::{Error, Result};
use nix::mount::{MsFlags, mount};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;

/// A directory that becomes a writable copy: what is written goes into the node's own root, and the
/// rest is read from elsewhere (Linux, Documentation/filesystems/overlayfs.rst).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// The directory, in the node.
    pub target: PathBuf,
    /// Where the rest is read from, in the node; it can be the directory itself, or several with
    /// colons between, the topmost first.
    pub lower: PathBuf,
    /// Where changes are kept; it can be the directory itself, if the lower one is not.
    pub upper: PathBuf,
    /// A directory for the kernel's own use, on the file system of the upper one.
    pub work: PathBuf,
}

/// Mounts overlays, in this order.
///
/// # Errors
/// When the kernel refuses one, as it does where the node's root is on an overlay itself.
pub(super) fn mount_all(overlays: &[Overlay]) -> Result<()> {
    overlays.iter().try_for_each(|it| {
        for own in [&it.upper, &it.work] {
            fs::create_dir_all(own).map_err(|e| Error::io("make directory", own, e))?;
        }
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            it.lower.display(),
            it.upper.display(),
            it.work.display()
        );
        mount(
            Some("overlay"),
            &it.target,
            Some("overlay"),
            MsFlags::empty(),
            Some(options.as_str()),
        )
        .map_err(|e| {
            Error::failed(format!(
                "mount an overlay over {}: {e}",
                it.target.display()
            ))
        })
    })
}
