//! Running programs inside a container, with its own view of files, processes and network, and no more
//! capabilities than its own PID 1 can have; or inside a virtual machine, by a port of it.

use super::command::Cmd;
use super::mounts::Mount;
use super::{cgroups, proc};
use crate::error::{Error, Result};
use caps::Capability;
use procfs_core::process::Status;
use procfs_core::{ProcessCGroup, ProcessCGroups};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Begins the option of `node-enter` whose value is the container's name: see [`super::beside`].
pub(super) const BESIDE: &str = "--beside=";

/// A running container or virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    name: String,
    way: Way,
    environment: Vec<(String, String)>,
}

/// How programs get in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// Into a container, known by its PID 1 as this host numbers it, without these capabilities.
    Namespaces { pid: u32, dropped: Vec<String> },
    /// Into a virtual machine, by its ports, whose sockets are in this directory, and by this command in
    /// it, which runs the one behind it.
    Port {
        directory: PathBuf,
        through: Vec<String>,
    },
}

impl Inside {
    /// The container of this name, whose PID 1 is `pid`. Programs in it get `environment` and no
    /// variable of this process.
    ///
    /// # Errors
    /// When the process `pid` is gone.
    pub fn of(name: &str, pid: u32, environment: Vec<(String, String)>) -> Result<Inside> {
        let status: Status = proc::read(&format!("/proc/{pid}/status"))?;
        Ok(Inside {
            name: name.to_owned(),
            way: Way::Namespaces {
                pid,
                dropped: not_in(bounding_set(&status)),
            },
            environment,
        })
    }

    /// The virtual machine of this name, whose files are in this directory. Programs in it get
    /// `environment` and no variable of this process.
    pub fn by_port(name: &str, directory: &Path, environment: Vec<(String, String)>) -> Inside {
        Inside {
            name: name.to_owned(),
            way: Way::Port {
                directory: directory.to_owned(),
                through: Vec::new(),
            },
            environment,
        }
    }

    /// What this command in the machine enters, by the name of that.
    pub fn through(
        &self,
        name: &str,
        command: &[&str],
        environment: Vec<(String, String)>,
    ) -> Inside {
        let mut inner = Inside {
            name: name.to_owned(),
            environment,
            ..self.clone()
        };
        if let Way::Port { through, .. } = &mut inner.way {
            *through = command.iter().map(|&it| it.to_owned()).collect();
        }
        inner
    }

    /// The container's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pid of a container's PID 1, as this host numbers it; a virtual machine has none.
    pub fn pid(&self) -> Option<u32> {
        match self.way {
            Way::Namespaces { pid, .. } => Some(pid),
            Way::Port { .. } => None,
        }
    }

    /// A command that runs this program inside.
    ///
    /// It is this very program that enters the container and runs it there: see
    /// [`enter::run`](super::enter::run). For a virtual machine it has it run by the machine's own
    /// agent (`src/channel/`).
    pub fn cmd(&self, program: &str) -> Cmd {
        self.entering(program, None)
    }

    /// The same for somebody who waits for it: when the container ends meanwhile, that is said, as it is
    /// for a virtual machine in any case.
    pub fn cmd_beside(&self, program: &str) -> Cmd {
        self.entering(program, Some(format!("{BESIDE}{}", self.name)))
    }

    fn entering(&self, program: &str, option: Option<String>) -> Cmd {
        let ourselves = std::env::current_exe().unwrap_or_else(|_| "lxc-autogen".into());
        let variables = self.environment.iter();
        let cmd = Cmd::new(ourselves.to_string_lossy());
        let cmd = match &self.way {
            Way::Namespaces { pid, dropped } => cmd
                .arg("node-enter")
                .args(option)
                .arg(pid.to_string())
                .args(dropped.iter().map(|name| format!("--without={name}"))),
            Way::Port { directory, .. } => cmd.arg("node-port").arg(directory),
        };
        let cmd = cmd
            .args(variables.map(|(name, value)| format!("--env={name}={value}")))
            .arg("--");
        let cmd = match &self.way {
            Way::Port { through, .. } => cmd.args(through.iter().cloned()),
            Way::Namespaces { .. } => cmd,
        };
        cmd.shown_from_here(&self.name).arg(program)
    }

    /// The container with one more variable in its programs' environment.
    pub fn with_environment(mut self, name: &str, value: &str) -> Inside {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Moves this process into the control groups of another process.
///
/// The freezer group of cgroup v1 is not joined: if the container is paused meanwhile, the command
/// would stop where no signal reaches it, not even SIGKILL, and keep us waiting. In cgroup v2 a
/// frozen process can be killed.
///
/// # Errors
/// When a group cannot be joined.
pub(super) fn join_groups(pid: u32) -> Result<()> {
    for group in groups(pid)? {
        if group.has(FREEZER) {
            continue;
        }
        let file = group.path.join("cgroup.procs");
        std::fs::write(&file, std::process::id().to_string())
            .map_err(|e| Error::io("join", &file, e))?;
    }
    Ok(())
}

/// Which of these processes are frozen. All processes of a paused container are.
pub fn frozen(pids: &[u32]) -> HashSet<u32> {
    let mounted = super::mounts::all().unwrap_or_default();
    let is_frozen = |pid: &&u32| {
        cgroups::of(pid).is_ok_and(|all| groups_in(all, &mounted).iter().any(Group::is_frozen))
    };
    pids.iter().filter(is_frozen).copied().collect()
}

/// Whether a process is frozen.
pub fn is_frozen(pid: u32) -> bool {
    !frozen(&[pid]).is_empty()
}

/// The controller of cgroup v1 that pauses containers.
const FREEZER: &str = "freezer";

/// A control group of a process.
#[derive(Debug)]
struct Group {
    /// The controllers of a v1 hierarchy; empty for v2.
    controllers: Vec<String>,
    path: PathBuf,
}

impl Group {
    fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|c| c == controller)
    }

    fn is_frozen(&self) -> bool {
        let read = |file: &str| std::fs::read_to_string(self.path.join(file)).unwrap_or_default();
        if self.controllers.is_empty() {
            return read("cgroup.events").lines().any(|l| l == "frozen 1");
        }
        self.controllers == [FREEZER]
            && matches!(read("freezer.state").trim(), "FROZEN" | "FREEZING")
    }
}

/// The control groups of a process, in the hierarchies that are mounted here. Root groups are left
/// out.
fn groups(pid: u32) -> Result<Vec<Group>> {
    Ok(groups_in(cgroups::of(pid)?, &super::mounts::all()?))
}

fn groups_in(all: ProcessCGroups, mounted: &[Mount]) -> Vec<Group> {
    let one = |group: ProcessCGroup| {
        // In the root group the process has no group of its own. A path with dots cannot be seen
        // from here.
        if group.pathname == "/" || group.pathname.starts_with("/..") {
            return None;
        }
        let hierarchy = cgroups::mount_of(&group, mounted)?;
        Some(Group {
            path: hierarchy.point.join(group.pathname.trim_start_matches('/')),
            controllers: group.controllers,
        })
    };
    all.into_iter().filter_map(one).collect()
}

/// The bounding set of a process; all capabilities where the kernel does not give it.
fn bounding_set(status: &Status) -> u64 {
    status.capbnd.unwrap_or(u64::MAX)
}

/// The names of the capabilities that are not in a set, without the `CAP_` of capabilities(7).
fn not_in(set: u64) -> Vec<String> {
    let mut names: Vec<String> = caps::runtime::procfs_all_supported(None)
        .unwrap_or_default()
        .into_iter()
        .filter(|c: &Capability| c.bitmask() & set == 0)
        .map(|c| {
            c.to_string()
                .trim_start_matches("CAP_")
                .to_ascii_lowercase()
        })
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs_core::FromBufRead;

    #[test]
    fn groups_of_its_own_in_both_versions() {
        let text = "9:name=systemd:/\n5:freezer:/machine/x\n4:cpu,cpuacct:/machine/x\n\
                    3:pids:/../y\n0::/machine.slice/x\n";
        let mount = |point: &str, fstype: &str, options: &str| Mount {
            root: "/".into(),
            point: point.into(),
            fstype: fstype.into(),
            options: options.into(),
        };
        let mounted = [
            mount("/c/cpu", "cgroup", "rw,cpu,cpuacct"),
            mount("/c/freezer", "cgroup", "rw,freezer"),
            mount("/c/pids", "cgroup", "rw,pids"),
            mount("/c/unified", "cgroup2", "rw"),
        ];
        let all = ProcessCGroups::from_buf_read(text.as_bytes()).unwrap();
        let found: Vec<String> = groups_in(all, &mounted)
            .iter()
            .map(|g| format!("{} {}", g.controllers.join(","), g.path.display()))
            .collect();
        assert_eq!(
            found,
            [
                "freezer /c/freezer/machine/x",
                "cpu,cpuacct /c/cpu/machine/x",
                " /c/unified/machine.slice/x"
            ]
        );
    }

    #[test]
    fn what_is_missing_in_the_bounding_set_is_dropped() {
        let ours = std::fs::read_to_string("/proc/self/status").unwrap();
        let with = |bounding: &str| {
            let line = |l: &str| match l.starts_with("CapBnd:") {
                true => format!("{bounding}\n"),
                false => format!("{l}\n"),
            };
            let text: String = ours.lines().map(line).collect();
            let status = Status::from_buf_read(text.as_bytes()).unwrap();
            not_in(bounding_set(&status))
        };
        assert_eq!(with("CapBnd:\t000001fffffeffff"), ["sys_module"]);
        assert!(with("").is_empty());
    }
}
