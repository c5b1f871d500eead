//! Removing files and directories. A name that does not exist is no error.

use super::{exists, is_real_directory};
use crate::error::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Removes a whole tree; one that does not exist is no error. Symlinks are removed, never followed.
///
/// # Errors
/// When a mount point is in the tree (removing would empty the mounted file system), or the kernel
/// refuses.
#[allow(clippy::disallowed_methods)] // the one place that may
pub fn remove_tree(path: &Path, mounts: &[PathBuf]) -> Result<()> {
    if let Some(mount) = mounts.iter().find(|m| m.starts_with(path)) {
        return Err(Error::failed(format!(
            "{} is not removed: {} is a mount point",
            path.display(),
            mount.display()
        ))
        .mend(format!("umount {}", mount.display())));
    }
    let removed = match fs::symlink_metadata(path) {
        Err(e) => Err(e),
        Ok(m) if m.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    match removed {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, e)),
        _ => Ok(()),
    }
}

/// Removes a file; one that does not exist is no error.
///
/// # Errors
/// When the kernel refuses.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        // A read-only file system refuses before it looks whether the file exists.
        Err(e) if exists(path) => Err(Error::io("remove", path, e)),
        _ => Ok(()),
    }
}

/// Removes a file, socket or empty directory; a name that does not exist is no error.
///
/// # Errors
/// When the kernel refuses, or the directory is not empty.
pub fn remove_file_or_empty_directory(path: &Path) -> Result<()> {
    if !is_real_directory(path) {
        return remove_file(path);
    }
    if remove_empty_directory(path)? {
        return Ok(());
    }
    Err(Error::failed(format!("{} is not empty", path.display())))
}

/// Removes a directory when it is empty. Returns whether it is gone.
///
/// # Errors
/// When the kernel refuses for a reason other than that the directory is not empty.
pub fn remove_empty_directory(path: &Path) -> Result<bool> {
    match fs::remove_dir(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(e) => Err(Error::io("remove", path, e)),
    }
}
