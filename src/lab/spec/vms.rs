//! Nodes that are virtual machines: how many, and what they cannot have.

use super::{LabSpec, MOST_CLUSTER_NODES, MOST_REMOTE_NODES};
use crate::boot::Choice;
use crate::error::{Error, Result};
use crate::plan::{Board, Usr, Watchdog};
use crate::spec::{Flavour, LEAST_MEMORY_MIB, MOST_CPUS, bounds};
use serde::{Deserialize, Serialize};

/// How a lab's virtual machines are built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vms {
    /// Memory, MiB, where it is not the usual.
    pub memory_mib: Option<u32>,
    /// Number of processors.
    pub cpus: u32,
    /// The kernel.
    pub kernel: Choice,
    /// The board.
    pub board: Board,
    /// The watchdog, if any.
    pub watchdog: Option<Watchdog>,
    /// What their /usr is.
    pub usr: Usr,
    /// Whether cluster nodes among them have the place for guest nodes' files, which they are made with:
    /// it stays when the last guest node goes.
    #[serde(default)]
    pub with_guests: bool,
}

impl Default for Vms {
    fn default() -> Self {
        Vms {
            memory_mib: None,
            cpus: 1,
            kernel: Choice::default(),
            board: Board::default(),
            watchdog: None,
            usr: Usr::default(),
            with_guests: false,
        }
    }
}

impl LabSpec {
    /// Whether some nodes are virtual machines.
    pub fn has_vms(&self) -> bool {
        self.cluster_vms > 0 || self.remote_vms > 0
    }

    /// Whether a virtual machine sees a directory of this host live.
    pub fn sees_live(&self) -> bool {
        let is_shown = !self.share.is_empty() || !self.agents.is_empty() || self.overlay.is_some();
        let has_guests = self.cluster_vms > 0 && self.vms.with_guests;
        self.has_vms() && (is_shown || has_guests || self.vms.usr == Usr::Virtiofs)
    }

    /// How many nodes are in the cluster itself.
    pub fn all_cluster_nodes(&self) -> u32 {
        self.cluster_nodes + self.cluster_vms
    }

    /// How many remote nodes there are.
    pub fn all_remote_nodes(&self) -> u32 {
        self.remote_nodes + self.remote_vms
    }
}

/// Refuses numbers out of their bounds, and what takes containers.
///
/// # Errors
/// A usage error with the option.
pub(super) fn check(spec: &LabSpec) -> Result<()> {
    bounds("--cluster-vms", spec.cluster_vms, 0, MOST_CLUSTER_NODES, "")?;
    bounds("--remote-vms", spec.remote_vms, 0, MOST_REMOTE_NODES, "")?;
    bounds("--vm-cpus", spec.vms.cpus, 1, MOST_CPUS, "")?;
    if let Some(mib) = spec.vms.memory_mib {
        bounds("--vm-memory", mib, LEAST_MEMORY_MIB, 1 << 20, " MiB")?;
    }
    let all = spec.all_cluster_nodes();
    if all > MOST_CLUSTER_NODES {
        let why = format!(
            "--cluster-nodes and --cluster-vms are {all} cluster nodes, and {MOST_CLUSTER_NODES} are the most"
        );
        return Err(
            Error::usage(why).mend("make some of them remote nodes: --remote-nodes, --remote-vms")
        );
    }
    if !spec.has_vms() {
        let mut watchdog = spec.vms.watchdog.map(|it| it.name()).into_iter();
        return watchdog.try_for_each(|it| Err(no_vm(it)));
    }
    let cloud = Choice::Newest(Flavour::Cloud);
    if spec.vms.watchdog == Some(Watchdog::I6300esb) && spec.vms.kernel == cloud {
        let why = "--watchdog i6300esb: the kernel for clouds has no driver for it";
        return Err(Error::usage(why).mend("--kernel generic has; or --watchdog softdog"));
    }
    Ok(())
}

fn no_vm(watchdog: &str) -> Error {
    let why = format!("--watchdog {watchdog} is for virtual machines, and the lab has none");
    Error::usage(why).mend("leave it out, or add --cluster-vms or --remote-vms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_can_be_of_virtual_machines_alone() {
        let only = LabSpec {
            cluster_nodes: 0,
            cluster_vms: 3,
            containers: 0,
            ..LabSpec::default()
        };
        only.check().unwrap();
        let said = |spec: LabSpec| spec.check().unwrap_err().to_string();
        let none = said(LabSpec {
            cluster_vms: 0,
            ..only.clone()
        });
        assert!(none.contains("--cluster-nodes"), "{none}");
        let many = said(LabSpec {
            cluster_nodes: 30,
            ..only.clone()
        });
        assert!(
            many.contains("33 cluster nodes, and 32 are the most"),
            "{many}"
        );
        let small = said(LabSpec {
            vms: Vms {
                memory_mib: Some(64),
                ..Vms::default()
            },
            ..only.clone()
        });
        assert!(small.contains("--vm-memory"), "{small}");
        let watched = |watchdog, kernel: &str, cluster_vms| LabSpec {
            vms: Vms {
                watchdog: Some(watchdog),
                kernel: kernel.parse().unwrap(),
                ..Vms::default()
            },
            cluster_vms,
            cluster_nodes: 1,
            ..only.clone()
        };
        watched(Watchdog::Softdog, "cloud", 1).check().unwrap();
        watched(Watchdog::I6300esb, "generic", 1).check().unwrap();
        let cloud = said(watched(Watchdog::I6300esb, "cloud", 1));
        assert!(cloud.contains("--kernel generic"), "{cloud}");
        let none = said(watched(Watchdog::Softdog, "cloud", 0));
        assert!(none.contains("the lab has none"), "{none}");
    }
}
