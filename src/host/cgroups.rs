//! Control groups, above all those that libvirt makes and leaves behind.
//!
//! Without systemd-machined libvirt puts containers under /machine in every hierarchy it manages
//! (libvirt 9.0, src/util/vircgroup.c). It makes that group at the first start and never removes
//! it, so a clean-up that promises to leave the host as it was has to.

use crate::error::{Error, Result};
use crate::host::mounts::{self, Mount};
use crate::host::{files, proc};
use nix::errno::Errno;
use procfs_core::{ProcessCGroup, ProcessCGroups};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Name of the group that libvirt makes in each hierarchy.
pub const MACHINE: &str = "machine";

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

/// A hierarchy that is mounted here, and this process's group in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// For a v1 hierarchy its controllers, or `name=` and a name, as mount(8) takes them; empty for
    /// v2.
    pub controllers: Vec<String>,
    /// Where the hierarchy is mounted.
    pub mounted: PathBuf,
    /// The directory of the group, which is `mounted` or below it.
    pub group: PathBuf,
}

impl Own {
    /// Whether this is the hierarchy of cgroup v2.
    pub fn is_v2(&self) -> bool {
        self.controllers.is_empty()
    }
}

/// The groups of this process, one for each hierarchy whose group can be seen from here.
///
/// # Errors
/// When /proc/self/cgroup or the mounts cannot be read.
pub fn own() -> Result<Vec<Own>> {
    Ok(own_in(of("self")?, &mounts::all()?))
}

fn own_in(groups: ProcessCGroups, mounted: &[Mount]) -> Vec<Own> {
    let one = |group: ProcessCGroup| {
        let mount = mount_of(&group, mounted)?;
        // Only a part of the hierarchy may be mounted, such as a container's own. A path that
        // begins with dots leads out of that part.
        let path = Path::new(&group.pathname);
        let below = path.strip_prefix(&mount.root).or(path.strip_prefix("/"));
        let below = below.ok().filter(|p| !p.starts_with(".."))?;
        Some(Own {
            mounted: mount.point.clone(),
            group: mount.point.join(below),
            controllers: group.controllers,
        })
    };
    groups.into_iter().filter_map(one).collect()
}

/// Where the hierarchy of a group is mounted, if it is: v2, or that of the group's v1 controllers.
pub(super) fn mount_of<'a>(group: &ProcessCGroup, mounted: &'a [Mount]) -> Option<&'a Mount> {
    let has = |m: &Mount, controller: &str| m.options.split(',').any(|o| o == controller);
    mounted.iter().find(|m| match group.controllers.is_empty() {
        true => m.fstype == "cgroup2",
        false => m.fstype == "cgroup" && group.controllers.iter().all(|c| has(m, c)),
    })
}

/// The `machine` groups that do not exist now, and that the first container would leave behind.
///
/// # Errors
/// As [`hierarchies`].
pub fn machine_groups_to_come() -> Result<Vec<PathBuf>> {
    Ok(hierarchies()?
        .into_iter()
        .map(|h| h.join(MACHINE))
        .filter(|p| !p.exists())
        .collect())
}

/// Makes the `machine` group of the v1 hierarchy with cpusets, with the processors and the memory of
/// the group above it, where `groups` has it; what it has of them already stays. Called once the
/// journal has a record of it.
///
/// libvirt would make it with the first container. But a second container that starts at the same
/// moment can find the group before it has processors, and inherits none: its start fails with
/// "Unable to write to …/tasks: No such file or directory" (libvirt 9.0, src/util/vircgroupv1.c,
/// virCgroupV1MakeGroup; the first error, "No space left on device", is lost in
/// virCgroupNewMachineManual).
///
/// # Errors
/// When the kernel refuses.
pub fn make_machine_cpuset(groups: &[PathBuf]) -> Result<()> {
    const INHERITED: [&str; 2] = ["cpuset.cpus", "cpuset.mems"];
    // Groups of v2 have processors without being told (cgroups(7); v2 has no file of this name).
    let is_v1 = |group: &Path| group.with_file_name("tasks").exists();
    let is_cpuset = |group: &&PathBuf| is_v1(group) && group.with_file_name(INHERITED[0]).exists();
    for group in groups.iter().filter(is_cpuset) {
        match std::fs::create_dir(group) {
            // By a run that was killed before it could go on, or by libvirt for another container.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => made.map_err(|e| Error::io("make", group, e))?,
        }
        for file in INHERITED {
            let has = files::read_trimmed(group.join(file)).is_some_and(|text| !text.is_empty());
            if has {
                continue;
            }
            let above = group.with_file_name(file);
            let all = std::fs::read(&above).map_err(|e| Error::io("read", &above, e))?;
            let path = group.join(file);
            std::fs::write(&path, all).map_err(|e| Error::io("write", &path, e))?;
        }
    }
    Ok(())
}

/// Removes a group and the groups in it, deepest first. Returns whether it is gone: the kernel
/// refuses to remove a group with processes in it, which makes this safe.
///
/// # Errors
/// When the kernel refuses for a reason other than processes in the group.
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

/// Removes a group that has no other group in it. Returns whether it is gone.
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

/// Directories of the groups of one container: `lxc-ID-NAME.libvirt-lxc` under a `machine` group.
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

/// Whether cgroup v2 alone is mounted, as on today's hosts with systemd.
pub fn only_v2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// The control groups of a process, one for each hierarchy (cgroups(7), /proc/PID/cgroup).
/// `process` is a pid or `self`.
///
/// # Errors
/// When the file cannot be read.
pub fn of(process: impl Display) -> Result<ProcessCGroups> {
    proc::read(&format!("/proc/{process}/cgroup"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs_core::FromBufRead;

    #[test]
    fn a_cpuset_is_made_with_the_processors_above_it_and_no_other_group_is() {
        let dir = tempfile::tempdir().unwrap();
        let [cpuset, memory, v2] = ["cpuset", "memory", "v2"].map(|name| dir.path().join(name));
        const CPUSET: [&str; 2] = ["cpuset.cpus", "cpuset.mems"];
        for (hierarchy, files) in [
            (&cpuset, [&CPUSET[..], &["tasks"]].concat()),
            (&memory, vec!["tasks"]),
            (&v2, CPUSET.to_vec()),
        ] {
            std::fs::create_dir(hierarchy).unwrap();
            for file in files {
                std::fs::write(hierarchy.join(file), file).unwrap();
            }
        }
        let groups = [&cpuset, &memory, &v2].map(|hierarchy| hierarchy.join("machine"));
        make_machine_cpuset(&groups).unwrap();
        for file in CPUSET {
            let made = groups[0].join(file);
            assert_eq!(std::fs::read_to_string(made).unwrap(), file);
        }
        assert!(!groups[1].exists() && !groups[2].exists());
        // One that a killed run has left without them gets them.
        std::fs::write(groups[0].join("cpuset.mems"), "\n").unwrap();
        make_machine_cpuset(&groups).unwrap();
        let mems = std::fs::read_to_string(groups[0].join("cpuset.mems")).unwrap();
        assert_eq!(mems, CPUSET[1]);
        // What a group has already is left alone.
        std::fs::write(cpuset.join("cpuset.cpus"), "other").unwrap();
        make_machine_cpuset(&groups).unwrap();
        let kept = std::fs::read_to_string(groups[0].join("cpuset.cpus")).unwrap();
        assert_eq!(kept, CPUSET[0]);
    }

    #[test]
    fn own_groups_of_both_versions_and_of_a_part_of_a_hierarchy() {
        let mounted = mounts::parse(
            "41 40 0:31 / /c/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
             42 40 0:32 /box /c/memory rw - cgroup cgroup rw,memory\n\
             43 40 0:33 / /c/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
             44 40 0:34 / /c/pids rw - cgroup cgroup rw,pids\n\
             45 40 0:35 / /c/unified rw - cgroup2 cgroup2 rw\n",
        );
        let text = "9:name=systemd:/\n5:cpu,cpuacct:/a/b\n4:memory:/box/a\n3:pids:/../y\n\
                    2:blkio:/\n0::/x\n";
        let groups = ProcessCGroups::from_buf_read(text.as_bytes()).unwrap();
        let found: Vec<String> = own_in(groups, &mounted)
            .iter()
            .map(|o| format!("{} {}", o.controllers.join(","), o.group.display()))
            .collect();
        assert_eq!(
            found,
            [
                "name=systemd /c/systemd/",
                "cpu,cpuacct /c/cpu/a/b",
                "memory /c/memory/a",
                " /c/unified/x"
            ]
        );
    }
}
