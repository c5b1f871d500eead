//! Removing what a record names, and nothing that a symlink leads to; and reading a file of a tree that
//! no symlink leads out of.

use super::exists;
use crate::error::{Error, Result};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, openat, openat2, statat, unlinkat,
};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Removes a file, socket, link or empty directory below a directory; a name that does not exist is
/// no error. Nothing between the two may be a symlink. Returns whether it is gone: a directory that
/// is not empty stays.
///
/// # Errors
/// When the path is not below the directory, a symlink is in the way, or the kernel refuses.
pub fn remove_beneath(base: &Path, path: &Path) -> Result<bool> {
    let failed = |e: Errno| match e {
        // What the kernel says of a symlink (openat2(2), RESOLVE_NO_SYMLINKS), and of its way out.
        Errno::LOOP | Errno::XDEV | Errno::NOTDIR => {
            let why = format!(
                "a symlink, or a file, is in the way below {}",
                base.display()
            );
            Error::io("remove", path, why)
        }
        _ => Error::io("remove", path, std::io::Error::from(e)),
    };
    let inside = path.strip_prefix(base).ok();
    let parts = inside.and_then(|inside| Some((inside.parent()?, inside.file_name()?)));
    let Some((parent, name)) = parts else {
        let why = format!("it is not below {}", base.display());
        return Err(Error::io("remove", path, why));
    };
    let removed = open(base, parent).and_then(|parent| {
        let there = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let flags = match FileType::from_raw_mode(there.st_mode) {
            FileType::Directory => AtFlags::REMOVEDIR,
            _ => AtFlags::empty(),
        };
        unlinkat(&parent, name, flags)
    });
    match removed {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        // A read-only file system refuses before it looks whether the file exists.
        Err(Errno::ROFS) if !exists(path) => Ok(true),
        Err(e) => Err(failed(e)),
    }
}

/// Opens a directory below another one.
fn open(base: &Path, below: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let base = openat(rustix::fs::CWD, base, flags, Mode::empty())?;
    if below.as_os_str().is_empty() {
        return Ok(base);
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(&base, below, flags, Mode::empty(), resolve) {
        // A kernel before 5.6, or a container engine's filter that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(base, below),
        opened => opened,
    }
}

/// The same, one name at a time.
fn step_by_step(base: OwnedFd, below: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut directory = base;
    for component in below.components() {
        let std::path::Component::Normal(name) = component else {
            return Err(Errno::XDEV);
        };
        directory = openat(&directory, name, flags, Mode::empty())?;
    }
    Ok(directory)
}

/// The bytes of a file in a tree, or `None` when there is none. Symlinks lead where they lead for who has
/// the tree as the root: none leads out of it, to what is not the tree's to give.
///
/// # Errors
/// When it is no file (reading a FIFO would never end), or cannot be read.
pub fn read_in_root(root: &Path, path: &Path) -> Result<Option<Vec<u8>>> {
    let shown = root.join(path);
    let failed = |e: std::io::Error| Error::io("read", &shown, e);
    let mut file = match open_in_root(root, path) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(e) => return Err(failed(e.into())),
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Error::cant(format!("{} is no file", shown.display())));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

fn open_in_root(root: &Path, path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let tree = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let at = openat(rustix::fs::CWD, root, tree, Mode::empty())?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match openat2(&at, path, flags, Mode::empty(), resolve) {
        // As above. Then a path that leads out is refused, also where it would be found inside.
        Err(Errno::NOSYS | Errno::PERM) => {
            let io = |e: std::io::Error| Errno::from_io_error(&e).unwrap_or(Errno::IO);
            let root = root.canonicalize().map_err(io)?;
            let path = root.join(path).canonicalize().map_err(io)?;
            match path.starts_with(root) {
                true => openat(rustix::fs::CWD, &path, flags, Mode::empty()),
                false => Err(Errno::XDEV),
            }
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_a_link_leads_to_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        fs::create_dir_all(at("base/real/full")).unwrap();
        fs::create_dir(at("outside")).unwrap();
        for file in ["outside/kept", "base/real/full/file", "base/file"] {
            fs::write(at(file), "x").unwrap();
        }
        std::os::unix::fs::symlink("../outside", at("base/link")).unwrap();
        let remove = |path: &str| remove_beneath(&at("base"), &at(path));
        for path in [
            "base/link/kept",
            "base/../outside/kept",
            "outside/kept",
            "base",
        ] {
            remove(path).unwrap_err();
        }
        let base = || {
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            openat(rustix::fs::CWD, at("base"), flags, Mode::empty()).unwrap()
        };
        for path in ["link", "..", "real/../.."] {
            step_by_step(base(), Path::new(path)).unwrap_err();
            open(&at("base"), Path::new(path)).unwrap_err();
        }
        step_by_step(base(), Path::new("real/full")).unwrap();
        assert!(at("outside/kept").exists());
        assert!(!remove("base/real/full").unwrap());
        for path in [
            "base/real/full/file",
            "base/real/full",
            "base/file",
            "base/link",
            "base/none/x",
        ] {
            assert!(remove(path).unwrap(), "{path}");
            assert!(!exists(&at(path)));
        }
        assert!(at("outside").exists());
    }

    #[test]
    fn a_tree_gives_what_is_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        fs::create_dir_all(at("tree/etc/real")).unwrap();
        fs::write(at("secret"), "the host's").unwrap();
        fs::write(at("tree/etc/real/hosts"), "the tree's").unwrap();
        let link =
            |target: &Path, name: &str| std::os::unix::fs::symlink(target, at(name)).unwrap();
        link(&at("secret"), "tree/etc/absolute");
        link(Path::new("../../secret"), "tree/etc/relative");
        link(Path::new("/etc/real/hosts"), "tree/etc/hosts");
        link(directory.path(), "tree/host");
        let read = |path: &str| read_in_root(&at("tree"), Path::new(path));
        for path in [
            "etc/absolute",
            "etc/relative",
            "host/secret",
            "../secret",
            "etc/none",
        ] {
            assert_eq!(read(path).unwrap(), None, "{path}");
        }
        for path in ["etc/hosts", "etc/real/hosts", "/etc/hosts"] {
            assert_eq!(read(path).unwrap().unwrap(), b"the tree's", "{path}");
        }
        let fifo = at("tree/etc/fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
        let e = read("etc/fifo").unwrap_err();
        assert!(e.message().ends_with("is no file"), "{e}");
        assert!(read("etc").unwrap_err().message().ends_with("is no file"));
    }
}
