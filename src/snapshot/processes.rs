//! Daemons that a run of lxc-autogen starts, or makes other programs start.
//!
//! Only daemons that stay count, and only those in our own pid namespace: a container's processes
//! end with the container, and those of a private world belong to that world. So daemons are looked
//! for by name, and all other programs of the machine are left alone.

use super::section::{Section, section};
use crate::error::{Error, Result};
use crate::host::{files, processes};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Daemons with the same command line, which is their name in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// How many such daemons run.
    count: usize,
}

/// The beginnings of the daemons' names, of which the kernel keeps 15 characters (proc(5)). libvirt
/// starts dnsmasq and radvd for its networks, and virtlogd for the logs.
const DAEMONS: &[&str] = &[
    "libvirt",
    "virtlogd",
    "virtlockd",
    "virtlxcd",
    "virtnetworkd",
    "virtqemud",
    "dnsmasq",
    "radvd",
    "corosync",
    "pacemaker",
    "fence_virtd",
    "lxc-autogen",
];

/// A daemon's process, as far as the snapshot needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    pid: u32,
    parent: u32,
    line: String,
}

pub(super) fn look() -> Result<Section<Process>> {
    let proc = Path::new("/proc");
    let entries = std::fs::read_dir(proc).map_err(|e| Error::io("read", proc, e))?;
    let pids = entries
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse().ok());
    let all: Vec<Seen> = pids.filter_map(seen).collect();
    Ok(section(counted(&all)))
}

/// The process `pid` if it is a daemon to count; `None` also for a process that has ended
/// meanwhile.
fn seen(pid: u32) -> Option<Seen> {
    let name = files::read_trimmed(format!("/proc/{pid}/comm"))?;
    let ours = std::process::id();
    let counts = DAEMONS.iter().any(|d| name.starts_with(d)) && pid != ours;
    if !counts || !processes::same_namespace(pid, ours) {
        return None;
    }
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // A child of a daemon that has become another program between two of these looks is none: it
    // began as a daemon, and its command line is that of, say, a fence agent.
    if files::read_trimmed(format!("/proc/{pid}/comm"))? != name {
        return None;
    }
    let (state, parent) = state_and_parent(&stat)?;
    let line = by_name(&String::from_utf8_lossy(&line).replace('\0', " "));
    // A zombie has ended; its parent still has to fetch the exit status.
    (!line.is_empty() && state != 'Z' && state != 'X').then_some(Seen { pid, parent, line })
}

/// A command line with the program's name without its directory: the same daemon may be started by
/// its path, or found by PATH.
fn by_name(line: &str) -> String {
    let (program, arguments) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let name = program.rsplit('/').next().unwrap_or(program);
    format!("{name} {arguments}").trim().to_owned()
}

/// State and parent from proc(5), /proc/pid/stat. The process name is in brackets, and can have
/// brackets in it.
fn state_and_parent(stat: &str) -> Option<(char, u32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// The daemons by command line, without those that pass: a daemon's child with its parent's command
/// line, which is a helper or about to become another program; a daemon that systemd starts on
/// demand and that ends by itself a while later (libvirtd(8), `--timeout`); and other runs of
/// `snapshot`, which only look.
fn counted(all: &[Seen]) -> BTreeMap<String, Process> {
    let lines: HashMap<u32, &str> = all.iter().map(|s| (s.pid, s.line.as_str())).collect();
    let mut counted: BTreeMap<String, Process> = BTreeMap::new();
    for seen in all {
        let mut words = seen.line.split(' ');
        let passes = lines.get(&seen.parent) == Some(&seen.line.as_str())
            || words.any(|w| w == "--timeout" || w.starts_with("--timeout="))
                && !seen.line.contains("lxc-autogen")
            || is_looking(&seen.line);
        if !passes {
            let process = counted.entry(seen.line.clone());
            process.or_insert(Process { count: 0 }).count += 1;
        }
    }
    counted
}

fn is_looking(line: &str) -> bool {
    let mut words = line.split(' ');
    let ours = words.next().is_some_and(|w| w.ends_with("lxc-autogen"));
    ours && words.any(|w| w == "snapshot")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_the_same_however_it_is_started() {
        assert_eq!(by_name("/usr/sbin/pacemakerd "), "pacemakerd");
        assert_eq!(by_name("pacemakerd"), "pacemakerd");
        assert_eq!(by_name("/x/virtlogd -d /a/b"), "virtlogd -d /a/b");
    }

    #[test]
    fn daemons_are_counted_and_what_passes_is_not() {
        let seen = |pid, parent, line: &str| Seen {
            pid,
            parent,
            line: line.to_owned(),
        };
        let all = [
            seen(10, 1, "/usr/sbin/libvirtd"),
            // About to become iptables.
            seen(11, 10, "/usr/sbin/libvirtd"),
            seen(12, 1, "/usr/sbin/virtlxcd --timeout 120"),
            seen(13, 1, "/usr/sbin/dnsmasq --conf-file=/a"),
            seen(14, 13, "/usr/sbin/dnsmasq --conf-file=/a"),
            seen(15, 1, "/usr/sbin/dnsmasq --conf-file=/a"),
            seen(16, 1, "lxc-autogen snapshot -o x"),
            seen(17, 1, "lxc-autogen up -c 2 --timeout 9"),
        ];
        let counted = counted(&all);
        let counts: Vec<(&str, usize)> = counted.iter().map(|(l, p)| (&l[..], p.count)).collect();
        assert_eq!(
            counts,
            [
                ("/usr/sbin/dnsmasq --conf-file=/a", 2),
                ("/usr/sbin/libvirtd", 1),
                ("lxc-autogen up -c 2 --timeout 9", 1),
            ]
        );
    }

    #[test]
    fn a_name_with_brackets_does_not_hide_the_parent() {
        assert_eq!(state_and_parent("7 (a) b) S 3 7 7"), Some(('S', 3)));
        assert_eq!(state_and_parent("7 (a"), None);
    }
}
