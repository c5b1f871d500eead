//! Which directories of the host nodes can see.

use crate::error::{Error, Result};
use crate::spec::is_plain_path;
use std::path::{Component, Path};

/// Directories that are a node's own: the kernel's, the base tree's, its configuration, daemons'
/// data and logs, this program's. Shared directories must not cover them, nor lie above or below
/// them.
const TAKEN: &[&str] = &[
    crate::lab::config::CHANGES,
    crate::lab::config::SYSTEM_IN_NODE,
    "/bin",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt/lxc-autogen",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/cache/libvirt",
    "/var/lib/corosync",
    "/var/lib/libvirt",
    "/var/lib/lxc-autogen",
    crate::lab::GUESTS_DIR,
    "/var/lib/pacemaker",
    "/var/lib/pcsd",
    "/var/lock",
    "/var/log/cluster",
    "/var/log/corosync",
    "/var/log/crmsh",
    "/var/log/libvirt",
    "/var/log/pacemaker",
    "/var/log/pcsd",
    "/var/run",
];
/// Directories that are a node's own, below which there is room for shared ones.
const NODES_OWN: &[&str] = &[
    "/home",
    "/root",
    "/root/.ssh",
    "/tmp",
    "/var/spool",
    "/var/tmp",
];

/// The error for a directory that cannot be shared.
pub(in crate::lab) fn not_sharable(path: &Path, why: &str) -> Error {
    Error::usage(format!("--share {}: {why}", path.display()))
}

/// Refuses to share directories that are a node's own. Whether the directory exists is asked
/// elsewhere: nothing here reads the disk.
pub(super) fn check(path: &Path) -> Result<()> {
    let bad = |why: &str| Err(not_sharable(path, why));
    if !is_plain_path(path) {
        return bad("only letters, digits and /._-+@: can stand in it");
    }
    if path.components().any(|c| c == Component::ParentDir) {
        return bad("give it without \"..\"");
    }
    let covers = |own: &&str| Path::new(own).starts_with(path);
    let taken = TAKEN.iter().any(|own| path.starts_with(own));
    if taken || TAKEN.iter().chain(NODES_OWN).any(covers) {
        return bad("nodes have a directory of their own there");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_node_has_for_itself_can_be_covered() {
        use crate::rootfs::Entry;
        let lab = crate::lab::tests::sample(1, 0);
        let keys = crate::lab::root::tests::keys();
        // These are empty in a node.
        let room = ["/mnt", "/srv"];
        for entry in crate::lab::root::root(&lab, &lab.cluster_nodes()[0], &keys) {
            let (Entry::Dir { path, .. } | Entry::Link { path, .. } | Entry::Tree { path }) = entry
            else {
                continue;
            };
            let path = Path::new("/").join(path);
            let refused = check(&path).is_err_and(|e| e.message().contains("of their own"));
            let free = room.iter().any(|r| Path::new(r) == path);
            assert!(refused != free, "{}", path.display());
        }
        for bad in [
            "/",
            "/opt",
            "/var",
            "/usr/src",
            "/lib64",
            "/run/x",
            "/var/lib/pacemaker/cib",
        ] {
            assert!(check(Path::new(bad)).is_err(), "{bad}");
        }
        for dots in ["/tmp/../etc", "/srv/.."] {
            let e = check(Path::new(dots)).unwrap_err();
            assert!(e.message().contains("without"), "{e}");
        }
        check(Path::new("/srv/there-need-not-be-one")).unwrap();
    }
}
