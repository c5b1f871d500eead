//! Control groups without processes, in each hierarchy of cgroup v1 and in v2.
//!
//! A group with a process in it or below it is in use, and then its process counts (see
//! [`super::processes`]): sessions, services and other people's containers come and go. A run
//! leaves behind groups without processes.

use super::mounts::Mounted;
use super::section::{Section, section};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A group. Its path is its name in a snapshot, and it has no members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {}

/// Ends of the names of groups that systemd makes for its units and removes when the units end,
/// with or without a process in them (systemd.unit(5)). A slice stays once it was used, as
/// machine.slice does. Scopes count, since other programs ask for them (libvirt does for each
/// container), and so do the groups inside all of these.
const UNITS: &[&str] = &[".mount", ".service", ".slice", ".socket", ".swap"];

/// The beginning of the names of groups of private worlds (`scripts/world`). While a process is in
/// such a group, the groups in it belong to that world and do not count.
const WORLD: &str = "lxc-autogen-world-";

pub(super) fn look(mounted: &[Mounted]) -> Result<Section<Group>> {
    let of_groups = |m: &&Mounted| m.fstype() == "cgroup" || m.fstype() == "cgroup2";
    // A hierarchy can be mounted several times.
    let mut seen = HashSet::new();
    let mut empty = Vec::new();
    for hierarchy in mounted.iter().filter(of_groups) {
        let Ok(metadata) = std::fs::metadata(&hierarchy.point) else {
            continue;
        };
        if seen.insert((metadata.dev(), metadata.ino())) {
            walk(&hierarchy.point, &mut empty);
        }
    }
    Ok(section(empty.into_iter().map(|path| (path, Group {}))))
}

/// Adds the empty groups below this one. Returns whether a process is in it or below it.
fn walk(group: &Path, empty: &mut Vec<String>) -> bool {
    let from = empty.len();
    let mut used = holds(group);
    let entries = std::fs::read_dir(group).into_iter().flatten().flatten();
    for entry in entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())) {
        let inside = entry.path();
        let below = empty.len();
        if walk(&inside, empty) {
            used = true;
        } else if !is_unit(&inside) && inside.exists() {
            empty.insert(below, inside.to_string_lossy().into_owned());
        }
    }
    let name = group.file_name().unwrap_or_default().to_string_lossy();
    if used && name.starts_with(WORLD) {
        empty.truncate(from);
    }
    used
}

fn is_unit(group: &Path) -> bool {
    let name = group.file_name().unwrap_or_default().to_string_lossy();
    UNITS.iter().any(|end| name.ends_with(end))
}

/// Whether a group holds a process. A group that is gone meanwhile holds none. A group that cannot
/// be read is a threaded group of cgroup v2, whose processes the group above it shows (cgroups(7)).
fn holds(group: &Path) -> bool {
    std::fs::read(group.join("cgroup.procs")).is_ok_and(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn groups_without_a_process_are_told_those_of_a_living_world_are_not() {
        let root = tempfile::tempdir().unwrap();
        for (group, processes) in [
            ("", "1\n"),
            ("machine", ""),
            ("machine/lxc-7-lxc1.libvirt-lxc", ""),
            ("machine.slice", ""),
            ("machine.slice/machine-lxc1.scope", ""),
            ("system.slice", ""),
            ("system.slice/dev-hugepages.mount", ""),
            ("system.slice/ssh.service", "9\n"),
            ("lxc-autogen-world-7-8", ""),
            ("lxc-autogen-world-7-8/world", "7\n"),
            ("lxc-autogen-world-7-8/machine", ""),
            ("lxc-autogen-world-9-9", ""),
        ] {
            let path = root.path().join(group);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("cgroup.procs"), processes).unwrap();
        }
        let mut empty = Vec::new();
        assert!(walk(root.path(), &mut empty));
        empty.sort();
        let name = |path: &String| {
            let path = Path::new(path).strip_prefix(root.path()).unwrap();
            path.to_string_lossy().into_owned()
        };
        let names: Vec<String> = empty.iter().map(name).collect();
        assert_eq!(
            names,
            [
                "lxc-autogen-world-9-9",
                "machine",
                "machine.slice/machine-lxc1.scope",
                "machine/lxc-7-lxc1.libvirt-lxc"
            ]
        );
    }
}
