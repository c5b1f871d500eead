//! What is asked for, as plain values: what is not said stays open.

use super::{Authkey, Forward, NodeKind};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the containers of a set are to be like. What is left out comes from the set that exists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How many containers.
    pub containers: Option<u32>,
    /// What they are to the cluster.
    pub kind: Option<NodeKind>,
    /// The network, as typed: ADDR or ADDR/PREFIX.
    pub network: Option<String>,
    /// How packets leave the network.
    pub forward: Option<Forward>,
    /// No preference for this cluster node.
    pub allow_anywhere: bool,
    /// Add the promotable clone.
    pub clone: bool,
    /// What names begin with, as typed.
    pub prefix: Option<String>,
    /// Memory limit of each container, MiB.
    pub memory: Option<u32>,
    /// Size of each container's /dev/shm, MiB.
    pub shm: Option<u32>,
    /// Seconds between two monitors of a container.
    pub monitor_interval: Option<u32>,
    /// How the containers get the authentication key.
    pub authkey: Option<Authkey>,
    /// Another tree whose /usr the containers use.
    pub base: Option<PathBuf>,
    /// A pacemaker-remoted given by hand.
    pub remoted: Option<PathBuf>,
    /// Write names into /etc/hosts.
    pub hosts: bool,
    /// Leave CAP_SYS_ADMIN to the containers.
    pub allow_mounts: bool,
    /// The clone's primitive is PREFIX-ms: see [`super::Spec::old_names`].
    pub old_names: bool,
}

/// Which other cluster nodes take part, and how they are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sharing {
    /// Every cluster node.
    pub every: bool,
    /// These cluster nodes, besides this one.
    pub nodes: Vec<String>,
    /// Further options of ssh, as ssh_config(5) has them: `Port=2222`.
    pub ssh_options: Vec<String>,
    /// Put this node's authentication key in the place of another one.
    pub replace_authkey: bool,
}

impl Sharing {
    /// Whether other nodes are asked for.
    pub fn is_wanted(&self) -> bool {
        self.every || !self.nodes.is_empty()
    }
}

/// How much is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The part in the CIB (`-p`).
    Cib,
    /// Domains, network, hosts block (`-r`).
    Libvirt,
    /// Everything (`-R`).
    All,
}
