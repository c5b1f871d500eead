//! The mounts in our own mount namespace (proc(5), /proc/pid/mountinfo).

use super::left_out::LeftOut;
use super::looked::Looked;
use super::section::{Section, section};
use crate::error::{Error, Result};
use crate::host::mounts::unescape;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A mount. Its mount point is its name in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    fstype: String,
    source: String,
    /// The directory of the file system that is mounted.
    root: String,
    /// Options of the mount and of the file system.
    options: String,
    /// Whether mounts propagate from or to it: `shared`, `slave`, both, or empty for neither.
    spreads: String,
}

/// A mount with its mount point.
#[derive(Debug, Clone)]
pub(super) struct Mounted {
    pub point: PathBuf,
    pub mount: Mount,
}

impl Mounted {
    pub fn fstype(&self) -> &str {
        &self.mount.fstype
    }
}

/// Options that differ with each start: the kernel numbers the pipe and the process of automount
/// anew, and takes sizes from the amount of memory.
const PASSING: &[&str] = &["fd=", "pipe_ino=", "pgrp=", "size=", "nr_inodes="];

/// All mounts, in the kernel's order.
pub(super) fn mounted() -> Result<Vec<Mounted>> {
    let path = Path::new("/proc/self/mountinfo");
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    parse(&text)
}

/// The mounts whose mount points are not left out.
pub(super) fn look(mounted: &[Mounted], looked: &Looked) -> Section<Mount> {
    let left_out = LeftOut::new(&looked.ignore);
    let kept = mounted.iter().filter(|m| !left_out.has_above(&m.point));
    section(kept.map(|m| (m.point.to_string_lossy().into_owned(), m.mount.clone())))
}

fn parse(text: &str) -> Result<Vec<Mounted>> {
    let bad = |line: &str| Error::failed(format!("/proc/self/mountinfo: cannot read {line:?}"));
    text.lines()
        .map(|line| parse_line(line).ok_or_else(|| bad(line)))
        .collect()
}

fn parse_line(line: &str) -> Option<Mounted> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let [_id, _parent, _device, root, point, options, tags @ ..] = &left[..] else {
        return None;
    };
    let mut right = right.split(' ');
    let (fstype, source) = (right.next()?, right.next()?);
    let all = options.split(',').chain(right.next()?.split(','));
    let kept: Vec<&str> = all
        .filter(|o| !PASSING.iter().any(|p| o.starts_with(p)))
        .collect();
    let tag = |t: &&str| match t.split(':').next() {
        Some("shared") => Some("shared"),
        Some("master") => Some("slave"),
        _ => None,
    };
    let spreads: Vec<&str> = tags.iter().filter_map(tag).collect();
    Some(Mounted {
        point: PathBuf::from(unescape(point)),
        mount: Mount {
            fstype: fstype.to_owned(),
            source: unescape(source),
            root: unescape(root),
            options: kept.join(","),
            spreads: spreads.join(" "),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,size=12334432k,nr_inodes=3083608,mode=755
49 30 254:0 /a /mnt/with\\040space rw shared:1 master:7 - ext4 /dev/vda rw,discard
52 22 0:39 / /proc/sys/fs/binfmt_misc rw shared:13 - autofs systemd-1 rw,fd=29,pgrp=1,timeout=0,pipe_ino=11
29 26 0:26 / /run/user/1000 rw - tmpfs tmpfs rw
";

    #[test]
    fn mounts_without_what_each_boot_numbers_anew() {
        let all = parse(MOUNTS).unwrap();
        assert_eq!(all[0].mount.options, "rw,relatime,rw,mode=755");
        assert_eq!(all[1].point, Path::new("/mnt/with space"));
        assert_eq!(all[1].mount.root, "/a");
        assert_eq!(all[1].mount.spreads, "shared slave");
        assert_eq!(all[2].mount.options, "rw,rw,timeout=0");
        assert!(parse("1 2 3\n").is_err());
    }

    #[test]
    fn a_session_s_mounts_are_left_out() {
        let looked = Looked::new(&[], &[PathBuf::from("/mnt/with*")]).unwrap();
        let Section::There(all) = look(&parse(MOUNTS).unwrap(), &looked) else {
            panic!("there are mounts")
        };
        let names: Vec<&str> = all.keys().map(String::as_str).collect();
        assert_eq!(names, ["/dev", "/proc/sys/fs/binfmt_misc"]);
    }
}
