//! The trap of hybrid control groups: v1 controllers, together with a v2 mount at
//! /sys/fs/cgroup/unified whose cgroup.controllers is not empty. With it libvirt 9.0 fails every
//! container start with "Unable to create directory /sys/fs/cgroup/unified".

use super::mounts::{self, Mount};
use super::{files, processes};
use crate::error::Result;
use std::path::Path;

/// Whether these mounts are the trap. `v2_controllers` is the text of cgroup.controllers in the v2
/// mount.
fn is_trap(mounts: &[Mount], v2_controllers: Option<&str>) -> bool {
    let v1 = mounts
        .iter()
        .any(|m| m.fstype == "cgroup" && m.point.starts_with("/sys/fs/cgroup"));
    let v2 = mounts
        .iter()
        .any(|m| m.fstype == "cgroup2" && m.point == Path::new("/sys/fs/cgroup/unified"));
    v1 && v2 && v2_controllers.is_some_and(|c| !c.trim().is_empty())
}

/// The description of the trap, and how to mend it.
pub const TRAP: (&str, &str) = (
    "cgroup v1 controllers and a v2 mount with controllers at /sys/fs/cgroup/unified: libvirt \
     fails every start with \"Unable to create directory /sys/fs/cgroup/unified\"",
    "start libvirtd in a mount namespace without it: unshare -m, umount /sys/fs/cgroup/unified, \
     libvirtd",
);

/// Whether the trap is on this host, and whether libvirtd is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// The host does not have it.
    Nowhere,
    /// The host has it, but libvirtd does not see it.
    Avoided,
    /// The host has it and libvirtd sees it, or no libvirtd runs that could avoid it.
    Set,
}

/// The trap as libvirtd sees it, from libvirtd's own mount namespace.
///
/// # Errors
/// When the mounts cannot be read.
pub fn trap() -> Result<Trap> {
    let controllers = files::read_trimmed("/sys/fs/cgroup/unified/cgroup.controllers");
    if !is_trap(&mounts::all()?, controllers.as_deref()) {
        return Ok(Trap::Nowhere);
    }
    // Only libvirtds of this host are looked at: a lab's node has its own in a container.
    let libvirtd = processes::named(&["libvirtd", "virtlxcd"]);
    let theirs = libvirtd.and_then(|pid| mounts::of(pid).ok());
    Ok(match theirs {
        Some(theirs) if !is_trap(&theirs, controllers.as_deref()) => Trap::Avoided,
        _ => Trap::Set,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
41 40 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
48 40 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn controllers_in_both_versions_are_the_trap() {
        let found = mounts::parse(HYBRID);
        assert!(is_trap(&found, Some("cpu io\n")));
        assert!(!is_trap(&found, Some("\n")));
        assert!(!is_trap(&found[..2], Some("cpu")));
    }
}
