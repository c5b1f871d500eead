//! The control groups that libvirt makes and leaves behind.
//!
//! Without systemd-machined libvirt puts containers under /machine in every hierarchy it manages
//! (libvirt 9.0, src/util/vircgroup.c). It makes that group at the first start and never removes
//! it; a clean-up that promises the host as it was has to.

use crate::error::{Error, Result};
use crate::host::{mounts, proc};
use nix::errno::Errno;
use procfs_core::ProcessCGroups;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The mount points of all cgroup hierarchies, v1 and v2.
///
/// # Errors
/// When the mounts cannot be read.
pub fn hierarchies() -> Result<Vec<PathBuf>> {
    Ok(mounts::all()?
        .into_iter()
        .filter(|m| m.fstype == "cgroup" || m.fstype == "cgroup2")
        .map(|m| m.point)
        .collect())
}

/// The `machine` groups that do not exist now, and would be left behind by a first container.
///
/// # Errors
/// As [`hierarchies`].
pub fn machine_groups_to_come() -> Result<Vec<PathBuf>> {
    Ok(hierarchies()?
        .into_iter()
        .map(|h| h.join("machine"))
        .filter(|p| !p.exists())
        .collect())
}

/// Removes a group and the empty groups in it, deepest first. Gives back whether it is gone:
/// the kernel refuses to remove a group with processes in it, which keeps us from harm.
///
/// # Errors
/// When the kernel refuses for another reason than being in use.
pub fn remove(path: &Path) -> Result<bool> {
    let groups = WalkDir::new(path)
        .contents_first(true)
        .into_iter()
        .flatten();
    for group in groups.filter(|e| e.file_type().is_dir()) {
        match std::fs::remove_dir(group.path()) {
            Err(e) if e.raw_os_error() == Some(Errno::EBUSY as i32) => return Ok(false),
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", group.path(), e));
            }
            _ => {}
        }
    }
    Ok(true)
}

/// Removes a group that has no other in it. Gives back whether it is gone.
///
/// # Errors
/// As [`remove`].
pub fn remove_if_empty(path: &Path) -> Result<bool> {
    let inside = std::fs::read_dir(path).into_iter().flatten().flatten();
    if inside
        .into_iter()
        .any(|e| e.file_type().is_ok_and(|t| t.is_dir()))
    {
        return Ok(false);
    }
    remove(path)
}

/// The groups of one container: `lxc-ID-NAME.libvirt-lxc` under a `machine` group.
pub fn left_of_container(machine: &Path, name: &str) -> Vec<PathBuf> {
    let ending = format!("-{name}.libvirt-lxc");
    let Ok(entries) = std::fs::read_dir(machine) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|e| {
            let group = e.file_name().to_string_lossy().into_owned();
            group
                .strip_prefix("lxc-")
                .and_then(|rest| rest.strip_suffix(&ending))
                .is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
        })
        .map(|e| e.path())
        .collect()
}

/// Whether there is cgroup v2 and nothing else, as on hosts of today with systemd.
pub fn only_v2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// The control groups of a process, one of every hierarchy (cgroups(7), /proc/PID/cgroup).
///
/// # Errors
/// When they cannot be read.
pub fn of(process: impl Display) -> Result<ProcessCGroups> {
    proc::read(&format!("/proc/{process}/cgroup"))
}
