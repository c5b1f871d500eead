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

    /// The arguments of nsenter up to the program's own.
    pub fn nsenter(&self) -> Vec<String> {
        let mut all: Vec<String> = ["--target", &self.pid.to_string()]
            .into_iter()
            .chain([
                "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--", "env", "-i",
            ])
            .map(str::to_owned)
            .collect();
        all.extend(self.environment.iter().map(|(n, v)| format!("{n}={v}")));
        if !self.dropped.is_empty() {
            let dropped: Vec<String> = self.dropped.iter().map(|c| format!("-{c}")).collect();
            // Of the bounding set: the program's own exec then takes them out of the others.
            all.push("setpriv".to_owned());
            all.push(format!("--bounding-set={}", dropped.join(",")));
            all.push("--".to_owned());
        }
        all
    }

    /// A program to run in it.
    pub fn cmd(&self, program: &str) -> Cmd {
        Cmd::new("nsenter")
            .args(self.nsenter())
            .shown_from_here(&self.name)
            .arg(program)
    }
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
