//! A node's own view of the control groups.
//!
//! libvirt mounts the host's whole cgroup v1 hierarchies, writable, into every container (libvirt
//! 9.0, virCgroupV1BindMount). A libvirtd in a node would then put its containers beside the node's
//! own group: outside of the node's limits, and left on the host when the node goes down. In a
//! control group namespace (cgroup_namespaces(7)) the node's own group is the root of every
//! hierarchy that it sees.

use crate::error::{Error, Result};
use crate::host::cgroups;
use crate::host::mounts::{self, Mount};
use crate::host::poll::{Poll, Seen};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use procfs_core::{ProcessCGroup, ProcessCGroups};
use std::path::Path;
use std::time::Duration;

/// Makes this process's groups the roots of all hierarchies, and mounts the hierarchies anew. A
/// hierarchy in which this container has no group of its own is unmounted.
///
/// With cgroup v2 alone, this process and all that it starts go into the leaf group of this name. A
/// group with processes cannot hand controllers down to other groups (cgroups(7), "no internal
/// processes"), and libvirtd could not start a container (seen on Debian 12: "Unable to write to
/// …/cgroup.procs: Operation not supported").
///
/// # Errors
/// When the kernel refuses.
pub(super) fn isolate(leaf: &str) -> Result<()> {
    let groups = cgroups::of("self")?;
    let mounted: Vec<Mount> = mounts::all()?
        .into_iter()
        .filter(|m| m.fstype == "cgroup" || m.fstype == "cgroup2")
        .collect();
    unshare(CloneFlags::CLONE_NEWCGROUP)
        .map_err(|e| Error::failed(format!("make a control group namespace: {e}")))?;
    let only_v2 = mounted.iter().all(|m| m.fstype == "cgroup2");
    for old in mounted {
        let failed = |what: &str, e| Error::failed(format!("{what} {}: {e}", old.point.display()));
        umount2(&old.point, MntFlags::MNT_DETACH).map_err(|e| failed("unmount", e))?;
        if is_in_the_root(&groups, &old) {
            continue;
        }
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let controllers = controllers(&old);
        mount(
            Some("cgroup"),
            &old.point,
            Some(old.fstype.as_str()),
            flags,
            (!controllers.is_empty()).then_some(controllers.as_str()),
        )
        .map_err(|e| failed("mount control groups at", e))?;
        if only_v2 {
            enter_leaf(&old.point, leaf)?;
            if let Err(e) = hand_down_in_time(&old.point) {
                crate::report::say(format!("no controllers for guest nodes: {}", e.message()));
            }
        }
    }
    Ok(())
}

/// The same in a virtual machine, whose kernel has no other groups: the hierarchy stays as it is.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn hand_down_in_machine(leaf: &str) -> Result<()> {
    let root = Path::new("/sys/fs/cgroup");
    enter_leaf(root, leaf)?;
    hand_down(root)
}

/// Enters a group of this container's own in each v1 hierarchy in whose root group it is: libvirt
/// makes none in hierarchies that it does not use (pids, systemd's own), and systemd takes the group
/// that it is in for the top of its own. The group has the path of libvirt's, by which it is found
/// and removed when the container has gone.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn enter_own() -> Result<()> {
    let groups = cgroups::of("self")?;
    let of_libvirt = |g: &&ProcessCGroup| !g.controllers.is_empty() && g.pathname != "/";
    let Some(path) = groups.0.iter().find(of_libvirt).map(|g| &g.pathname) else {
        // With v2 alone libvirt made it.
        return Ok(());
    };
    let path = Path::new(path.trim_start_matches('/'));
    std::fs::create_dir_all(HIERARCHY).map_err(|e| Error::io("make", Path::new(HIERARCHY), e))?;
    let in_root = |g: &&ProcessCGroup| !g.controllers.is_empty() && g.pathname == "/";
    for group in groups.0.iter().filter(in_root) {
        enter_in(group, path)?;
    }
    Ok(())
}

/// Where a whole hierarchy is mounted for a moment.
const HIERARCHY: &str = "/run/lxc-autogen/hierarchy";

fn enter_in(group: &ProcessCGroup, path: &Path) -> Result<()> {
    let controllers = group.controllers.join(",");
    let options = match controllers.starts_with("name=") {
        true => format!("none,{controllers}"),
        false => controllers.clone(),
    };
    let failed = |what: &str, e: nix::Error| {
        Error::failed(format!("{what} the control groups of {controllers}: {e}"))
    };
    mount(
        Some("cgroup"),
        HIERARCHY,
        Some("cgroup"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
        Some(options.as_str()),
    )
    .map_err(|e| failed("mount", e))?;
    let own = Path::new(HIERARCHY).join(path);
    let entered = std::fs::create_dir_all(&own)
        .and_then(|()| std::fs::write(own.join("cgroup.procs"), "0"))
        .map_err(|e| Error::io("enter", &own, e));
    umount2(HIERARCHY, MntFlags::empty()).map_err(|e| failed("unmount", e))?;
    entered
}

/// The name of the leaf group with the node's own processes, below the node's root group.
pub(super) const LEAF: &str = "node";

fn enter_leaf(root: &Path, leaf: &str) -> Result<()> {
    let leaf = root.join(leaf);
    // The leaf exists when the node was started in the same group before.
    match std::fs::create_dir(&leaf) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::io("make", &leaf, e));
        }
        _ => {}
    }
    let procs = leaf.join("cgroup.procs");
    // 0 is the process that writes it.
    std::fs::write(&procs, "0").map_err(|e| Error::io("write", &procs, e))
}

/// Tries until it can be done: libvirt_lxc, which we cannot see, is in the root group too, until the
/// host has moved it away (src/lab/groups.rs). A busy host takes several seconds for it, and no guest
/// node starts in a node that has given up.
fn hand_down_in_time(root: &Path) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let look = |_: &mut Poll| {
        Ok(match hand_down(root) {
            Ok(()) => Seen::Ready(()),
            Err(e) => Seen::Waiting(e),
        })
    };
    Poll::every(Duration::from_millis(20), PATIENCE).until(look, |e| e)
}

/// Hands every available controller down to the leaf and to the groups that libvirtd makes beside
/// it. libvirtd looks for the memory controller in its own group ("Unable to find 'memory' cgroups
/// controller mount", libvirt 9.0).
fn hand_down(root: &Path) -> Result<()> {
    let given = root.join("cgroup.controllers");
    let given = std::fs::read_to_string(&given).map_err(|e| Error::io("read", &given, e))?;
    let wanted: Vec<String> = given.split_whitespace().map(|c| format!("+{c}")).collect();
    let control = root.join("cgroup.subtree_control");
    std::fs::write(&control, wanted.join(" ")).map_err(|e| Error::io("write", &control, e))
}

/// The controllers of a v1 hierarchy, or its name, from the options of its mount; empty for v2.
fn controllers(mount: &Mount) -> String {
    let general = ["rw", "ro", "xattr", "clone_children"];
    let of_hierarchy = |o: &&str| !general.contains(o) && !o.starts_with("release_agent");
    let options: Vec<&str> = mount.options.split(',').filter(of_hierarchy).collect();
    if mount.fstype == "cgroup2" {
        String::new()
    } else {
        options.join(",")
    }
}

/// Whether this container has no group of its own in a hierarchy: /proc/self/cgroup then shows `/`.
fn is_in_the_root(groups: &ProcessCGroups, mount: &Mount) -> bool {
    let wanted = controllers(mount);
    let is_it = |g: &ProcessCGroup| g.controllers.join(",") == wanted && g.pathname == "/";
    groups.into_iter().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs_core::FromBufRead;

    fn mount(super_options: &str) -> Mount {
        Mount {
            root: "/".into(),
            point: "/sys/fs/cgroup/x".into(),
            fstype: "cgroup".into(),
            options: super_options.into(),
        }
    }

    #[test]
    fn only_hierarchies_with_a_group_of_our_own_are_mounted_again() {
        let groups =
            "9:name=systemd:/\n4:memory:/machine/lxc-1-n.libvirt-lxc\n3:cpu,cpuacct:/machine/x\n";
        let groups = ProcessCGroups::from_buf_read(groups.as_bytes()).unwrap();
        assert!(is_in_the_root(&groups, &mount("rw,name=systemd")));
        assert!(!is_in_the_root(&groups, &mount("rw,memory")));
        assert_eq!(controllers(&mount("rw,xattr,cpu,cpuacct")), "cpu,cpuacct");
    }
}
