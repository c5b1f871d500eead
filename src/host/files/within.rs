//! Writing into a directory what somebody else has named: nothing outside of it is written to,
//! whatever the names are, and no link in it is followed.

use crate::error::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstatat, futimens, mkdirat};
use nix::sys::time::TimeSpec;
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};
use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// A directory that is written into. Paths in it have no component but names.
#[derive(Debug)]
pub struct Within {
    root: OwnedFd,
    path: PathBuf,
}

/// What a file or directory is given besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributed {
    /// Permissions, 0777 at most.
    pub mode: u32,
    /// When its content was changed, in seconds since 1970.
    pub modified: i64,
}

impl Within {
    /// Of an existing directory; links in its own path are followed.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Within> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(path, flags, Mode::empty())
            .map_err(|e| Error::io("open", path, e.desc()))?;
        let path = path.to_owned();
        Ok(Within { root, path })
    }

    /// Makes a directory, for root alone until [`Within::settle`]. Gives back whether it is new.
    ///
    /// # Errors
    /// When something else is there, or it cannot be made.
    pub fn directory(&self, path: &Path) -> Result<bool> {
        let (parent, name) = self.parent(path)?;
        match mkdirat(&parent, name, Mode::S_IRWXU) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => enter(&parent, name)
                .map(|_| false)
                .map_err(|e| self.error("enter", path, e.desc())),
            Err(e) => Err(self.error("make directory", path, e.desc())),
        }
    }

    /// Gives a directory its attributes, when nothing more is written into it.
    ///
    /// # Errors
    /// When they cannot be set.
    pub fn settle(&self, path: &Path, attributed: Attributed) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        enter(&parent, name)
            .and_then(|directory| attribute(&directory, attributed))
            .map_err(|e| self.error("set the mode of", path, e.desc()))
    }

    /// Writes a file, whole or not at all, over a file or link that is there. Gives back its
    /// length.
    ///
    /// # Errors
    /// When something else is there, the content cannot be read, or the file not written.
    pub fn file(&self, path: &Path, attributed: Attributed, content: impl Read) -> Result<u64> {
        let (parent, name) = self.parent(path)?;
        self.replaceable(&parent, name, path)?;
        let unfinished = unfinished();
        let written = write(&parent, &unfinished, attributed, content);
        self.name_it(&parent, &unfinished, name, path, written)
    }

    /// Makes a symbolic link, over a file or link that is there.
    ///
    /// # Errors
    /// As [`Within::file`].
    pub fn link(&self, path: &Path, target: &Path) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        self.replaceable(&parent, name, path)?;
        let unfinished = unfinished();
        let made = symlinkat(target, &parent, unfinished.as_str());
        self.name_it(
            &parent,
            &unfinished,
            name,
            path,
            made.map_err(io::Error::from),
        )
    }

    /// The directory that holds a path's last component, and that component.
    fn parent<'p>(&self, path: &'p Path) -> Result<(OwnedFd, &'p OsStr)> {
        let mut names = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => names.push(name),
                _ => return Err(self.error("write", path, "leads out of it")),
            }
        }
        let Some(last) = names.pop() else {
            return Err(self.error("write", path, "has no name"));
        };
        let root = self.root.try_clone();
        let mut directory = root.map_err(|e| self.error("open", path, e))?;
        for name in names {
            directory = enter(&directory, name).map_err(|e| {
                let why = match e {
                    // What O_NOFOLLOW with O_DIRECTORY says of a link.
                    Errno::ENOTDIR | Errno::ELOOP => "a link, or a file, is in the way",
                    other => other.desc(),
                };
                self.error("write", path, why)
            })?;
        }
        Ok((directory, last))
    }

    /// Refuses to replace anything but files and links.
    fn replaceable(&self, parent: &OwnedFd, name: &OsStr, path: &Path) -> Result<()> {
        let there = match fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => return Ok(()),
            Err(e) => return Err(self.error("look at", path, e.desc())),
            Ok(there) => SFlag::from_bits_truncate(there.st_mode) & SFlag::S_IFMT,
        };
        match there {
            SFlag::S_IFREG | SFlag::S_IFLNK => Ok(()),
            SFlag::S_IFDIR => Err(self.error("replace", path, "it is a directory")),
            _ => Err(self.error("replace", path, "it is no file")),
        }
    }

    /// Gives what has been made under another name its own, or removes it if it failed.
    fn name_it<T>(
        &self,
        parent: &OwnedFd,
        unfinished: &str,
        name: &OsStr,
        path: &Path,
        made: io::Result<T>,
    ) -> Result<T> {
        let named = made.and_then(|it| {
            renameat(parent, unfinished, parent, name)?;
            Ok(it)
        });
        named.map_err(|e| {
            let _ = unlinkat(parent, unfinished, UnlinkatFlags::NoRemoveDir);
            match e.downcast::<Error>() {
                Ok(ours) => ours,
                Err(e) => self.error("write", path, e),
            }
        })
    }

    /// The name is quoted: whoever chose it could have put a terminal's commands into it.
    fn error(&self, doing: &str, path: &Path, cause: impl Display) -> Error {
        let directory = self.path.display();
        Error::failed(format!("{doing} {path:?} in {directory}: {cause}"))
    }
}

/// The name of what is not complete yet.
fn unfinished() -> String {
    format!(".lxc-autogen-{}", std::process::id())
}

/// A directory, and nothing that a link leads to.
fn enter(parent: &OwnedFd, name: &OsStr) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

fn write(
    parent: &OwnedFd,
    name: &str,
    attributed: Attributed,
    mut content: impl Read,
) -> io::Result<u64> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let mut file = File::from(openat(parent, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
    let length = io::copy(&mut content, &mut file)?;
    attribute(&file, attributed)?;
    Ok(length)
}

fn attribute(fd: &impl AsFd, attributed: Attributed) -> nix::Result<()> {
    fchmod(fd, Mode::from_bits_truncate(attributed.mode & 0o777))?;
    let modified = TimeSpec::new(attributed.modified, 0);
    futimens(fd, &TimeSpec::UTIME_NOW, &modified)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    const PLAIN: Attributed = Attributed {
        mode: 0o640,
        modified: 1_000_000,
    };

    fn text(within: &Within, path: &str, text: &str) -> Result<u64> {
        within.file(Path::new(path), PLAIN, text.as_bytes())
    }

    #[test]
    fn files_directories_and_links_have_what_they_are_given() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        let within = Within::open(directory.path()).unwrap();
        assert!(within.directory(Path::new("a")).unwrap());
        assert!(!within.directory(Path::new("a")).unwrap());
        assert_eq!(text(&within, "a/file", "one").unwrap(), 3);
        text(&within, "a/file", "two").unwrap();
        let target = Path::new("file");
        within.link(Path::new("a/link"), target).unwrap();
        within.link(Path::new("a/link"), target).unwrap();
        within.settle(Path::new("a"), PLAIN).unwrap();
        assert_eq!(fs::read_to_string(at("a/link")).unwrap(), "two");
        for path in ["a", "a/file"] {
            let seen = fs::metadata(at(path)).unwrap();
            assert_eq!((seen.mode() & 0o7777, seen.mtime()), (0o640, 1_000_000));
        }
        assert_eq!(fs::read_dir(at("a")).unwrap().count(), 2);
    }

    #[test]
    fn nothing_outside_is_reached() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        fs::create_dir_all(at("in/sub")).unwrap();
        fs::create_dir(at("out")).unwrap();
        fs::write(at("out/kept"), "kept").unwrap();
        symlink(at("out"), at("in/to-out")).unwrap();
        symlink(at("out/kept"), at("in/to-kept")).unwrap();
        let within = Within::open(&at("in")).unwrap();
        for path in [
            "../out/new",
            "/out/new",
            "sub/../../out/new",
            "to-out/new",
            "",
            "..",
        ] {
            assert!(text(&within, path, "x").is_err(), "{path}");
            assert!(within.directory(Path::new(path)).is_err(), "{path}");
            assert!(within.link(Path::new(path), Path::new("x")).is_err());
        }
        assert!(within.directory(Path::new("to-out")).is_err());
        assert!(within.settle(Path::new("to-out"), PLAIN).is_err());
        // A link is replaced, and not followed.
        text(&within, "to-kept", "x").unwrap();
        assert_eq!(fs::read_to_string(at("out/kept")).unwrap(), "kept");
        assert_eq!(fs::read_dir(at("out")).unwrap().count(), 1);
    }

    #[test]
    fn what_fails_half_way_leaves_nothing() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other(Error::cant("ours")))
            }
        }
        let directory = tempfile::tempdir().unwrap();
        let within = Within::open(directory.path()).unwrap();
        let half = b"half".chain(Fails);
        let e = within.file(Path::new("f"), PLAIN, half).unwrap_err();
        assert_eq!(e.message(), "ours");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        fs::create_dir(directory.path().join("d")).unwrap();
        let e = text(&within, "d", "x").unwrap_err();
        assert!(e.message().contains("is a directory"), "{e}");
    }
}
