//! What records may be about. Each kind asks these of its own fields, since a journal can be damaged
//! or forged.

use crate::error::{Error, Result};
use crate::spec::has_name_characters;
use std::fmt::Display;
use std::path::{Component, Path};

/// The error for a value that no record of the kind has.
pub(super) fn never(value: impl Display) -> Error {
    Error::failed(format!(
        "refused, for no record of its kind is about {value}; if nobody knows of it, take its line \
         out of the journal"
    ))
}

/// A node's, domain's or program's name: no path, and no option of a tool.
pub(super) fn name(text: &str) -> Result<()> {
    let first = text.bytes().next();
    match first.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') && has_name_characters(text)
    {
        true => Ok(()),
        false => Err(never(format!("{text:?}"))),
    }
}

/// The name of a file or tree directly in the state directory.
pub(super) fn entry(text: &str) -> Result<()> {
    let mut components = Path::new(text).components();
    let is_one = matches!(components.next(), Some(Component::Normal(it)) if it == text);
    match is_one && components.next().is_none() && !text.contains(char::is_control) {
        true => Ok(()),
        false => Err(never(format!("{text:?}"))),
    }
}

/// What was there before us, kept in the state directory.
pub(super) fn backup(previous: Option<&str>) -> Result<()> {
    previous.map_or(Ok(()), entry)
}

/// An id of the CIB, which is put into XPaths (xs:ID in Pacemaker's schema: letters of any script,
/// digits, '.', '-' and '_').
pub(super) fn id(text: &str) -> Result<()> {
    let fits = |c: char| c.is_alphanumeric() || "._-".contains(c);
    match !text.is_empty() && !text.starts_with('-') && text.chars().all(fits) {
        true => Ok(()),
        false => Err(never(format!("{text:?}"))),
    }
}

/// An id that begins as those of our sets do.
pub(super) fn own_id(text: &str) -> Result<()> {
    match text.starts_with("lxc-autogen-") {
        true => id(text),
        false => Err(never(format!("{text:?}"))),
    }
}

/// This path alone.
pub(super) fn is(path: &Path, wanted: &Path) -> Result<()> {
    match path == wanted {
        true => Ok(()),
        false => Err(never(path.display())),
    }
}

/// An absolute path below one of these directories, by its words: nothing in it leads up.
pub(super) fn below(path: &Path, directories: &[&Path]) -> Result<()> {
    let is_below = |directory: &&Path| {
        let rest = path.strip_prefix(directory).ok();
        rest.is_some_and(|rest| {
            let mut components = rest.components();
            let first = components.next();
            first
                .into_iter()
                .chain(components)
                .all(|it| matches!(it, Component::Normal(_)))
                && first.is_some()
        })
    };
    match path.is_absolute() && directories.iter().any(is_below) {
        true => Ok(()),
        false => Err(never(path.display())),
    }
}
