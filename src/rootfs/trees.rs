//! Directories and files of a container's root: new ones, and copies of a base tree's.

use crate::error::{Error, Result};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown, symlink,
};
use std::path::Path;
use walkdir::WalkDir;

/// Everything in a directory of the base tree, where there is one.
pub(super) fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(from) {
        let Ok(entry) = entry else { continue };
        let below = entry.path().strip_prefix(from).unwrap_or(Path::new(""));
        let target = to.join(below);
        let kind = entry.file_type();
        if kind.is_dir() {
            make_directory(target.components().as_path(), 0o755)?;
        } else if kind.is_symlink() {
            let link =
                fs::read_link(entry.path()).map_err(|e| Error::io("read", entry.path(), e))?;
            symlink(link, &target).map_err(|e| Error::io("link", &target, e))?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).map_err(|e| Error::io("read", entry.path(), e))?;
            let mode = entry
                .metadata()
                .map_or(0o644, |m| m.permissions().mode() & 0o755);
            write_new(&target, &bytes, mode)?;
        }
    }
    Ok(())
}

/// Names and owners alone, and of directories that are not open to everybody only the topmost: what
/// is in them is nobody's business. Our own are left out.
pub(super) fn copy_directories(base: &Path, root: &Path, path: &str) -> Result<()> {
    const DEEPEST: usize = 4;
    let is_open = |path: &Path| fs::metadata(path).is_ok_and(|m| m.mode() & 0o005 == 0o005);
    let wanted = |entry: &walkdir::DirEntry| {
        let ours = entry
            .file_name()
            .to_string_lossy()
            .starts_with("lxc-autogen");
        entry.file_type().is_dir() && !ours && entry.path().parent().is_some_and(is_open)
    };
    let all = WalkDir::new(base.join(path)).max_depth(DEEPEST).into_iter();
    for entry in all.filter_entry(wanted).flatten() {
        let below = entry.path().strip_prefix(base).unwrap_or(Path::new(path));
        let to = root.join(below);
        let Ok(info) = entry.metadata() else {
            continue;
        };
        if fs::symlink_metadata(&to).is_ok() {
            continue;
        }
        fs::create_dir(&to)
            .and_then(|()| lchown(&to, Some(info.uid()), Some(info.gid())))
            .and_then(|()| {
                let mode = fs::Permissions::from_mode(info.mode() & 0o7777);
                fs::set_permissions(&to, mode)
            })
            .map_err(|e| Error::io("make directory", &to, e))?;
    }
    Ok(())
}

/// A new directory with this mode.
pub(super) fn make_directory(path: &Path, mode: u32) -> Result<()> {
    DirBuilder::new()
        .mode(mode)
        .create(path)
        .map_err(|e| Error::io("make directory", path, e))?;
    // Our umask is 022 (lib.rs), and mkdir(2) knows no sticky bit.
    if mode & 0o7022 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|e| Error::io("set mode of", path, e))
}

/// A new file with this mode.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut f| f.write_all(bytes))
        .map_err(|e| Error::io("write", path, e))
}
