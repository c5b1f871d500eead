//! Marked blocks of lines in /etc/hosts.

use super::files;
use super::mounts;
use crate::error::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

/// The path of the file.
pub const PATH: &str = "/etc/hosts";
/// Stands in the first marker when the file did not end with a newline before.
const NEWLINE_ADDED: &str = " (newline added)";

/// The text in both markers of a set's block.
pub fn marker(prefix: &crate::spec::Prefix, state_dir: &Path) -> String {
    format!("{prefix} in {}", state_dir.display())
}

/// The text in both markers of a lab's block. No prefix of a set has a blank in it.
pub fn marker_of_lab(name: &str, dir: &Path) -> String {
    format!("lab {name} in {}", dir.display())
}

/// The markers of all blocks in this text that belong to a state directory.
pub fn markers_of(text: &str, state_dir: &Path) -> Vec<String> {
    let end = format!(" in {}", state_dir.display());
    text.lines()
        .filter_map(|line| line.strip_prefix("# BEGIN lxc-autogen "))
        .map(|rest| rest.strip_suffix(NEWLINE_ADDED).unwrap_or(rest))
        .filter(|marker| marker.ends_with(&end))
        .map(str::to_owned)
        .collect()
}

fn begin(marker: &str) -> String {
    format!("# BEGIN lxc-autogen {marker}")
}

fn end(marker: &str) -> String {
    format!("# END lxc-autogen {marker}")
}

/// The text with a block of these lines at its end; an older block with the same marker is removed.
pub fn with_block(text: &str, marker: &str, lines: &[String]) -> String {
    let mut text = without_block(text, marker);
    let added = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        text.push('\n');
        NEWLINE_ADDED
    };
    text.push_str(&format!("{}{added}\n", begin(marker)));
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(&end(marker));
    text.push('\n');
    text
}

/// The text as it was before the block. Where a marker is missing, the text stays as it is.
pub fn without_block(text: &str, marker: &str) -> String {
    let (begin, end) = (begin(marker), end(marker));
    let mut kept = String::new();
    let mut rest = text;
    let mut inside: Option<&str> = None;
    let mut added = false;
    let mut removed = false;
    while !rest.is_empty() {
        let cut = rest.find('\n').map_or(rest.len(), |i| i + 1);
        let (line, after) = rest.split_at(cut);
        let bare = line.trim_end_matches('\n');
        let starts = bare
            .strip_prefix(&begin)
            .is_some_and(|r| r.is_empty() || r == NEWLINE_ADDED);
        if inside.is_none() && !removed && starts {
            added = bare.ends_with(NEWLINE_ADDED);
            inside = Some(rest);
        } else if inside.is_some() && bare == end {
            inside = None;
            removed = true;
            // The newline was ours; it goes again only when no text has been added after the block
            // since.
            if added && after.is_empty() && kept.ends_with('\n') {
                kept.pop();
            }
        } else if inside.is_none() {
            kept.push_str(line);
        }
        rest = after;
    }
    if let Some(unclosed) = inside {
        kept.push_str(unclosed);
    }
    kept
}

/// Fails for a file that could not be changed later.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when the file cannot be read or is not text in UTF-8.
pub fn check(path: &Path) -> Result<()> {
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(
            Error::cant(format!("{} is not text in UTF-8", path.display()))
                .mend("mend it, or leave --hosts out: nodes are found without it"),
        ),
        Err(e) => Err(Error::cant(format!("read {}: {e}", path.display()))
            .mend("make it, or leave --hosts out: nodes are found without it")),
    }
}

/// Replaces the file's text, whole or not at all, and keeps owner, mode and extended attributes. A
/// file that is itself a mount point (in containers) cannot be renamed over and is rewritten in
/// place.
///
/// # Errors
/// When reading or writing fails.
pub fn rewrite(path: &Path, change: impl Fn(&str) -> String) -> Result<()> {
    let at = |e: &dyn std::fmt::Display| Error::io("change", path, e);
    let text = fs::read_to_string(path).map_err(|e| at(&e))?;
    let changed = change(&text);
    if changed == text {
        return Ok(());
    }
    // A symlink is followed and its target changed, as an editor would do.
    let path = &fs::canonicalize(path).map_err(|e| at(&e))?;
    if mounts::points()?.iter().any(|p| p == path) {
        return in_place(path, &changed).map_err(|e| {
            // The disk may be full, say. The old text fits again.
            let _ = in_place(path, &text);
            at(&e)
        });
    }
    let mut pending = files::Pending::begin(path)?;
    pending
        .file
        .write_all(changed.as_bytes())
        .and_then(|()| copy_attributes(path, pending.path(), &pending.file))
        .map_err(|e| at(&e))?;
    pending.commit(files::Existing::Replace)
}

fn in_place(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

fn copy_attributes(from: &Path, to: &Path, file: &File) -> std::io::Result<()> {
    let metadata = fs::metadata(from)?;
    fchown(file, Some(metadata.uid()), Some(metadata.gid()))?;
    file.set_permissions(fs::Permissions::from_mode(metadata.permissions().mode()))?;
    // A file system without extended attributes has none to keep.
    for name in xattr::list(from).into_iter().flatten() {
        if let Some(value) = xattr::get(from, &name)? {
            xattr::set(to, &name, &value)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<String> {
        vec!["10.0.0.11 lxc1".to_owned()]
    }

    #[test]
    fn a_block_comes_once_and_goes_without_a_trace() {
        for text in ["", "127.0.0.1 localhost\n", "127.0.0.1 localhost", "a\n\n"] {
            let once = with_block(text, "lxc", &lines());
            assert!(once.contains("\n10.0.0.11 lxc1\n"), "{once}");
            let twice = with_block(&once, "lxc", &lines());
            assert_eq!(twice, once);
            assert_eq!(without_block(&twice, "lxc"), text);
        }
    }

    #[test]
    fn what_others_wrote_stays() {
        let text = with_block("one", "lxc", &lines()) + "10.9.9.9 other\n";
        assert_eq!(without_block(&text, "lxc"), "one\n10.9.9.9 other\n");
        let unclosed = "a\n# BEGIN lxc-autogen lxc\nb\n";
        assert_eq!(without_block(unclosed, "lxc"), unclosed);
        let other = with_block("", "qa", &lines());
        assert_eq!(without_block(&other, "lxc"), other);
    }

    #[test]
    fn blocks_of_a_lab_and_of_a_set_are_told_apart_and_found() {
        let (dir, set_dir) = (Path::new("/s-lab-qa"), Path::new("/s"));
        let of_lab = marker_of_lab("qa", dir);
        let of_set = marker(&crate::spec::Prefix::parse("qa").unwrap(), set_dir);
        let text = with_block("a", &of_lab, &lines());
        let text = with_block(&text, &of_set, &lines());
        assert_eq!(markers_of(&text, dir), [of_lab.as_str()]);
        assert_eq!(markers_of(&text, set_dir), [of_set.as_str()]);
        let without = without_block(&without_block(&text, &of_set), &of_lab);
        assert_eq!(without, "a");
        assert!(crate::spec::Prefix::parse("lab qa").is_err());
    }

    #[test]
    fn mode_and_extended_attributes_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts");
        fs::write(&path, "x\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        let attributes = xattr::set(&path, "user.test", b"1").is_ok();
        rewrite(&path, |t| t.to_owned() + "y\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x\ny\n");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o604
        );
        if attributes {
            assert_eq!(
                xattr::get(&path, "user.test").unwrap().as_deref(),
                Some(&b"1"[..])
            );
        }
    }
}
