//! What a lab is to be, complete and checked.

use crate::error::{Error, Result};
use crate::spec::{Subnet, bounds};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Corosync is made for about this many ("about 32", corosync-qdevice and RHEL's support limits).
pub const MOST_CLUSTER_NODES: u32 = 32;
/// What is left in a /16 is enough for more; nobody has tried.
pub const MOST_REMOTE_NODES: u32 = 1000;
/// Guest nodes of one lab.
pub const MOST_CONTAINERS: u32 = 1000;
/// `lab-NAME` is the name of a bridge, and that of an interface has 15 characters at most.
const LONGEST_NAME: usize = 11;

/// What is wanted. Kept in the lab's directory, so that later commands need not be told again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabSpec {
    /// The lab's name; its nodes are NAME-node1 …, NAME-remote1 ….
    pub name: String,
    /// Number of cluster nodes.
    pub cluster_nodes: u32,
    /// Number of remote nodes.
    pub remote_nodes: u32,
    /// Number of guest nodes.
    pub containers: u32,
    /// The subnet asked for, or `None` for the first free one.
    pub subnet: Option<Subnet>,
    /// Whether nodes are fenced.
    pub fencing: bool,
    /// Whether sshd runs in the cluster nodes.
    pub ssh: bool,
    /// Memory limit of a cluster node, MiB.
    pub memory_mib: u32,
    /// Memory limit of a guest or remote node, MiB.
    pub guest_memory_mib: u32,
    /// Directories of the host that cluster nodes see at the same place, read-only.
    pub share: Vec<PathBuf>,
    /// Another tree whose /usr the nodes use.
    pub base: Option<PathBuf>,
    /// A pacemaker-remoted given by hand.
    pub remoted: Option<PathBuf>,
}

impl Default for LabSpec {
    fn default() -> Self {
        LabSpec {
            name: "lab".to_owned(),
            cluster_nodes: 3,
            remote_nodes: 0,
            containers: 2,
            subnet: None,
            fencing: true,
            ssh: false,
            memory_mib: 2048,
            guest_memory_mib: 196,
            share: Vec::new(),
            base: None,
            remoted: None,
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

/// What is the kernel's or comes from the base tree, with all that is below.
const TAKEN: &[&str] = &["/dev", "/etc", "/proc", "/run", "/sys", "/usr"];
/// Directories of a node's own, below which there is room.
const NODES_OWN: &[&str] = &[
    "/", "/home", "/root", "/tmp", "/var", "/var/lib", "/var/log", "/var/tmp",
];

fn sharable(path: &Path) -> Result<()> {
    let bad = |why: &str| Err(Error::usage(format!("--share {}: {why}", path.display())));
    let plain = path.to_str().is_some_and(|text| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-+@:".contains(&b))
    });
    if !plain {
        return bad("only letters, digits and /._-+@: can stand in it");
    }
    let taken = TAKEN.iter().any(|own| path.starts_with(own));
    if taken || NODES_OWN.iter().any(|own| path == Path::new(own)) {
        return bad("nodes have a directory of their own there");
    }
    if !path.is_dir() {
        return bad("there is no such directory");
    }
    Ok(())
}

impl LabSpec {
    /// Refuses what cannot be.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] with the option and its bounds.
    pub fn check(&self) -> Result<()> {
        valid_name(&self.name)?;
        bounds(
            "--cluster-nodes",
            self.cluster_nodes,
            1,
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
        bounds("--memory", self.memory_mib, 256, 1 << 20, " MiB")?;
        bounds("--guest-memory", self.guest_memory_mib, 16, 1 << 20, " MiB")?;
        self.share.iter().try_for_each(|path| sharable(path))?;
        if let Some(subnet) = &self.subnet {
            subnet.check_holds(super::Lab::addresses_needed(self))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_and_cannot_be() {
        for good in ["lab", "a", "qa-2", "elevenchars"] {
            assert!(valid_name(good).is_ok(), "{good}");
        }
        for bad in ["", "Lab", "1a", "a_b", "a/b", "lab-", "twelve-chars"] {
            assert!(valid_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn numbers_out_of_bounds_are_usage_errors() {
        for spec in [
            LabSpec {
                cluster_nodes: 0,
                ..LabSpec::default()
            },
            LabSpec {
                cluster_nodes: 33,
                ..LabSpec::default()
            },
            LabSpec {
                memory_mib: 1,
                ..LabSpec::default()
            },
        ] {
            assert_eq!(spec.check().unwrap_err().kind, crate::error::Kind::Usage);
        }
        LabSpec::default().check().unwrap();
    }
}
