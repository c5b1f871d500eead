//! Nodes that are virtual machines: how many, and what they cannot have.

use super::{LabSpec, MOST_CLUSTER_NODES, MOST_REMOTE_NODES};
use crate::error::{Error, Result};
use crate::spec::{LEAST_MEMORY_MIB, MOST_CPUS, bounds};

impl LabSpec {
    /// Whether some nodes are virtual machines.
    pub fn has_vms(&self) -> bool {
        self.cluster_vms > 0 || self.remote_vms > 0
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
    bounds("--vm-cpus", spec.vm_cpus, 1, MOST_CPUS, "")?;
    if let Some(mib) = spec.vm_memory_mib {
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
        return Ok(());
    }
    let takes = |what: &str, mend: &str| {
        let why = format!("nodes that are virtual machines (--cluster-vms, --remote-vms) {what}");
        Err(Error::usage(why).mend(mend))
    };
    match spec {
        _ if spec.containers > 0 && spec.cluster_vms > 0 => takes(
            "have no guest nodes in them: all cluster nodes share the guest nodes' files, by this host's file system",
            "--containers 0; or containers for cluster nodes, and --remote-vms",
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_can_be_of_virtual_machines_alone_but_for_guest_nodes() {
        let only = LabSpec {
            cluster_nodes: 0,
            cluster_vms: 3,
            containers: 0,
            ..LabSpec::default()
        };
        only.check().unwrap();
        let said = |spec: LabSpec| spec.check().unwrap_err().to_string();
        let guests = said(LabSpec {
            containers: 1,
            ..only.clone()
        });
        assert!(guests.contains("no guest nodes"), "{guests}");
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
            vm_memory_mib: Some(64),
            ..only
        });
        assert!(small.contains("--vm-memory"), "{small}");
    }
}
