//! The specification of a lab, complete and checked.

mod agents;
mod share;
mod variable;
mod vms;
mod whole;

pub use agents::Agents;
pub(super) use agents::bad as bad_agents;
pub use share::Share;
pub(super) use share::{absolute, check as check_shared, not_sharable};
pub use variable::Variable;
pub use vms::Vms;

/// Whether nodes can be shown a directory of the host at this place (`--share`).
pub fn sharable(path: &std::path::Path) -> bool {
    share::check(path).is_ok()
}

use super::{Init, Root, qdevice, sbd, shared_disk};
use crate::error::{Error, Result};
use crate::report::count;
use crate::spec::{FIRST_OFFSET, Subnet, bounds};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Corosync is made for about this many ("about 32", corosync-qdevice and RHEL's support limits).
pub const MOST_CLUSTER_NODES: u32 = 32;
/// A /16 has addresses for more; nobody has tried.
pub const MOST_REMOTE_NODES: u32 = 1000;
/// Most guest nodes of one lab.
pub const MOST_CONTAINERS: u32 = 1000;
/// Longest name of a lab: `lab-NAME` is the name of a bridge, and an interface's has 15 characters
/// at most.
const LONGEST_NAME: usize = 11;

/// The smallest disk of a cluster node, MiB: the file system's own needs, and room for the logs of a
/// cluster that starts.
const LEAST_DISK: u32 = 64;

/// The options of a lab, completed. They are kept in the lab's directory, so that later commands
/// need not be told again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabSpec {
    /// The lab's name; its nodes are NAME-node1 …, NAME-remote1 ….
    pub name: String,
    /// Number of cluster nodes.
    pub cluster_nodes: u32,
    /// Number of remote nodes.
    pub remote_nodes: u32,
    /// Number of cluster nodes that are virtual machines, besides the others.
    #[serde(default)]
    pub cluster_vms: u32,
    /// Number of remote nodes that are virtual machines, besides the others.
    #[serde(default)]
    pub remote_vms: u32,
    /// How virtual machines are built.
    #[serde(default)]
    pub vms: Vms,
    /// Number of guest nodes.
    pub containers: u32,
    /// The subnet asked for, or `None` for the first free one.
    pub subnet: Option<Subnet>,
    /// Number of the cluster nodes' links: networks that corosync uses; labs of 0.1.0 have one.
    #[serde(default = "one")]
    pub links: u32,
    /// Whether nodes are fenced.
    pub fencing: bool,
    /// Whether sshd runs in the cluster nodes.
    pub ssh: bool,
    /// Whether the nodes' names are in this host's /etc/hosts; labs of 0.1.0 have none there.
    #[serde(default)]
    pub hosts: bool,
    /// Memory limit of a cluster node, MiB.
    pub memory_mib: u32,
    /// Memory limit of a guest or remote node, MiB.
    pub guest_memory_mib: u32,
    /// Size of a cluster node's disk, MiB; 0 where its files are on the host's file system, as
    /// those of labs of 0.1.0 are.
    #[serde(default)]
    pub disk_mib: u32,
    /// Sizes in MiB of the disks that all cluster nodes share; labs of 0.1.0 have none.
    #[serde(default)]
    pub shared_disks_mib: Vec<u32>,
    /// Whether the cluster nodes run SBD on the first of these disks.
    #[serde(default)]
    pub sbd: bool,
    /// Whether a node runs corosync-qnetd, and the cluster has it for a quorum device; labs of 0.1.0
    /// have none.
    #[serde(default)]
    pub qnetd: bool,
    /// Directories of the host that nodes see, read-only.
    pub share: Vec<Share>,
    /// Directories of the host with resource agents; labs of 0.1.0 have none.
    #[serde(default)]
    pub agents: Vec<Agents>,
    /// A tree whose /usr lies over that of nodes that are machines; labs of 0.1.0 have none.
    #[serde(default)]
    pub overlay: Option<PathBuf>,
    /// Environment variables of the daemons of cluster and remote nodes; labs of 0.1.0 have none.
    #[serde(default)]
    pub env: Vec<Variable>,
    /// Another tree whose /usr the nodes use.
    pub base: Option<PathBuf>,
    /// A pacemaker-remoted given by hand.
    pub remoted: Option<PathBuf>,
    /// PID 1 of the cluster nodes; labs of 0.1.0 have none but ours.
    #[serde(default)]
    pub init: Init,
    /// The file tree of the cluster nodes; labs of 0.1.0 have the lean one.
    #[serde(default)]
    pub root: Root,
    /// Whether no cluster is configured in the cluster nodes.
    #[serde(default)]
    pub bare: bool,
}

fn one() -> u32 {
    1
}

impl Default for LabSpec {
    fn default() -> Self {
        LabSpec {
            name: "lab".to_owned(),
            cluster_nodes: 3,
            remote_nodes: 0,
            cluster_vms: 0,
            remote_vms: 0,
            vms: Vms::default(),
            containers: 2,
            subnet: None,
            links: 1,
            fencing: true,
            ssh: false,
            hosts: false,
            memory_mib: 2048,
            guest_memory_mib: 196,
            disk_mib: 2048,
            shared_disks_mib: Vec::new(),
            sbd: false,
            qnetd: false,
            share: Vec::new(),
            agents: Vec::new(),
            overlay: None,
            env: Vec::new(),
            base: None,
            remoted: None,
            init: Init::default(),
            root: Root::default(),
            bare: false,
        }
    }
}

/// Whether a text can be a lab's name.
///
/// # Errors
/// [`crate::error::Kind::Usage`] with the rule.
pub fn valid_name(name: &str) -> Result<()> {
    let fits = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if fits && begins && !name.ends_with('-') && name.len() <= LONGEST_NAME {
        return Ok(());
    }
    Err(
        Error::usage(format!("{name:?} cannot be the name of a lab")).mend(format!(
            "a small letter, then small letters, digits or '-', {LONGEST_NAME} characters at most"
        )),
    )
}

impl LabSpec {
    /// Refuses numbers and names out of their bounds.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] with the option and its bounds.
    pub fn check(&self) -> Result<()> {
        valid_name(&self.name)?;
        bounds(
            "--cluster-nodes",
            self.cluster_nodes,
            u32::from(self.cluster_vms == 0),
            MOST_CLUSTER_NODES,
            "",
        )?;
        bounds(
            "--remote-nodes",
            self.remote_nodes,
            0,
            MOST_REMOTE_NODES,
            "",
        )?;
        bounds("--containers", self.containers, 0, MOST_CONTAINERS, "")?;
        bounds("--links", self.links, 1, 2, "")?;
        bounds("--memory", self.memory_mib, 256, 1 << 20, " MiB")?;
        bounds("--guest-memory", self.guest_memory_mib, 16, 1 << 20, " MiB")?;
        if self.disk_mib > 0 {
            bounds("--disk", self.disk_mib, LEAST_DISK, 1 << 24, " MiB")?;
        }
        vms::check(self)?;
        shared_disk::check(self)?;
        sbd::check(self)?;
        qdevice::check(self)?;
        self.share.iter().try_for_each(share::check_share)?;
        agents::check(&self.agents)?;
        whole::check_overlay(self)?;
        whole::check_bare(self)?;
        self.subnet
            .iter()
            .try_for_each(|subnet| self.check_fits(subnet))
    }

    /// Refuses a subnet in which not every node gets an address.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] with the number of addresses, and the number needed.
    pub fn check_fits(&self, subnet: &Subnet) -> Result<()> {
        let (has, needs) = (subnet.capacity(), super::Lab::addresses_needed(self));
        if has >= needs {
            return Ok(());
        }
        let nodes = match (self.cluster_nodes, self.remote_nodes) {
            _ if self.has_vms() => {
                "these nodes, virtual machines from the last address on".to_owned()
            }
            (cluster, 0) if self.qnetd => format!(
                "{} and a qnetd node, which has .{}",
                count(cluster as usize, "cluster node"),
                FIRST_OFFSET as usize + super::nodes::QNETD_OFFSET
            ),
            (cluster, 0) => count(cluster as usize, "node"),
            (cluster, remote) => format!(
                "{} and {}, whose addresses begin with .{}",
                count(cluster as usize, "cluster node"),
                count(remote as usize, "remote node"),
                FIRST_OFFSET as usize + super::nodes::REMOTE_OFFSET
            ),
        };
        Err(Error::usage(format!(
            "{subnet} has {}, and {needs} are needed for {nodes}: the first has .{FIRST_OFFSET}",
            match has {
                0 => "no addresses for nodes".to_owned(),
                1 => "1 address for nodes".to_owned(),
                _ => format!("{has} addresses for nodes"),
            }
        ))
        .mend("a shorter prefix holds more, such as 10.40.0.1/16"))
    }
}

#[cfg(test)]
mod tests;
