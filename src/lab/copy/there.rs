//! Looking at paths in a node, by programs that run in it.

use super::{What, neither};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use nix::sys::stat::SFlag;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What there is at a path in a node, behind links; nothing when there is nothing.
///
/// # Errors
/// When it cannot be looked at.
pub(super) fn look(context: &Context, inside: &Inside, path: &Path) -> Result<Option<What>> {
    let stat = inside.cmd("stat").args(["--dereference", "--format=%f"]);
    let output = stat.arg("--").arg(path).run(&context.host)?;
    let absent = ["No such file or directory", "Not a directory"];
    match output.code {
        0 => Ok(Some(what(output.stdout.trim()))),
        1 if absent.iter().any(|why| output.stderr.contains(why)) => Ok(None),
        _ => Err(output.error()),
    }
}

/// What stat(1) calls the raw mode, in hex.
fn what(mode: &str) -> What {
    let bits = u32::from_str_radix(mode, 16).unwrap_or(0);
    match SFlag::from_bits_truncate(bits) & SFlag::S_IFMT {
        SFlag::S_IFREG => What::File,
        SFlag::S_IFDIR => What::Directory,
        _ => What::Other,
    }
}

/// Where something comes to lie in a node.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Landing {
    /// Path of the directory, which exists.
    pub directory: PathBuf,
    /// Its name there.
    pub name: OsString,
}

/// Where a file or directory called `name` is to come: into a directory that is there, or else to
/// the target itself.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when the target's directory is not there, or something else is in
/// the way.
pub(super) fn landing(
    context: &Context,
    inside: &Inside,
    target: &Path,
    name: &OsStr,
    source: What,
) -> Result<Landing> {
    let shown = |path: &Path| format!("{}:{}", inside.name(), path.display());
    let (landing, there) = match look(context, inside, target)? {
        Some(What::Directory) => {
            let there = look(context, inside, &target.join(name))?;
            (Landing::of(target, name), there)
        }
        there => {
            // A name that ends so is a directory's.
            let parent = target.parent().filter(|_| !is_directory_name(target));
            let (Some(parent), Some(own)) = (parent, target.file_name()) else {
                return Err(no_directory(inside, &shown(target), target));
            };
            let is_there = there.is_some();
            if !is_there && look(context, inside, parent)? != Some(What::Directory) {
                return Err(no_directory(inside, &shown(parent), parent));
            }
            (Landing::of(parent, own), there)
        }
    };
    let path = landing.directory.join(&landing.name);
    match (there, source) {
        (Some(What::Other), _) => Err(neither(shown(&path))),
        (Some(there), source) if there != source => Err(in_the_way(&shown(&path), there)),
        _ => Ok(landing),
    }
}

impl Landing {
    fn of(directory: &Path, name: &OsStr) -> Landing {
        Landing {
            directory: directory.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Whether a path is written as a directory's.
pub(super) fn is_directory_name(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    bytes.ends_with(b"/") || bytes.ends_with(b"/.")
}

/// The error where something of the other kind is at the place of the copy.
pub(super) fn in_the_way(shown: &str, there: What) -> Error {
    let what = match there {
        What::Directory => "a directory, and a file is to come there",
        What::File | What::Other => "a file, and a directory is to come there",
    };
    Error::cant(format!("{shown} is {what}")).mend("remove it, or name another target")
}

fn no_directory(inside: &Inside, shown: &str, path: &Path) -> Error {
    Error::cant(format!("there is no directory {shown}")).mend(format!(
        "lxc-autogen lab exec {} -- mkdir -p {}",
        inside.name(),
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_those_of_stat() {
        for (mode, kind) in [
            ("81a4", What::File),
            ("41ed", What::Directory),
            ("21b6", What::Other),
            ("a1ff", What::Other),
            ("", What::Other),
        ] {
            assert_eq!(what(mode), kind, "{mode}");
        }
    }

    #[test]
    fn directories_by_their_name() {
        for (path, is) in [("/a/", true), ("/a/.", true), ("/a", false), ("/.a", false)] {
            assert_eq!(is_directory_name(Path::new(path)), is, "{path}");
        }
    }
}
