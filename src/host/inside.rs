//! Running programs inside a container, by nsenter(1): with the container's own view of files,
//! processes and network, and no more capabilities than its own PID 1 can have.

use super::command::Cmd;
use crate::error::{Error, Result};
use caps::Capability;
use std::path::Path;

/// A running container, by its PID 1 as this host numbers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    name: String,
    pid: u32,
    dropped: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Inside {
    /// The container of this name, whose PID 1 is `pid`. Programs in it get `environment` and nothing of ours.
    ///
    /// # Errors
    /// When that process is gone.
    pub fn of(name: &str, pid: u32, environment: Vec<(String, String)>) -> Result<Inside> {
        let path = format!("/proc/{pid}/status");
        let text =
            std::fs::read_to_string(&path).map_err(|e| Error::io("read", Path::new(&path), e))?;
        Ok(Inside {
            name: name.to_owned(),
            pid,
            dropped: not_in(bounding_set(&text)),
            environment,
        })
    }

    /// Its PID 1, as this host numbers it.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A program to run in it.
    ///
    /// By way of this very program (see [`enter`]), which moves into the container's control groups
    /// first. What is started after that has lost, on the host's side already, the capabilities
    /// that the container does not have and nsenter does not need: the container's own files, by
    /// which programs in it are loaded, are not to be trusted with them.
    pub fn cmd(&self, program: &str) -> Cmd {
        let ourselves = std::env::current_exe().unwrap_or_else(|_| "lxc-autogen".into());
        let outer: Vec<&str> = self
            .dropped
            .iter()
            .map(String::as_str)
            .filter(|c| !FOR_NSENTER.contains(c))
            .collect();
        let inner: Vec<&str> = self.dropped.iter().map(String::as_str).collect();
        Cmd::new(ourselves.to_string_lossy())
            .args(["node-enter", &self.pid.to_string(), "--"])
            .args(without(&outer))
            .args(["nsenter", "--target", &self.pid.to_string()])
            .args([
                "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--",
            ])
            .args(["env", "-i"])
            .args(self.environment.iter().map(|(n, v)| format!("{n}={v}")))
            .args(without(&inner))
            .shown_from_here(&self.name)
            .arg(program)
    }

    /// The same with more in its environment.
    pub fn with_environment(mut self, name: &str, value: &str) -> Inside {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What setns(2) and the second setpriv need.
const FOR_NSENTER: &[&str] = &["setpcap", "sys_admin", "sys_chroot", "sys_ptrace"];

/// setpriv(1) that takes capabilities out of the bounding set: the next exec then takes them out
/// of the others.
fn without(dropped: &[&str]) -> Vec<String> {
    if dropped.is_empty() {
        return Vec::new();
    }
    let dropped: Vec<String> = dropped.iter().map(|c| format!("-{c}")).collect();
    vec![
        "setpriv".to_owned(),
        format!("--bounding-set={}", dropped.join(",")),
        "--".to_owned(),
    ]
}

/// Moves this process into the control groups of another, so that their limits hold for it too,
/// that of devices above all; then becomes the command. nsenter of util-linux 2.38 cannot.
///
/// # Errors
/// When a group cannot be joined, or the command not be started; else it does not come back.
pub fn enter(pid: u32, command: &[std::ffi::OsString]) -> Result<()> {
    let path = format!("/proc/{pid}/cgroup");
    let groups =
        std::fs::read_to_string(&path).map_err(|e| Error::io("read", Path::new(&path), e))?;
    let mounted = super::mounts::all()?;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else {
            continue;
        };
        // In the root: it has no group of its own. With dots: none that could be seen from here.
        if group == "/" || group.starts_with("/..") {
            continue;
        }
        let hierarchy = mounted.iter().find(|m| match controllers {
            "" => m.fstype == "cgroup2",
            _ => {
                m.fstype == "cgroup"
                    && controllers
                        .split(',')
                        .all(|c| m.options.split(',').any(|o| o == c))
            }
        });
        if let Some(hierarchy) = hierarchy {
            let file = hierarchy
                .point
                .join(group.trim_start_matches('/'))
                .join("cgroup.procs");
            std::fs::write(&file, std::process::id().to_string())
                .map_err(|e| Error::io("join", &file, e))?;
        }
    }
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::usage("node-enter without a command"));
    };
    Err(Cmd::new(program.to_string_lossy())
        .args(arguments.iter().cloned())
        .become_it())
}

/// The bounding set of a process, from its /proc/PID/status (proc(5)).
fn bounding_set(status: &str) -> u64 {
    status
        .lines()
        .find_map(|l| l.strip_prefix("CapBnd:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(u64::MAX)
}

/// The capabilities missing in a set, as setpriv(1) writes them.
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

    #[test]
    fn what_is_missing_in_the_bounding_set_is_dropped() {
        let status = "Name:\tx\nCapBnd:\t000001fffffeffff\nCapAmb:\t0\n";
        let missing = not_in(bounding_set(status));
        assert_eq!(missing, ["sys_module"]);
        assert!(not_in(bounding_set("nothing")).is_empty());
    }
}
