//! Taking an archive apart that comes from a node, whose root may have written anything into it:
//! what leads out of the target, or is neither a file nor a directory, is not made.

use super::{Copied, Exactly, What};
use crate::error::{Error, Result};
use crate::host::files::{Attributed, Within};
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use tar::{Archive, Entry, EntryType, Header};

/// Longest name that an entry of its own may have: PATH_MAX, with the byte behind it.
const LONGEST_NAME: u64 = 4096;

/// Reads an archive of GNU's format and makes the one file in it, or the directory `.` with what is
/// in it, under this name.
///
/// # Errors
/// When it is no such archive, or a file cannot be written.
pub(super) fn unpack(
    mut archive: impl Read,
    within: &Within,
    name: &OsStr,
    what: What,
) -> Result<Copied> {
    let mut copied = Copied::default();
    let (mut directories, mut empty) = (Vec::new(), true);
    let mut names = Names::default();
    let mut reader = Archive::new(&mut archive);
    // Long names are taken apart here, where their length has a bound.
    for entry in reader.entries().map_err(broken)?.raw(true) {
        let entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() {
            names.path = Some(long_name(entry)?);
            continue;
        }
        if kind.is_gnu_longlink() {
            names.link = Some(long_name(entry)?);
            continue;
        }
        empty = false;
        let names = std::mem::take(&mut names);
        let path = names.path_of(&entry);
        let member = below(&path).ok_or_else(|| hostile(&path, "leads out of the target"))?;
        let one = what == What::File && member.components().count() == 1;
        let path = match (what, one) {
            (What::File, true) => PathBuf::from(name),
            (What::File, false) => return Err(hostile(&path, "was not asked for")),
            _ if member.as_os_str().is_empty() => PathBuf::from(name),
            _ => Path::new(name).join(&member),
        };
        let attributed = attributed(entry.header())?;
        match kind {
            EntryType::Directory if what == What::Directory => {
                if within.directory(&path)? {
                    directories.push((path, attributed));
                }
            }
            EntryType::Regular | EntryType::Continuous => {
                let left = entry.header().entry_size().map_err(broken)?;
                let content = Exactly { from: entry, left };
                copied.bytes += within.file(&path, attributed, content)?;
                copied.files += 1;
            }
            EntryType::Symlink => match names.link_of(&entry) {
                Some(target) if stays(&member, &target) => within.link(&path, &target)?,
                Some(target) => copied.leave_out(&path, &format!("a link to {target:?}")),
                None => return Err(hostile(&path, "is a link to nothing")),
            },
            EntryType::Link | EntryType::Char | EntryType::Block | EntryType::Fifo => {
                copied.leave_out(&path, "neither a file nor a directory");
            }
            _ => return Err(hostile(&path, "is of an unknown kind")),
        }
    }
    // What writing into a directory changes is set when nothing more is written.
    for (path, attributed) in directories.into_iter().rev() {
        within.settle(&path, attributed)?;
    }
    // tar fills its last record up; it must not be ended by that nobody reads it.
    io::copy(&mut archive, &mut io::sink()).map_err(broken)?;
    if empty || (what == What::File && copied.files == 0) {
        return Err(hostile(Path::new(name), "is not in it"));
    }
    Ok(copied)
}

/// Names of the next entry that its header has no room for.
#[derive(Debug, Default)]
struct Names {
    path: Option<PathBuf>,
    link: Option<PathBuf>,
}

impl Names {
    fn path_of<R: Read>(&self, entry: &Entry<'_, R>) -> PathBuf {
        let short = || as_path(&entry.header().path_bytes());
        self.path.clone().unwrap_or_else(short)
    }

    fn link_of<R: Read>(&self, entry: &Entry<'_, R>) -> Option<PathBuf> {
        let short = || entry.header().link_name_bytes().map(|name| as_path(&name));
        self.link.clone().or_else(short)
    }
}

fn as_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn long_name<R: Read>(entry: Entry<'_, R>) -> Result<PathBuf> {
    let left = entry.header().entry_size().map_err(broken)?;
    if left > LONGEST_NAME {
        return Err(hostile(Path::new(""), "has a name without end"));
    }
    let mut bytes = Vec::new();
    let mut content = Exactly { from: entry, left };
    content.read_to_end(&mut bytes).map_err(broken)?;
    Ok(as_path(bytes.strip_suffix(&[0]).unwrap_or(&bytes)))
}

fn attributed(header: &Header) -> Result<Attributed> {
    Ok(Attributed {
        mode: header.mode().map_err(broken)? & 0o777,
        modified: i64::try_from(header.mtime().map_err(broken)?).unwrap_or(0),
    })
}

/// A member's path without `.`; nothing if it is absolute or has `..`.
fn below(path: &Path) -> Option<PathBuf> {
    let mut below = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => below.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(below)
}

/// Whether a link leads to something in the tree that it is in. `..` may stand in front only:
/// behind a name it could be that of where another link leads. The directories above a link are
/// real ones, and so are those in front.
fn stays(member: &Path, target: &Path) -> bool {
    let mut above = member.components().count().saturating_sub(1);
    let mut named = false;
    for component in target.components() {
        match component {
            Component::ParentDir if !named && above > 0 => above -= 1,
            Component::Normal(_) => named = true,
            Component::CurDir => {}
            _ => return false,
        }
    }
    !target.as_os_str().is_empty()
}

fn broken(e: io::Error) -> Error {
    match e.downcast::<Error>() {
        Ok(ours) => ours,
        Err(e) => Error::failed(format!("read what the node's tar sends: {e}")),
    }
}

fn hostile(path: &Path, what: &str) -> Error {
    Error::failed(format!(
        "what the node's tar sends is not what was asked for: {path:?} {what}"
    ))
    .mend("look whether somebody has changed the node")
}

#[cfg(test)]
mod tests;
