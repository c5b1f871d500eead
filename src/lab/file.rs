//! A lab described in a file: the options of `lab up` as TOML keys.

use super::{Agents, DEFAULT_NAME, Init, Root, Share, Variable};
use crate::boot::Choice;
use crate::error::{Error, Result};
use crate::plan::{Board, Usr, Watchdog};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The wanted properties of a lab, as plain values and as the keys of a file. One that is left out
/// comes from the lab that exists, or else has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Wanted {
    /// The lab's name.
    pub name: Option<String>,
    /// How many cluster nodes.
    pub cluster_nodes: Option<u32>,
    /// How many remote nodes.
    pub remote_nodes: Option<u32>,
    /// How many cluster nodes that are virtual machines, besides the others.
    pub cluster_vms: Option<u32>,
    /// How many remote nodes that are virtual machines, besides the others.
    pub remote_vms: Option<u32>,
    /// Memory of a virtual machine, MiB.
    pub vm_memory: Option<u32>,
    /// Processors of a virtual machine.
    pub vm_cpus: Option<u32>,
    /// The kernel of virtual machines.
    pub kernel: Option<Choice>,
    /// The board of virtual machines.
    pub machine: Option<Board>,
    /// The watchdog of virtual machines.
    pub watchdog: Option<Watchdog>,
    /// What the /usr of virtual machines is.
    pub vm_usr: Option<Usr>,
    /// How many guest nodes.
    pub containers: Option<u32>,
    /// The lab's network: ADDR or ADDR/PREFIX.
    pub network: Option<String>,
    /// How many links the cluster nodes have.
    pub links: Option<u32>,
    /// Whether nodes are fenced.
    pub fencing: Option<bool>,
    /// Whether sshd runs in the cluster nodes.
    pub ssh: Option<bool>,
    /// Whether the nodes' names are in this host's /etc/hosts.
    pub hosts: Option<bool>,
    /// Memory limit of a cluster node with its guests, MiB.
    pub memory: Option<u32>,
    /// Memory limit of each guest and remote node, MiB.
    pub guest_memory: Option<u32>,
    /// Size of a cluster node's disk, MiB.
    pub disk: Option<u32>,
    /// Sizes of disks that all cluster nodes share, MiB.
    pub shared_disk: Option<Vec<u32>>,
    /// Whether the cluster nodes run SBD on the first of these.
    pub sbd: Option<bool>,
    /// Whether a node runs corosync-qnetd, and the cluster has it for a quorum device.
    pub qnetd: Option<bool>,
    /// Directories of the host that the nodes see.
    pub share: Option<Vec<Share>>,
    /// Directories of the host with resource agents.
    pub agents: Option<Vec<Agents>>,
    /// A tree whose /usr lies over that of nodes that are machines.
    pub overlay: Option<PathBuf>,
    /// Environment variables of the daemons of cluster and remote nodes.
    pub env: Option<Vec<Variable>>,
    /// Another tree whose /usr the nodes use.
    pub base: Option<PathBuf>,
    /// A pacemaker-remoted given by hand.
    pub remoted: Option<PathBuf>,
    /// PID 1 of the cluster nodes.
    pub init: Option<Init>,
    /// The file tree of the cluster nodes.
    pub root: Option<Root>,
    /// Whether no cluster is configured in the cluster nodes.
    pub bare: Option<bool>,
    /// Seconds to wait for the nodes.
    pub timeout: Option<u64>,
}

impl Wanted {
    /// These properties, with `other`'s where one is left out here.
    pub fn or(self, other: Wanted) -> Wanted {
        Wanted {
            name: self.name.or(other.name),
            cluster_nodes: self.cluster_nodes.or(other.cluster_nodes),
            remote_nodes: self.remote_nodes.or(other.remote_nodes),
            cluster_vms: self.cluster_vms.or(other.cluster_vms),
            remote_vms: self.remote_vms.or(other.remote_vms),
            vm_memory: self.vm_memory.or(other.vm_memory),
            vm_cpus: self.vm_cpus.or(other.vm_cpus),
            kernel: self.kernel.or(other.kernel),
            machine: self.machine.or(other.machine),
            watchdog: self.watchdog.or(other.watchdog),
            vm_usr: self.vm_usr.or(other.vm_usr),
            containers: self.containers.or(other.containers),
            network: self.network.or(other.network),
            links: self.links.or(other.links),
            fencing: self.fencing.or(other.fencing),
            ssh: self.ssh.or(other.ssh),
            hosts: self.hosts.or(other.hosts),
            memory: self.memory.or(other.memory),
            guest_memory: self.guest_memory.or(other.guest_memory),
            disk: self.disk.or(other.disk),
            shared_disk: self.shared_disk.or(other.shared_disk),
            sbd: self.sbd.or(other.sbd),
            qnetd: self.qnetd.or(other.qnetd),
            share: self.share.or(other.share),
            agents: self.agents.or(other.agents),
            overlay: self.overlay.or(other.overlay),
            env: self.env.or(other.env),
            base: self.base.or(other.base),
            remoted: self.remoted.or(other.remoted),
            init: self.init.or(other.init),
            root: self.root.or(other.root),
            bare: self.bare.or(other.bare),
            timeout: self.timeout.or(other.timeout),
        }
    }
}

/// Reads a file.
///
/// # Errors
/// [`crate::error::Kind::Usage`] when it cannot be read or understood.
pub fn read(path: &Path) -> Result<Wanted> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::usage(format!("-f {}: {e}", path.display()))
            .mend("name a TOML file that is there: -f FILE")
    })?;
    parse(&text, &path.display().to_string())
}

/// Name of the lab that `--name`, or the key `name` of a file, means; the default one where neither
/// says.
///
/// # Errors
/// [`crate::error::Kind::Usage`] when they name different labs, or the file cannot be understood.
pub fn named(name: Option<&str>, file: Option<&Path>) -> Result<String> {
    let in_file = file.map(read).transpose()?.and_then(|wanted| wanted.name);
    match (name, in_file, file) {
        (Some(name), Some(other), Some(file)) if name != other => Err(Error::usage(format!(
            "--name {name}, but {} is of lab {other}",
            file.display()
        ))
        .mend("leave one of them out")),
        (name, other, _) => Ok(name
            .map(str::to_owned)
            .or(other)
            .unwrap_or_else(|| DEFAULT_NAME.to_owned())),
    }
}

/// Reads a file's text.
///
/// # Errors
/// [`crate::error::Kind::Usage`] with line, column and, for an unknown key, the nearest known one.
pub fn parse(text: &str, what: &str) -> Result<Wanted> {
    toml::from_str(text).map_err(|e| {
        let place = e.span().map(|span| position(text, span.start));
        let message = e.message();
        let said = match unknown(message) {
            Some((key, known)) => match nearest(key, &known) {
                Some(near) => format!("there is no key {key}; did you mean {near}?"),
                None => format!("there is no key {key}; there are {}", known.join(", ")),
            },
            None => in_words(message),
        };
        let place = place.map_or(String::new(), |(line, column)| {
            format!(", line {line}, column {column}")
        });
        Error::usage(format!("{what}{place}: {said}"))
    })
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

/// Takes serde's "unknown field `a`, expected one of `b`, `c`" apart.
fn unknown(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).collect();
    Some((key, known))
}

/// serde's "invalid type: string "2", expected u32" without names of Rust's types.
fn in_words(message: &str) -> String {
    let rest = ["invalid type: ", "invalid value: "];
    let rest = rest.iter().find_map(|start| message.strip_prefix(start));
    let Some((given, wanted)) = rest.and_then(|rest| rest.rsplit_once(", expected ")) else {
        return message.to_owned();
    };
    let wanted = match wanted {
        "u32" | "u64" => "a whole number, without quotes",
        "a boolean" => "true or false, without quotes",
        "a string" | "path string" => "text in quotes",
        "a sequence" => "a list in brackets",
        other => other,
    };
    format!(
        "this takes {wanted}, and not the {}",
        given.replace('`', "")
    )
}

fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let close = |k: &&&str| strsim::jaro_winkler(key, k) > 0.75;
    known
        .iter()
        .filter(close)
        .copied()
        .max_by(|a, b| strsim::jaro_winkler(key, a).total_cmp(&strsim::jaro_winkler(key, b)))
}

#[cfg(test)]
mod tests;
