//! Files that appear whole or not at all, with owner and mode set before they have their
//! name.

use super::remove_file;
use crate::error::{Error, Result};
use nix::unistd::{Gid, Uid};
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Owner, group and mode for a file that is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// Numeric user id.
    pub uid: u32,
    /// Numeric group id.
    pub gid: u32,
}

impl Attributes {
    /// root:root with this mode.
    pub fn root(mode: u32) -> Self {
        Attributes {
            mode,
            uid: 0,
            gid: 0,
        }
    }
}

/// Whether an existing file may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Replace a file of that name.
    Replace,
    /// Fail when the name is taken, by a file or anything else.
    Refuse,
}

/// A file that is being written under a temporary name beside its own name. When this value is
/// dropped before [`Pending::commit`], the file is removed. A killed run leaves the file; undoing
/// finds it by its name ([`unfinished`]).
#[derive(Debug)]
pub struct Pending {
    target: PathBuf,
    temporary: PathBuf,
    /// The open file, to write to.
    pub file: File,
    committed: bool,
}

/// The name that a directory has until it is complete.
pub fn temporary_name(tree: &Path) -> PathBuf {
    let name = tree.file_name().unwrap_or_default().to_string_lossy();
    tree.with_file_name(format!(".{name}.new"))
}

/// The name that a file has until it is complete.
pub fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.lxc-autogen-new"))
}

impl Pending {
    /// Makes the temporary file, with mode 0600.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn begin(target: &Path) -> Result<Pending> {
        let temporary = unfinished(target);
        // A killed run may have left a file: O_EXCL refuses an existing name, and never follows a
        // symlink.
        remove_file(&temporary)?;
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(|e| Error::io("write", target, e))?;
        Ok(Pending {
            target: target.to_owned(),
            temporary,
            file,
            committed: false,
        })
    }

    /// The path of the temporary file.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Syncs the file to disk and gives it its name, in one step.
    ///
    /// # Errors
    /// When the file cannot be synced or renamed, or with [`Existing::Refuse`] when the name is
    /// taken.
    pub fn commit(mut self, existing: Existing) -> Result<()> {
        let at = |e: std::io::Error| Error::io("write", &self.target, e);
        self.file.sync_all().map_err(at)?;
        match existing {
            Existing::Replace => fs::rename(&self.temporary, &self.target).map_err(at)?,
            Existing::Refuse => {
                fs::hard_link(&self.temporary, &self.target).map_err(at)?;
                fs::remove_file(&self.temporary).map_err(at)?;
            }
        }
        self.committed = true;
        sync_directory(parent(&self.target)?)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes `bytes` to `path`, whole or not at all, with these attributes from the start.
///
/// # Errors
/// When any step fails; then nothing is left of the new file.
pub fn write_atomic(
    path: &Path,
    bytes: &[u8],
    attributes: Attributes,
    existing: Existing,
) -> Result<()> {
    let mut pending = Pending::begin(path)?;
    pending
        .file
        .write_all(bytes)
        .and_then(|()| set_attributes(&pending.file, attributes))
        .map_err(|e| Error::io("write", path, e))?;
    pending.commit(existing)
}

fn set_attributes(file: &File, attributes: Attributes) -> std::io::Result<()> {
    if Uid::effective().is_root() {
        fchown(file, Some(attributes.uid), Some(attributes.gid))?;
    }
    file.set_permissions(Permissions::from_mode(attributes.mode))
}

/// Sets the owner, group and mode of a directory.
///
/// # Errors
/// When the kernel refuses.
pub fn set_directory_attributes(path: &Path, attributes: Attributes) -> Result<()> {
    let at = |e: &dyn std::fmt::Display| Error::io("set owner and mode of", path, e);
    nix::unistd::chown(
        path,
        Some(Uid::from_raw(attributes.uid)),
        Some(Gid::from_raw(attributes.gid)),
    )
    .map_err(|e| at(&e))?;
    fs::set_permissions(path, Permissions::from_mode(attributes.mode)).map_err(|e| at(&e))
}

fn parent(path: &Path) -> Result<&Path> {
    path.parent()
        .filter(|p| !p.as_os_str().is_empty())
        .ok_or_else(|| Error::failed(format!("{} has no directory", path.display())))
}

/// Syncs a directory, so that the names in it survive a crash.
///
/// # Errors
/// When the directory cannot be opened or synced.
pub fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|d| d.sync_all())
        .map_err(|e| Error::io("sync", path, e))
}
