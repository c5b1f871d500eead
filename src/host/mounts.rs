//! What is mounted where, in our own mount namespace (proc(5), /proc/pid/mountinfo).

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// One line of mountinfo, as far as we use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub point: PathBuf,
    /// File system type.
    pub fstype: String,
    /// Options of the super block, comma-separated.
    pub options: String,
}

/// Every mount, in the kernel's order.
///
/// # Errors
/// When /proc/self/mountinfo cannot be read.
pub fn all() -> Result<Vec<Mount>> {
    let path = Path::new("/proc/self/mountinfo");
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    Ok(parse(&text))
}

/// The mount points alone.
///
/// # Errors
/// As [`all`].
pub fn points() -> Result<Vec<PathBuf>> {
    Ok(all()?.into_iter().map(|m| m.point).collect())
}

/// The trap of FACTS: cgroup v1 controllers, and beside them a v2 mount at
/// /sys/fs/cgroup/unified whose cgroup.controllers is not empty. libvirt 9.0 then fails every
/// container start with "Unable to create directory /sys/fs/cgroup/unified".
pub fn hybrid_cgroup_trap(mounts: &[Mount], v2_controllers: Option<&str>) -> bool {
    let v1 = mounts
        .iter()
        .any(|m| m.fstype == "cgroup" && m.point.starts_with("/sys/fs/cgroup"));
    let v2 = mounts
        .iter()
        .any(|m| m.fstype == "cgroup2" && m.point == Path::new("/sys/fs/cgroup/unified"));
    v1 && v2 && v2_controllers.is_some_and(|c| !c.trim().is_empty())
}

/// What the trap is, and what mends it.
pub const TRAP: (&str, &str) = (
    "cgroup v1 controllers and a v2 mount with controllers at /sys/fs/cgroup/unified: libvirt \
     fails every start with \"Unable to create directory /sys/fs/cgroup/unified\"",
    "start libvirtd in a mount namespace without it: unshare -m, umount /sys/fs/cgroup/unified, \
     libvirtd",
);

/// Where [`hybrid_cgroup_trap`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// Not on this host.
    Nowhere,
    /// Here, and libvirtd does not see it.
    Avoided,
    /// Where libvirtd sees it.
    Set,
}

/// The trap as libvirtd meets it: in its own mount namespace, when that differs from ours.
///
/// # Errors
/// As [`all`].
pub fn trap() -> Result<Trap> {
    let controllers = super::cgroups::unified_controllers();
    if !hybrid_cgroup_trap(&all()?, controllers.as_deref()) {
        return Ok(Trap::Nowhere);
    }
    Ok(match libvirtds() {
        Some(theirs) if !hybrid_cgroup_trap(&theirs, controllers.as_deref()) => Trap::Avoided,
        _ => Trap::Set,
    })
}

/// Not one of a container: a lab's node has a libvirtd of its own.
fn libvirtds() -> Option<Vec<Mount>> {
    let ours = std::fs::read_link("/proc/self/ns/pid").ok()?;
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let path = entry.path();
        if std::fs::read_link(path.join("ns/pid")).ok().as_ref() != Some(&ours) {
            continue;
        }
        let comm = super::files::read_trimmed(path.join("comm")).unwrap_or_default();
        if comm == "libvirtd" || comm == "virtlxcd" {
            let text = std::fs::read_to_string(path.join("mountinfo")).ok()?;
            return Some(parse(&text));
        }
    }
    None
}

/// Reads a mountinfo file.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let point = left.split(' ').nth(4)?;
    let mut right = right.split(' ');
    Some(Mount {
        point: PathBuf::from(unescape(point)),
        fstype: right.next()?.to_owned(),
        options: right.nth(1).unwrap_or_default().to_owned(),
    })
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |t, (from, to)| t.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
41 40 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
48 40 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
49 30 254:0 /a /mnt/with\\040space rw shared:1 - ext4 /dev/vda rw
";

    #[test]
    fn mountinfo_lines_of_a_real_machine() {
        let found = parse(HYBRID);
        assert_eq!(found[3].point, Path::new("/mnt/with space"));
        assert_eq!(found[1].options, "rw,memory");
        assert!(hybrid_cgroup_trap(&found, Some("cpu io\n")));
        assert!(!hybrid_cgroup_trap(&found, Some("\n")));
        assert!(!hybrid_cgroup_trap(&found[..2], Some("cpu")));
    }
}
