//! Options are turned into checked values here, once. Code that has these values need not check
//! them again.

mod former;
mod kernel;
mod machines;
mod names;
mod removed;
mod set;
mod subnet;
mod vms;
mod wanted;

pub use former::Former;
pub(crate) use kernel::PACKAGE;
pub use kernel::{Flavour, KernelChoice};
pub(crate) use machines::check_sharing;
pub use names::{Prefix, has_name_characters, is_plain_path, node_of_resource, valid_node_name};
pub use set::Spec;
pub use subnet::{FIRST_OFFSET, Subnet, mac};
pub use vms::Vms;
pub(crate) use vms::{LEAST_MEMORY_MIB, MOST_CPUS, REMOTE_MEMORY_MIB};
pub use wanted::{Scope, Sharing, Wanted};

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// Refuses options whose value differs from the one that something was made with. `what` says which
/// thing, with the verb: `lab x was`.
///
/// # Errors
/// A usage error that names these options.
pub(crate) fn refuse_remaking(
    what: &str,
    options: impl IntoIterator<Item = (&'static str, bool, &'static str)>,
    mend: String,
) -> Result<()> {
    let differing = options.into_iter().filter(|(_, differs, _)| *differs);
    let (names, reasons): (Vec<&str>, Vec<String>) = differing
        .map(|(name, _, why)| (name, format!("{name}: {why}")))
        .unzip();
    if names.is_empty() {
        return Ok(());
    }
    let names = names.join(", ");
    Err(Error::usage(format!("{what} made with another {names}"))
        .details(reasons)
        .mend(mend))
}

/// The most containers that a set may have: a /16 holds them with room to spare.
pub const MOST_CONTAINERS: u32 = 60_000;
/// The host address that lxc_autogen.sh uses; its subnet is the first one tried.
pub const DEFAULT_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 123, 1);

/// What the network does with packets to the outside (libvirt, formatnetwork.html#connectivity).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Forward {
    /// Masqueraded by firewall rules that libvirt adds.
    Nat,
    /// Forwarded by the kernel; libvirt adds no firewall rule.
    Open,
    /// Host and containers only; libvirt adds rules that keep others out.
    Isolated,
}

/// What a set's containers are to the cluster (Pacemaker Remote, "Guest nodes", "Remote nodes").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// Guest nodes: the cluster starts, watches and stops the containers.
    #[default]
    Guest,
    /// Remote nodes: the containers run on their own, and the cluster connects to them.
    Remote,
}

impl std::fmt::Display for NodeKind {
    /// The name that Pacemaker's documentation has for this kind of node.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NodeKind::Guest => "guest node",
            NodeKind::Remote => "remote node",
        })
    }
}

/// What a machine is to this host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A container of libvirt-LXC.
    #[default]
    Container,
    /// A virtual machine, with a kernel of its own.
    #[value(name = "vm")]
    Virtual,
}

impl Form {
    /// The word for one of them.
    pub fn noun(self) -> &'static str {
        match self {
            Form::Container => "container",
            Form::Virtual => "virtual machine",
        }
    }
}

/// How a container gets Pacemaker's authentication key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Authkey {
    /// The host's /etc/pacemaker, bound read-only.
    Bind,
    /// A copy in each container's own /etc/pacemaker.
    Copy,
}

/// Fails for a number out of bounds; `option` names it in the error, and `unit` follows the bounds.
pub(crate) fn bounds(option: &str, value: u32, least: u32, most: u32, unit: &str) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{option} {value} is out of bounds: {least} to {most}{unit}"
    )))
}
