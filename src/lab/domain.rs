//! Domain and network XML of a lab.

use super::{GUESTS, GUESTS_DIR, Lab, PROGRAMS};
use crate::libvirt::container::{
    Card, Container, Privileges, bind, covered_groups, in_memory, masked_sysrq, read_only,
};
use crate::libvirt::domain::root_and_trees;
use crate::libvirt::network::{self, Network};
use crate::plan::{Kind, Machine};
use crate::spec::Forward;
use crate::xml::El;
use std::path::Path;

/// /dev/shm of a cluster node: 8 MiB for corosync's blackbox, 3 for each of its clients, and half
/// of one for each client of Pacemaker, of which every guest is one.
const SHM_MIB: u32 = 512;
/// /run of a cluster node.
const RUN_MIB: u32 = 64;
/// /dev/shm of a remote node, as a guest's.
const REMOTE_SHM_MIB: u32 = 147;

/// The domain of a node.
pub fn domain(lab: &Lab, node: &Machine) -> El {
    let network = lab.network();
    let cluster = node.kind == Kind::Cluster;
    let init = if cluster {
        vec![
            "/opt/lxc-autogen/lxc-autogen".to_owned(),
            "node-init".to_owned(),
        ]
    } else {
        vec![lab.remoted.inside().display().to_string()]
    };
    let environment: &[(String, String)] = if cluster {
        &[]
    } else {
        &lab.remoted_environment
    };
    Container {
        name: &node.name,
        uuid: &node.uuid,
        state_dir: &lab.dir,
        memory_mib: if cluster {
            lab.spec.memory_mib
        } else {
            lab.spec.guest_memory_mib
        },
        init,
        environment,
        privileges: if cluster {
            Privileges::Nesting
        } else {
            Privileges::Least
        },
        emulator: &lab.emulator,
        filesystems: filesystems(lab, node),
        card: Card {
            bridge: &network,
            mac: &node.mac,
            address: node.address,
            subnet: &lab.subnet,
            host_side: None,
        },
        // For the meminfo that a nested libvirt shows its containers by way of FUSE.
        devices: if cluster { &["/dev/fuse"] } else { &[] },
    }
    .domain()
}

fn filesystems(lab: &Lab, node: &Machine) -> Vec<El> {
    let mut all = root_and_trees(&lab.path(&node.name).join("rootfs"), &lab.layout);
    match node.kind {
        Kind::Cluster => {
            all.push(read_only(
                &lab.path(PROGRAMS),
                Path::new("/opt/lxc-autogen"),
            ));
            all.push(bind(&lab.path(GUESTS), Path::new(GUESTS_DIR)));
            all.extend(lab.spec.share.iter().map(|path| read_only(path, path)));
            all.push(in_memory(RUN_MIB, "/run"));
            all.push(in_memory(SHM_MIB, "/dev/shm"));
        }
        Kind::Remote | Kind::Guest => {
            if let Some(remoted) = lab.remoted.bind_source() {
                all.push(read_only(remoted, lab.remoted.inside()));
            }
            all.push(in_memory(REMOTE_SHM_MIB, "/dev/shm"));
            all.push(covered_groups());
        }
    }
    all.extend(lab.mask_sysrq.then(masked_sysrq));
    all
}

/// The lab's network. Isolated ones would need firewall rules; this one only has no way out.
pub fn network(lab: &Lab) -> El {
    network::of(&Network {
        name: &lab.network(),
        uuid: &lab.network_uuid(),
        state_dir: &lab.dir,
        forward: Forward::Open,
        subnet: &lab.subnet,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::sample;

    #[test]
    fn no_node_can_hurt_the_host() {
        let lab = sample(1, 1);
        for node in lab.nodes() {
            let xml = domain(&lab, &node);
            assert_eq!(xml.all("sys_boot")[0].get("state"), Some("off"));
            assert_eq!(xml.all("sys_module")[0].get("state"), Some("off"));
            let masked = |f: &&El| {
                f.find("target").and_then(|t| t.get("dir")) == Some("/proc/sysrq-trigger")
            };
            assert_eq!(xml.all("filesystem").into_iter().filter(masked).count(), 1);
            let writable: Vec<&str> = xml
                .all("filesystem")
                .into_iter()
                .filter(|f| f.get("type") == Some("mount") && f.find("readonly").is_none())
                .filter_map(|f| f.find("source")?.get("dir"))
                .collect();
            assert!(
                writable
                    .iter()
                    .all(|w| *w == "/dev/null" || w.starts_with("/var/lib/lxc-autogen-lab-lab/")),
                "{writable:?}"
            );
        }
    }
}
