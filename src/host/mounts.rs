//! The mounts in the mount namespace of a process (proc(5), /proc/pid/mountinfo).
//!
//! Parsed by hand: procfs-core leaves mount points as the kernel escapes them, loses the order of
//! options, and fails for the whole file when it cannot parse one line.

use crate::error::{Error, Result};
use nix::mount::{MntFlags, umount2};
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// One line of mountinfo, as far as lxc-autogen uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The directory of the file system that is mounted: `/`, or a part of it.
    pub root: PathBuf,
    /// The mount point.
    pub point: PathBuf,
    /// The file system's type, such as `ext4` or `cgroup2`.
    pub fstype: String,
    /// Options of the super block, separated by commas.
    pub options: String,
}

/// All mounts that this process sees, in the kernel's order.
///
/// # Errors
/// When /proc/self/mountinfo cannot be read.
pub fn all() -> Result<Vec<Mount>> {
    of("self")
}

/// All mounts that a process sees, in the kernel's order. `process` is a pid or `self`.
///
/// # Errors
/// When the process's mountinfo cannot be read.
pub fn of(process: impl Display) -> Result<Vec<Mount>> {
    let path = format!("/proc/{process}/mountinfo");
    let path = Path::new(&path);
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    Ok(parse(&text))
}

/// The mount points of all mounts that this process sees.
///
/// # Errors
/// As [`all`].
pub fn points() -> Result<Vec<PathBuf>> {
    Ok(all()?.into_iter().map(|m| m.point).collect())
}

/// Unmounts all that is mounted at a path and below, in this process's own mount namespace. Files
/// there that are open stay open (umount2(2), MNT_DETACH).
///
/// # Errors
/// When the mounts cannot be read, or the kernel refuses.
pub fn detach(path: &Path) -> Result<()> {
    // Counted beforehand: after /proc itself is unmounted the mounts cannot be read.
    let layers = points()?.iter().filter(|p| *p == path).count();
    for _ in 0..layers {
        umount2(path, MntFlags::MNT_DETACH).map_err(|e| Error::io("unmount", path, e))?;
    }
    Ok(())
}

/// Parses the text of a mountinfo file; lines of another form are left out.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(3);
    let (root, point) = (left.next()?, left.next()?);
    let mut right = right.split(' ');
    Some(Mount {
        root: PathBuf::from(unescape(root)),
        point: PathBuf::from(unescape(point)),
        fstype: right.next()?.to_owned(),
        options: right.nth(1).unwrap_or_default().to_owned(),
    })
}

/// Undoes the kernel's escapes: space, tab, newline and backslash as three octal digits.
pub(crate) fn unescape(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |t, (from, to)| t.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
30 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
41 40 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
49 30 254:0 /a /mnt/with\\040space rw shared:1 - ext4 /dev/vda rw
";

    #[test]
    fn mountinfo_lines_of_a_real_machine() {
        let found = parse(SAMPLE);
        assert_eq!(found[2].point, Path::new("/mnt/with space"));
        assert_eq!(found[2].root, Path::new("/a"));
        assert_eq!(found[1].options, "rw,memory");
    }
}
