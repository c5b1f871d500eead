//! The options as plain values; an option that was not given stays open.

use super::has_name_characters;
use super::{Authkey, Form, Forward, KernelChoice, NodeKind};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The options for the containers of a set. An option that is left out keeps the value of the
/// existing set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Number of containers.
    pub containers: Option<u32>,
    /// Whether the containers are guest nodes or remote nodes.
    pub kind: Option<NodeKind>,
    /// Whether they are containers or virtual machines.
    pub machine: Option<Form>,
    /// The kernel that virtual machines boot.
    pub kernel: Option<KernelChoice>,
    /// Number of processors of each virtual machine.
    pub vm_cpus: Option<u32>,
    /// The network, as typed: ADDR or ADDR/PREFIX.
    pub network: Option<String>,
    /// How the host forwards the network's packets.
    pub forward: Option<Forward>,
    /// Whether the containers have no preference for this cluster node.
    pub allow_anywhere: bool,
    /// Whether to add the promotable clone.
    pub clone: bool,
    /// The prefix of all names, as typed.
    pub prefix: Option<String>,
    /// Memory limit of each container in MiB.
    pub memory: Option<u32>,
    /// Size of each container's /dev/shm in MiB.
    pub shm: Option<u32>,
    /// Seconds between two monitors of a container.
    pub monitor_interval: Option<u32>,
    /// How the containers get the authentication key.
    pub authkey: Option<Authkey>,
    /// A base tree other than this host's root, which the containers' /usr comes from.
    pub base: Option<PathBuf>,
    /// Path of a pacemaker-remoted to use.
    pub remoted: Option<PathBuf>,
    /// Directories that the containers see at the same place, read-only.
    pub binds: Vec<PathBuf>,
    /// Whether to write the nodes' names into /etc/hosts.
    pub hosts: bool,
    /// Whether the containers keep CAP_SYS_ADMIN.
    pub allow_mounts: bool,
    /// Whether to keep the resources of Pacemaker's test suite off the containers.
    pub keep_off: bool,
    /// Names of containers to remove.
    pub remove: Vec<String>,
    /// Names of containers that the set is to have again, where they were removed.
    pub enable: Vec<String>,
    /// Whether the clone's primitive is called PREFIX-ms: see [`super::Spec::old_names`].
    pub old_names: bool,
}

/// Which other cluster nodes hold the set too, and how to reach them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sharing {
    /// All cluster nodes.
    pub every: bool,
    /// These cluster nodes, besides this one.
    pub nodes: Vec<String>,
    /// Further options of ssh, in the form of ssh_config(5): `Port=2222`.
    pub ssh_options: Vec<String>,
    /// Whether to replace another authentication key on those nodes by this node's.
    pub replace_authkey: bool,
}

impl Sharing {
    /// Whether any other node is asked for.
    pub fn is_wanted(&self) -> bool {
        self.every || !self.nodes.is_empty()
    }

    /// Refuses a name that ssh would read as something else, an empty name in a list, and a number,
    /// by which somebody means how many nodes.
    ///
    /// # Errors
    /// A usage error with the name.
    pub fn check_names(&self) -> Result<()> {
        for name in &self.nodes {
            let is_number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
            let fits = !name.is_empty() && !name.starts_with('-') && has_name_characters(name);
            if fits && !is_number {
                continue;
            }
            let mend = match is_number {
                true => format!(
                    "-c {name} for {name} guest nodes; --nodes takes names of cluster nodes: node2,node3"
                ),
                false => {
                    "as crm_node --list has them, with commas between: --nodes node2,node3".into()
                }
            };
            return Err(Error::usage(format!("--nodes: {name:?} is no name of a node")).mend(mend));
        }
        Ok(())
    }
}

/// How much of a set is removed.
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
