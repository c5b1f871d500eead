//! Whether nodes can be machines here: with systemd as PID 1, and with a writable system.

use super::{Init, Lab, Root, config};
use crate::error::{Error, Result};
use crate::host::{cgroups, packages};
use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};
use std::path::Path;

/// Refuses what this host or the base tree cannot do.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the reason and the other way.
pub(super) fn check(lab: &Lab) -> Result<()> {
    if lab.spec.init == Init::Systemd {
        check_systemd(&lab.layout.base)?;
    }
    if lab.spec.root == Root::Full {
        check_overlays(&lab.dir)?;
    }
    Ok(())
}

fn check_systemd(base: &Path) -> Result<()> {
    const OTHER: &str = "lab up --init own";
    let program = base.join(config::SYSTEMD.trim_start_matches('/'));
    if !program.exists() {
        let missing = format!("--init systemd: there is no {}", program.display());
        let package = packages::mend_for_tool("systemd");
        return Err(Error::cant(missing).mend(format!("{package}, or {OTHER}")));
    }
    let groups = cgroups::of("self")?;
    let is_systemds = |c: &String| c == "name=systemd";
    let has_hierarchy = groups
        .0
        .iter()
        .any(|g| g.controllers.iter().any(is_systemds));
    if !cgroups::only_v2() && !has_hierarchy {
        return Err(Error::cant(
            "--init systemd: this host has cgroup v1 without systemd's own hierarchy",
        )
        .mend(format!(
            "mount it (mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd), or {OTHER}"
        )));
    }
    Ok(())
}

/// An overlay cannot have its upper layer on another (Linux,
/// Documentation/filesystems/overlayfs.rst).
fn check_overlays(dir: &Path) -> Result<()> {
    let there = dir
        .ancestors()
        .find(|d| d.exists())
        .unwrap_or(Path::new("/"));
    let kind =
        statfs(there).map_err(|e| Error::failed(format!("statfs {}: {e}", there.display())))?;
    if kind.filesystem_type() != OVERLAYFS_SUPER_MAGIC {
        return Ok(());
    }
    let why = format!(
        "--root full: {} is on an overlay, which cannot carry those of the nodes",
        there.display()
    );
    Err(Error::cant(why).mend("use a --state-dir on another file system, or lab up --root lean"))
}
