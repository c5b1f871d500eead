//! Files that appear whole or not at all, trees that are taken away without following anything.

use crate::error::{Error, Result};
use nix::unistd::{Gid, Uid};
use sha2::{Digest, Sha256};
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Owner, group and mode of a file to be.
#[derive(Debug, Clone, Copy)]
pub struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// Numeric user.
    pub uid: u32,
    /// Numeric group.
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
    /// Replace it.
    Replace,
    /// Fail when the name is taken, by whatever.
    Refuse,
}

/// A file that is being written under a temporary name beside its own. Unless it is committed, it
/// goes with this value; what a killed run leaves has a name that undoing knows ([`unfinished`]).
#[derive(Debug)]
pub struct Pending {
    target: PathBuf,
    temporary: PathBuf,
    /// To write to.
    pub file: File,
    committed: bool,
}

/// The name a directory has until it is complete.
pub fn temporary_name(tree: &Path) -> PathBuf {
    let name = tree.file_name().unwrap_or_default().to_string_lossy();
    tree.with_file_name(format!(".{name}.new"))
}

/// The name a file has until it is complete.
pub fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.lxc-autogen-new"))
}

impl Pending {
    /// Begins a file, readable by its owner alone for now.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn begin(target: &Path) -> Result<Pending> {
        let temporary = unfinished(target);
        // Left of a run that was killed: O_EXCL would refuse it, and never follows a symlink.
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

    /// Where it is until then.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Makes it durable and gives it its name, in one step.
    ///
    /// # Errors
    /// When it cannot be synced or named, or the name is taken and may not be.
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

/// Writes `bytes` to `path`, whole or not at all, with owner and mode from the start.
///
/// # Errors
/// When any of it fails; nothing of it is left then.
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

/// Gives a directory its owner and mode.
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

/// Makes the names in a directory durable.
///
/// # Errors
/// When it cannot be opened or synced.
pub fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|d| d.sync_all())
        .map_err(|e| Error::io("sync", path, e))
}

/// The text of a file that somebody else can have replaced by anything: no symlink is followed, and
/// only a regular file of a sensible size is read. `None` when there is none.
///
/// # Errors
/// When it is something else.
pub fn read_untrusted(path: &Path, most: u64) -> Result<Option<String>> {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("open", path, e)),
    };
    let metadata = file.metadata().map_err(|e| Error::io("look at", path, e))?;
    if !metadata.is_file() || metadata.len() > most {
        return Err(Error::failed(format!(
            "{} is no file of ours",
            path.display()
        )));
    }
    let mut text = String::new();
    file.take(most)
        .read_to_string(&mut text)
        .map_err(|e| Error::io("read", path, e))?;
    Ok(Some(text))
}

/// Reads a file, or `None` when there is none.
///
/// # Errors
/// Any failure but absence.
pub fn read_optional(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("read", path, e)),
    }
}

/// Reads a small text file of /proc or /sys, trimmed, or `None` when it cannot be read.
pub fn read_trimmed(path: impl AsRef<Path>) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The SHA-256 of `bytes` in hexadecimal, our identity of a file's content.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// `count` random bytes from the kernel.
///
/// # Errors
/// When /dev/urandom cannot be read.
pub fn random_bytes(count: usize) -> Result<Vec<u8>> {
    let path = Path::new("/dev/urandom");
    let mut bytes = vec![0; count];
    File::open(path)
        .and_then(|mut f| f.read_exact(&mut bytes))
        .map_err(|e| Error::io("read", path, e))?;
    Ok(bytes)
}

/// Copies a file with its owner and mode, whole or not at all.
///
/// # Errors
/// When reading or writing fails.
pub fn copy_whole(from: &Path, to: &Path) -> Result<()> {
    let metadata = fs::metadata(from).map_err(|e| Error::io("look at", from, e))?;
    let bytes = fs::read(from).map_err(|e| Error::io("read", from, e))?;
    let attributes = Attributes {
        mode: metadata.permissions().mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
    };
    write_atomic(to, &bytes, attributes, Existing::Replace)
}

/// Whether anything, a dangling symlink too, has this name.
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether it is a directory and not a symlink to one.
pub fn is_real_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_dir())
}

/// Inode number, with the path the identity of a directory.
///
/// # Errors
/// When it cannot be looked at.
pub fn identity(path: &Path) -> Result<u64> {
    fs::symlink_metadata(path)
        .map(|m| m.ino())
        .map_err(|e| Error::io("look at", path, e))
}

/// Takes a whole tree away; absent is fine. Symlinks are removed, never followed.
///
/// # Errors
/// When a mount point is in it (it would empty what is mounted there), or the kernel refuses.
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

/// Removes a file; absent is fine.
///
/// # Errors
/// When the kernel refuses.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        // A read-only file system says so before it looks for the name.
        Err(e) if exists(path) => Err(Error::io("remove", path, e)),
        _ => Ok(()),
    }
}

/// Removes a file, socket or empty directory; absent is fine.
///
/// # Errors
/// When the kernel refuses, as for a directory with something in it.
pub fn remove_file_or_empty_directory(path: &Path) -> Result<()> {
    if !is_real_directory(path) {
        return remove_file(path);
    }
    if remove_empty_directory(path)? {
        return Ok(());
    }
    Err(Error::failed(format!("{} is not empty", path.display())))
}

/// Removes a directory when it is empty. Gives back whether it is gone.
///
/// # Errors
/// When the kernel refuses for another reason than content.
pub fn remove_empty_directory(path: &Path) -> Result<bool> {
    match fs::remove_dir(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(e) => Err(Error::io("remove", path, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_with_links_goes_and_what_they_point_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("kept");
        fs::write(&kept, "x").unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        std::os::unix::fs::symlink(dir.path(), tree.join("a/up")).unwrap();
        remove_tree(&tree, &[]).unwrap();
        assert!(!exists(&tree));
        assert!(kept.exists());
        remove_tree(&tree, &[]).unwrap();
    }

    #[test]
    fn a_tree_with_a_mount_point_in_it_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join("usr")).unwrap();
        let e = remove_tree(&tree, &[tree.join("usr")]).unwrap_err();
        assert!(e.to_string().contains("is a mount point"), "{e}");
        assert!(tree.join("usr").exists());
    }

    #[test]
    fn an_atomic_write_replaces_or_refuses_as_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let attributes = Attributes::root(0o640);
        write_atomic(&path, b"one", attributes, Existing::Refuse).unwrap();
        assert!(write_atomic(&path, b"two", attributes, Existing::Refuse).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write_atomic(&path, b"two", attributes, Existing::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o640);
        let names = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(names, 1, "no temporary file is left");
    }
}
