//! Files that appear whole or not at all, and trees that are removed without following symlinks.

mod beneath;
mod pending;
mod remove;
mod within;

pub use beneath::{read_in_root, remove_beneath};
pub use pending::{
    Attributes, Existing, Pending, set_directory_attributes, sync_directory, temporary_name,
    unfinished, write_atomic,
};
pub use remove::{
    remove_empty_directory, remove_file, remove_file_or_empty_directory, remove_tree,
};

pub use within::{Attributed, Within};

use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// The text of a file that somebody else may have replaced by something else: follows no symlink
/// and reads only a regular file of at most `most` bytes. `None` when there is no file.
///
/// # Errors
/// When it is anything but such a file, or cannot be read.
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

/// The bytes of a file, or `None` when there is none.
///
/// # Errors
/// When the file exists and cannot be read.
pub fn read_optional(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("read", path, e)),
    }
}

/// The text of a small file of /proc or /sys, trimmed; `None` when it cannot be read.
pub fn read_trimmed(path: impl AsRef<Path>) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The SHA-256 of `bytes` in hexadecimal, by which lxc-autogen recognizes a file's content.
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

/// Copies a file with its owner and mode, whole or not at all. A file at `to` is replaced.
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

/// Whether the name is taken, be it by a dangling symlink.
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether this is a directory, and not a symlink to one.
pub fn is_real_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_dir())
}

/// Whether this is a file, and neither a symlink nor anything else.
pub fn is_real_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_file())
}

/// The inode number, which together with the path identifies a directory.
///
/// # Errors
/// When the file's metadata cannot be read.
pub fn identity(path: &Path) -> Result<u64> {
    fs::symlink_metadata(path)
        .map(|m| m.ino())
        .map_err(|e| Error::io("look at", path, e))
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
