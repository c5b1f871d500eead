//! A lab: a whole cluster on this machine, its cluster nodes and remote nodes as containers of this
//! host's libvirt, guest nodes nested inside the cluster nodes.
//!
//! Pure, as data from a spec and what was chosen on this host: `cib`, `config`, `corosync`, `domain`,
//! `file`, `graph`, `inventory`, `node_kind`, `qdevice`, `root`, `sbd`, `shared_disk`, `shown`, `spec`, `sshd`,
//! `nodes`, `stack`. The other files run a lab: they raise, grow, shrink and watch it, and take it down.

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
pub(crate) mod guests;
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
mod nodes;
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

pub use crate::plan::PROGRAMS;
pub use file::Wanted;
pub use node_kind::{Init, Root};
pub use shared_disk::SharedDisk;
pub use spec::{
    Agents, LabSpec, MOST_CLUSTER_NODES, MOST_CONTAINERS, MOST_REMOTE_NODES, Share, Variable, Vms,
    sharable, valid_name,
};

use crate::error::{Error, Result};
use crate::plan::Virtual;
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
    /// Whether cluster nodes that are containers have /dev/net/tun, by which their libvirt connects
    /// virtual machines: where this host had it when the lab was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tun: bool,
    /// The newest CIB schema of the tree, such as `pacemaker-3.9`.
    pub schema: String,
    /// The environment of pacemaker-remoted in remote nodes and guests.
    pub remoted_environment: Vec<(String, String)>,
    /// What the tree's packages were when the lab was made ([`Layout::packages`]); nothing where no
    /// database tells, and in labs of 0.1.0.
    #[serde(default)]
    pub packages: Option<String>,
    /// Whether the tree has pcsd; labs of 0.1.0 do not say.
    #[serde(default)]
    pub pcsd: bool,
    /// Whether the tree has daemons' options in /etc/sysconfig, and not in /etc/default.
    #[serde(default)]
    pub sysconfig: bool,
    /// How its virtual machines run.
    #[serde(default)]
    pub vm: Virtual,
    /// Whether the nodes' /usr lacks a unit for the pacemaker-remoted that is in it.
    #[serde(default)]
    pub no_remote_unit: bool,
}

impl Lab {
    /// Reads `lab.json`.
    ///
    /// # Errors
    /// When it is not JSON of this format.
    pub fn from_json(text: &str, what: &str) -> Result<Lab> {
        let lab: Lab = serde_json::from_str(text).map_err(|e| {
            Error::failed(format!("{what}: {e}")).mend(
                "it was damaged or changed by hand: mend it, or take the lab away, which does \
                     without it: lxc-autogen lab down",
            )
        })?;
        if lab.version != VERSION {
            return Err(Error::cant(format!(
                "{what} has format {}, and this lxc-autogen knows {VERSION}",
                lab.version
            ))
            .mend("use the lxc-autogen that made it"));
        }
        Ok(lab)
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
