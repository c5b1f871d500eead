//! A lab: a whole cluster on this machine, its cluster nodes and remote nodes as containers of this
//! host's libvirt, guest nodes nested inside the cluster nodes.
//!
//! Pure, as data from a spec and what was chosen on this host: `cib`, `config`, `corosync`, `domain`,
//! `file`, `graph`, `inventory`, `node_kind`, `qdevice`, `root`, `sbd`, `shared_disk`, `shown`, `spec`, `sshd`,
//! `stack`. The other files run a lab: they raise, grow, shrink and watch it, and take it down.

pub(crate) mod able;
pub mod access;
mod build;
pub(crate) mod changes;
pub(crate) mod checks;
pub(crate) mod chosen;
pub mod cib;
pub mod config;
pub(crate) mod copy;
pub(crate) mod corosync;
pub(crate) mod daemons;
pub(crate) mod directory;
pub mod domain;
pub(crate) mod down;
mod early;
pub(crate) mod fence;
pub mod file;
pub(crate) mod find;
mod fixed;
mod given;
pub mod graph;
pub(crate) mod groups;
pub(crate) mod held;
pub(crate) mod hosts;
mod inventory;
mod ipv6;
mod keys;
pub(crate) mod leave;
pub(crate) mod limits;
pub(crate) mod maintenance;
pub(crate) mod make;
mod memory;
mod names;
pub(crate) mod nested;
pub mod network;
mod node_kind;
pub(crate) mod online;
pub mod pcs;
pub(crate) mod power;
mod qdevice;
pub(crate) mod raise;
pub(crate) mod reconnect;
pub(crate) mod resize;
pub(crate) mod resolve;
mod resting;
pub mod root;
pub(crate) mod running;
mod sbd;
mod shared_disk;
pub(crate) mod shared_disks;
mod shown;
mod spec;
pub mod sshd;
pub(crate) mod stack;
pub(crate) mod steps;
mod subnets;
pub(crate) mod tree;
mod units;
pub(crate) mod verify;
pub(crate) mod vote;
pub(crate) mod wait;

pub use file::Wanted;
pub use node_kind::{Init, Root};
pub use shared_disk::SharedDisk;
pub use spec::{
    Agents, LabSpec, MOST_CLUSTER_NODES, MOST_CONTAINERS, MOST_REMOTE_NODES, Share, Variable,
    sharable, valid_name,
};

use crate::error::{Error, Result};
use crate::plan::{Kind, Machine};
use crate::rootfs::{Layout, Remoted};
use crate::spec::Subnet;
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;
use std::path::PathBuf;

/// Name of the file that keeps a lab.
pub const FILE: &str = "lab.json";
/// The format of that file which is written now.
pub const VERSION: u32 = 1;
/// Port that fence_virtd listens on at the bridge's address; its usual one.
pub const FENCE_PORT: u16 = 1229;
/// Path in every cluster node of the guests' state directory, which is one directory of this host.
/// It is not the default path, at which each node has a state directory for sets of its own.
pub const GUESTS_DIR: &str = "/var/lib/lxc-autogen-guests";
/// Name of the guests' state directory in the lab's directory.
pub const GUESTS: &str = "guests";
/// Name of the directory with the keys that nodes get.
pub const KEYS: &str = "keys";
/// Name of the file with hacluster's password, among the keys.
pub const PASSWORD: &str = "hacluster";
/// Name of the file with the token of the nodes' pcsd, among the keys.
pub const PCS_TOKEN: &str = "pcs-token";
/// Name of the file with the host key as this host's ssh knows it, among the keys.
pub const KNOWN_HOSTS: &str = "known_hosts";
/// Name of the directory with the programs that nodes get.
pub const PROGRAMS: &str = "bin";
/// Name of the directory with the /etc that nodes with their whole system share.
pub const SYSTEM: &str = "system";
/// Name of the directory over which resource agents of all providers are mounted.
pub const AGENTS: &str = "agents";
/// Name of the directory with fence_virtd's configuration, key and log.
pub const FENCE: &str = "fence";
/// Name of a file that is there when all nodes of a lab have been online once.
pub(crate) const COMPLETE: &str = "complete";

/// A lab: its spec, and what this host had to choose for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lab {
    /// Format of the file: [`VERSION`].
    pub version: u32,
    /// The checked options.
    pub spec: LabSpec,
    /// The lab's directory, absolute.
    pub dir: PathBuf,
    /// The lab's subnet.
    pub subnet: Subnet,
    /// The subnet of the second link, corosync's link 1, with `--links 2`.
    #[serde(default)]
    pub link1: Option<Subnet>,
    /// The prefix of the nodes' IPv6 addresses, of 48 bits; none where the host has no IPv6, and in
    /// labs of 0.1.0.
    #[serde(default)]
    pub ipv6: Option<Ipv6Addr>,
    /// Random text that makes the uuids of this lab its own.
    pub seed: String,
    /// The tree that the nodes' /usr comes from.
    pub layout: Layout,
    /// The pacemaker-remoted for remote nodes and guests.
    pub remoted: Remoted,
    /// Path of libvirt's container emulator.
    pub emulator: PathBuf,
    /// Whether this kernel has /proc/sysrq-trigger, which the nodes must not use.
    pub mask_sysrq: bool,
    /// The newest CIB schema of the tree, such as `pacemaker-3.9`.
    pub schema: String,
    /// The environment of pacemaker-remoted in remote nodes and guests.
    pub remoted_environment: Vec<(String, String)>,
    /// What the tree's packages were when the lab was made (`packages_of` in `able`); nothing where no
    /// database tells, and in labs of 0.1.0.
    #[serde(default)]
    pub packages: Option<String>,
    /// Whether the tree has pcsd; labs of 0.1.0 do not say.
    #[serde(default)]
    pub pcsd: bool,
    /// Whether the tree has daemons' options in /etc/sysconfig, and not in /etc/default.
    #[serde(default)]
    pub sysconfig: bool,
    /// Whether the nodes' /usr lacks a unit for the pacemaker-remoted that is in it.
    #[serde(default)]
    pub no_remote_unit: bool,
}

/// How many addresses lie between the first cluster node's and the first remote node's, so that the
/// number of either can grow without moving the other.
const REMOTE_OFFSET: usize = 40;

/// The same for the qnetd node: the last address before the remote nodes', after those of as many
/// cluster nodes as there can be.
const QNETD_OFFSET: usize = REMOTE_OFFSET - 1;

impl Lab {
    /// Reads `lab.json`.
    ///
    /// # Errors
    /// When it is not JSON of this format.
    pub fn from_json(text: &str, what: &str) -> Result<Lab> {
        let lab: Lab = serde_json::from_str(text)
            .map_err(|e| Error::failed(format!("{what}: {e}")).mend("was it changed by hand?"))?;
        if lab.version != VERSION {
            return Err(Error::cant(format!(
                "{what} has format {}, and this lxc-autogen knows {VERSION}",
                lab.version
            ))
            .mend("use the lxc-autogen that made it"));
        }
        Ok(lab)
    }

    /// Whether nodes of this kind have an init, ours or systemd. Others have pacemaker-remoted as
    /// their PID 1.
    pub fn has_init(&self, kind: Kind) -> bool {
        match kind {
            Kind::Cluster | Kind::Qnetd => true,
            Kind::Remote => self.spec.init == Init::Systemd,
            Kind::Guest => false,
        }
    }

    /// Whether nodes of this kind run pcsd.
    pub fn runs_pcsd(&self, kind: Kind) -> bool {
        self.has_pcs() && matches!(kind, Kind::Cluster | Kind::Remote)
    }

    /// The nodes that run pcsd.
    pub fn with_pcsd(&self) -> Vec<Machine> {
        let mut all = self.nodes();
        all.retain(|node| self.runs_pcsd(node.kind));
        all
    }

    /// Whether cluster and remote nodes run pcsd.
    pub fn has_pcs(&self) -> bool {
        self.pcsd && self.spec.init == Init::Systemd && self.spec.root == Root::Full
    }

    /// Path of the file on this host with hacluster's password, where the nodes have pcsd.
    pub fn password(&self) -> Option<PathBuf> {
        self.has_pcs().then(|| self.path(KEYS).join(PASSWORD))
    }

    /// The cluster nodes, in order.
    pub fn cluster_nodes(&self) -> Vec<Machine> {
        self.of_kind(Kind::Cluster, self.spec.cluster_nodes, 0)
    }

    /// The remote nodes, in order.
    pub fn remote_nodes(&self) -> Vec<Machine> {
        self.of_kind(Kind::Remote, self.spec.remote_nodes, REMOTE_OFFSET)
    }

    /// The node that runs corosync-qnetd, with `--qnetd`.
    pub fn qnetd_node(&self) -> Option<Machine> {
        let count = u32::from(self.spec.qnetd);
        self.of_kind(Kind::Qnetd, count, QNETD_OFFSET).pop()
    }

    /// The nodes that the cluster knows, and fences: cluster nodes and remote nodes.
    pub fn members(&self) -> Vec<Machine> {
        let mut all = self.cluster_nodes();
        all.extend(self.remote_nodes());
        all
    }

    /// The nodes in which an init runs daemons: see [`Lab::has_init`].
    pub fn systems(&self) -> Vec<Machine> {
        let mut all = self.nodes();
        all.retain(|node| self.has_init(node.kind));
        all
    }

    /// All nodes that are containers of this host's libvirt: cluster nodes, remote nodes and the
    /// qnetd node.
    pub fn nodes(&self) -> Vec<Machine> {
        let mut all = self.members();
        all.extend(self.qnetd_node());
        all
    }

    fn of_kind(&self, kind: Kind, count: u32, skip: usize) -> Vec<Machine> {
        let memory = match self.has_init(kind) {
            true => self.spec.memory_mib,
            false => self.spec.guest_memory_mib,
        };
        let second = self.link1.filter(|_| kind == Kind::Cluster);
        let mut second = second.into_iter().flat_map(|s| s.addresses());
        (1..=count)
            .zip(self.subnet.addresses().skip(skip))
            .map(|(number, address)| {
                let name = names::node(&self.spec.name, kind, number);
                let link1 = second.next();
                let links = (0..).zip([address].into_iter().chain(link1));
                Machine {
                    link1,
                    ipv6: links.filter_map(|(n, a)| self.ipv6_of(n, a)).collect(),
                    ..Machine::new(kind, number, name, address, memory, &self.seed)
                }
            })
            .collect()
    }

    /// How many addresses of the subnet are needed.
    pub fn addresses_needed(spec: &LabSpec) -> u32 {
        match spec.remote_nodes {
            0 if spec.qnetd => QNETD_OFFSET as u32 + 1,
            0 => spec.cluster_nodes,
            remote => REMOTE_OFFSET as u32 + remote,
        }
    }

    /// Path of a file or directory in the lab's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Name of the lab that is meant when none is named.
pub const DEFAULT_NAME: &str = "lab";

#[cfg(test)]
pub(crate) mod tests;
