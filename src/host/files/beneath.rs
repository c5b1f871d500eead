//! Removing what a record names, and nothing that a symlink leads to.

use super::exists;
use crate::error::{Error, Result};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, openat, openat2, statat, unlinkat,
};
use rustix::io::Errno;
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
}
