//! Files: type, mode, owner and content. Times and inode numbers are not recorded, since a file
//! that was written back with its old content counts as unchanged.

use super::left_out::LeftOut;
use super::looked::Looked;
use super::mounts::Mounted;
use super::section::{Section, section};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::Metadata;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// A file of any type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// `file`, `directory`, `link` and so on.
    r#type: String,
    /// The permission bits in octal, as chmod(1) takes them.
    mode: String,
    /// `UID:GID`.
    owner: String,
    /// The target of a symbolic link, or the number of a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// The SHA-256 of the content; for a large file its size and the time of its last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

/// From this many bytes on a file is not read. No run of lxc-autogen writes such a file back, and
/// size and time show one that was written to.
const LARGE: u64 = 64 << 20;

/// File systems that are looked into where they are mounted below a tree. Others do not belong to
/// this machine (NFS, FUSE), are shown by other kinds (proc, cgroups), or show another mount's
/// files (overlays).
const LOCAL: &[&str] = &[
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs", "reiserfs", "tmpfs",
    "ramfs",
];

pub(super) fn look(looked: &Looked, mounted: &[Mounted]) -> Result<Section<File>> {
    let left_out = LeftOut::new(&looked.ignore);
    let mut all = Vec::new();
    for start in starts(&looked.trees, mounted, &left_out) {
        walk(&start, &left_out, &mut all)?;
    }
    // A mount point is seen from above and from inside the mount. The view from inside comes last
    // and counts.
    let all: std::collections::BTreeMap<String, File> = all.into_iter().collect();
    Ok(section(all))
}

/// The directories to walk: the trees, and the local file systems that are mounted in them.
fn starts(trees: &[PathBuf], mounted: &[Mounted], left_out: &LeftOut) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = trees.to_vec();
    for mount in mounted {
        let local = LOCAL.contains(&mount.fstype());
        let inside = trees
            .iter()
            .any(|t| mount.point.starts_with(t) && mount.point != *t);
        if local && inside && !left_out.has_above(&mount.point) && !is_walked(&mount.point) {
            all.push(mount.point.clone());
        }
    }
    all
}

/// Whether a walk from the directory above enters this mount point. A walk does not leave its file
/// system, but a part of the same file system that is mounted in another place counts as the same
/// one.
fn is_walked(point: &Path) -> bool {
    let device = |path: &Path| std::fs::symlink_metadata(path).ok().map(|m| m.dev());
    point.parent().and_then(device) == device(point)
}

fn walk(start: &Path, left_out: &LeftOut, all: &mut Vec<(String, File)>) -> Result<()> {
    let wanted = |e: &DirEntry| e.depth() == 0 || !left_out.has(e.path());
    let entries = WalkDir::new(start).same_file_system(true).into_iter();
    for entry in entries.filter_entry(wanted) {
        let seen = match entry {
            Ok(entry) => look_at(entry.path()),
            Err(e) => match e.io_error().map(std::io::Error::kind) {
                Some(ErrorKind::NotFound) => continue,
                _ => return Err(Error::failed(format!("look at files: {e}"))),
            },
        };
        all.extend(seen?);
    }
    Ok(())
}

/// The file at a path; `None` when it is gone meanwhile.
fn look_at(path: &Path) -> Result<Option<(String, File)>> {
    match file(path) {
        Ok(file) => Ok(Some((path.to_string_lossy().into_owned(), file))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("look at", path, e)),
    }
}

fn file(path: &Path) -> std::io::Result<File> {
    let metadata = std::fs::symlink_metadata(path)?;
    let r#type = type_name(&metadata);
    let to = match r#type {
        "link" => Some(std::fs::read_link(path)?.to_string_lossy().into_owned()),
        "character device" | "block device" => Some(metadata.rdev().to_string()),
        _ => None,
    };
    let content = match r#type {
        "file" if metadata.len() >= LARGE => Some(format!(
            "{} bytes, changed at {}.{:09}",
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec()
        )),
        "file" => Some(hash(path)?),
        _ => None,
    };
    Ok(File {
        r#type: r#type.to_owned(),
        mode: format!("{:04o}", metadata.permissions().mode() & 0o7777),
        owner: format!("{}:{}", metadata.uid(), metadata.gid()),
        to,
        content,
    })
}

fn type_name(metadata: &Metadata) -> &'static str {
    let t = metadata.file_type();
    match () {
        () if t.is_file() => "file",
        () if t.is_dir() => "directory",
        () if t.is_symlink() => "link",
        () if t.is_socket() => "socket",
        () if t.is_fifo() => "pipe",
        () if t.is_char_device() => "character device",
        () => "block device",
    }
}

/// Reads the file in pieces: there may be many files, and some have megabytes.
fn hash(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 256 << 10];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            n => hash.update(&piece[..n]),
        }
    }
    let hexadecimal = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok(hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn of(tree: &Path, ignore: &[PathBuf]) -> BTreeMap<String, File> {
        let looked = Looked::new(&[tree.to_owned()], ignore).unwrap();
        match look(&looked, &[]).unwrap() {
            Section::There(all) => all,
            Section::NotThere(why) => panic!("{why}"),
        }
    }

    #[test]
    fn what_is_in_a_tree_and_what_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path();
        fs::create_dir(tree.join("d")).unwrap();
        fs::write(tree.join("d/f"), "abc").unwrap();
        fs::write(tree.join("d/g.pid"), "7").unwrap();
        symlink("nowhere", tree.join("l")).unwrap();
        fs::set_permissions(tree.join("d/f"), fs::Permissions::from_mode(0o4750)).unwrap();
        let all = of(tree, &[tree.join("d/*.pid")]);
        let name = |path: &str| tree.join(path).to_string_lossy().into_owned();
        assert_eq!(all.len(), 4, "{all:?}");
        let file = &all[&name("d/f")];
        assert_eq!((&file.r#type[..], &file.mode[..]), ("file", "4750"));
        // sha256sum's.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(file.content.as_deref(), Some(abc));
        assert_eq!(all[&name("l")].to.as_deref(), Some("nowhere"));
        assert_eq!(all[&name("d")].content, None);
    }

    #[test]
    fn a_large_file_is_known_by_its_time_and_size() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk");
        let file = fs::File::create(&path).unwrap();
        file.set_len(LARGE).unwrap();
        let before = of(dir.path(), &[]);
        let content = before[&*path.to_string_lossy()].content.clone().unwrap();
        assert!(
            content.starts_with("67108864 bytes, changed at "),
            "{content}"
        );
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_ne!(of(dir.path(), &[]), before);
    }

    #[test]
    fn a_tree_that_is_not_there_has_nothing_in_it() {
        assert!(of(Path::new("/no such tree"), &[]).is_empty());
    }
}
