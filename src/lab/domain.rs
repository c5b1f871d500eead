//! The blueprints of the domains of a lab's nodes, as data.

use super::{GUESTS, GUESTS_DIR, Init, Lab, PROGRAMS, Root, SYSTEM, config, shared_disk, shown};
use crate::checks::virtual_host::TUN;
use crate::libvirt::qemu::EMULATOR;
use crate::plan::{Blueprint, Card, Form, Kind, Machine, Mount, PROGRAMS_AT, Privileges};
use std::path::Path;

/// Size of /dev/shm of a cluster node, MiB: corosync's blackbox takes 8 MiB, each client of
/// corosync 3, and each client of Pacemaker half of one; every guest is such a client.
const SHM_MIB: u32 = 512;
/// Size of /run of a cluster node, MiB.
const RUN_MIB: u32 = 64;
/// Size of /dev/shm of a remote node, MiB, the same as of a guest.
const REMOTE_SHM_MIB: u32 = 147;

/// The blueprint of a node.
pub fn blueprint(lab: &Lab, node: &Machine) -> Blueprint {
    let of_kind = match lab.has_init(node) {
        true => system,
        false => remoted,
    };
    let mut blueprint = of_kind(lab, node);
    if lab.mask_sysrq {
        blueprint.mounts.push(Mount::NoSysrq);
    }
    blueprint
}

fn system(lab: &Lab, node: &Machine) -> Blueprint {
    let is_cluster = node.kind == Kind::Cluster;
    let is_container = node.form == Form::Container;
    let programs = Mount::read_only(&lab.path(PROGRAMS), Path::new(PROGRAMS_AT));
    let guests = (is_cluster && (is_container || lab.spec.vms.with_guests)).then(|| Mount::Host {
        source: lab.path(GUESTS),
        target: GUESTS_DIR.into(),
        read_only: false,
        live: true,
    });
    let mut mounts: Vec<Mount> = [programs].into_iter().chain(guests).collect();
    mounts.extend(shown::mounts(lab, node.kind));
    let mut layout = lab.layout.clone();
    if lab.spec.root == Root::Full {
        layout = layout.without_etc();
        let shared = Path::new(config::SYSTEM_IN_NODE);
        mounts.push(Mount::read_only(&lab.path(SYSTEM), shared));
        let databases = layout.databases.iter();
        let at = |path: &String| Path::new("/").join(path);
        mounts.extend(databases.map(|d| Mount::read_only(&layout.base.join(d), &at(d))));
    }
    let shm = if is_cluster { SHM_MIB } else { REMOTE_SHM_MIB };
    mounts.extend([memory(RUN_MIB, "/run"), memory(shm, "/dev/shm")]);
    let disks = if is_cluster {
        shared_disk::of(lab)
    } else {
        Vec::new()
    };
    let init = ["/opt/lxc-autogen/lxc-autogen", "node-init"].into_iter();
    let init = init.chain((!is_container).then_some("--machine"));
    Blueprint {
        init: init.map(str::to_owned).collect(),
        environment: Vec::new(),
        privileges: if lab.spec.init == Init::Systemd {
            Privileges::Restarting
        } else {
            Privileges::Nesting
        },
        mounts,
        disks: (disks.into_iter())
            .map(|disk| (disk.link(), disk.name))
            .collect(),
        devices: match (is_cluster && is_container, lab.tun) {
            // For the meminfo that a nested libvirt shows its containers by way of FUSE.
            (true, false) => &["/dev/fuse"],
            (true, true) => &["/dev/fuse", TUN],
            (false, _) => &[],
        },
        disk_mib: (lab.spec.disk_mib > 0).then_some(lab.spec.disk_mib),
        layout,
        ..remoted(lab, node)
    }
}

fn remoted(lab: &Lab, node: &Machine) -> Blueprint {
    let source = lab.remoted.bind_source().into_iter();
    let mut mounts: Vec<Mount> = source
        .map(|source| Mount::read_only(source, lab.remoted.inside()))
        .collect();
    mounts.extend(shown::mounts(lab, node.kind));
    mounts.extend([memory(REMOTE_SHM_MIB, "/dev/shm"), Mount::NoGroups]);
    Blueprint {
        machine: node.clone(),
        state_dir: lab.dir.clone(),
        directory: lab.path(&node.name),
        disk_mib: None,
        layout: lab.layout.clone(),
        init: vec![lab.remoted.inside().display().to_string()],
        environment: (lab.remoted_environment.iter().cloned())
            .chain(config::given(lab))
            .collect(),
        privileges: Privileges::Least,
        emulator: match node.form {
            Form::Container => lab.emulator.clone(),
            Form::Virtual => EMULATOR.into(),
        },
        mounts,
        cards: cards(lab, node),
        disks: Vec::new(),
        devices: &[],
        vm: lab.vm.clone(),
    }
}

fn memory(mib: u32, target: &'static str) -> Mount {
    Mount::Memory { mib, target }
}

/// A card for each link that the node has an address on.
fn cards(lab: &Lab, node: &Machine) -> Vec<Card> {
    let links = lab.links();
    let first = Card::first(&lab.network(), node.address, &lab.subnet);
    let second = links.get(1).zip(node.link1);
    let second = second.map(|(link, own)| Card::another(&link.name, own, &link.subnet));
    let ipv6 = node.ipv6.iter().copied().map(Some);
    let ipv6 = ipv6.chain(std::iter::repeat(None));
    let all = [first].into_iter().chain(second).zip(ipv6);
    all.map(|(card, ipv6)| Card { ipv6, ..card }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Init;
    use crate::lab::tests::{sample, with_two_links};
    use crate::libvirt::container;
    use crate::xml::El;

    /// Element for element as 0.1.0 prints them (`lab up --dry-run`), compared once by hand.
    #[test]
    fn the_domains_of_a_lab_to_the_letter() {
        let mut lab = sample(1, 1);
        lab.spec.share = vec!["/srv/data".parse().unwrap()];
        // There were none.
        lab.spec.disk_mib = 0;
        let texts = [
            include_str!("../libvirt/testdata/cluster-node.xml"),
            include_str!("../libvirt/testdata/remote-node.xml"),
        ];
        for (node, text) in lab.nodes().iter().zip(texts) {
            assert_eq!(container::domain(&blueprint(&lab, node)).render(), text);
        }
    }

    #[test]
    fn a_cluster_node_has_a_disk_and_a_remote_node_a_directory() {
        let lab = sample(1, 1);
        let roots: Vec<String> = lab
            .nodes()
            .iter()
            .filter_map(|node| {
                let xml = container::domain(&blueprint(&lab, node));
                xml.all("filesystem").first().map(|root| root.render())
            })
            .collect();
        let disk = "<filesystem type=\"file\" accessmode=\"passthrough\">\n  \
                    <driver type=\"loop\" format=\"raw\"/>\n  \
                    <source file=\"/var/lib/lxc-autogen-lab-lab/lab-node1/disk.ext4\"/>\n  \
                    <target dir=\"/\"/>\n</filesystem>\n";
        assert_eq!(roots[0], disk);
        assert!(roots[1].contains("lab-remote1/rootfs"), "{}", roots[1]);
    }

    #[test]
    fn a_remote_machine_is_like_a_cluster_node_without_guests_and_shared_disks() {
        let mut lab = sample(1, 1);
        lab.spec.init = Init::Systemd;
        lab.spec.shared_disks_mib = vec![64];
        let nodes = lab.nodes();
        let [cluster, remote] = [&nodes[0], &nodes[1]].map(|node| blueprint(&lab, node));
        assert_eq!(cluster.init, remote.init);
        assert_eq!(cluster.disk_mib, remote.disk_mib);
        assert_eq!(nodes[0].memory_mib, nodes[1].memory_mib);
        assert_eq!((cluster.disks.len(), remote.disks.len()), (1, 0));
        assert_eq!((cluster.devices.len(), remote.devices.len()), (1, 0));
        let xml = container::domain(&remote).render();
        assert!(!xml.contains(GUESTS_DIR), "{xml}");
    }

    #[test]
    fn only_a_cluster_node_has_a_card_on_the_second_link_and_its_way_out_is_the_first() {
        let mut lab = with_two_links(1, 1);
        let interfaces: Vec<Vec<String>> = lab
            .nodes()
            .iter()
            .map(|node| {
                let xml = container::domain(&blueprint(&lab, node));
                let all = xml.all("interface").into_iter();
                all.map(El::render).collect()
            })
            .collect();
        assert_eq!(interfaces[0].len(), 2);
        assert_eq!(interfaces[1].len(), 1);
        let second = "<interface type=\"bridge\">\n  <mac address=\"52:54:ac:1f:c9:0b\"/>\n  \
                      <source bridge=\"lk1-lab\"/>\n  \
                      <ip address=\"172.31.201.11\" family=\"ipv4\" prefix=\"24\"/>\n  \
                      <link state=\"up\"/>\n</interface>\n";
        assert_eq!(interfaces[0][1], second);
        assert!(interfaces[0][0].contains("gateway=\"172.31.200.1\""));
        lab.ipv6 = Some("fd6c:1::".parse().unwrap());
        for (kind, on) in [(0, 2), (1, 1)] {
            let xml = container::domain(&blueprint(&lab, &lab.nodes()[kind]));
            let text = xml.find("devices").unwrap().render();
            assert_eq!(text.matches("family=\"ipv6\" prefix=\"64\"").count(), on);
        }
    }

    /// It mounts what its own disk says, which is written once.
    #[test]
    fn a_virtual_machine_keeps_its_place_for_guests_when_the_last_has_gone() {
        let mut lab = sample(0, 0);
        (lab.spec.cluster_vms, lab.spec.vms.with_guests) = (1, true);
        let node = lab.cluster_nodes().pop().unwrap();
        let before = blueprint(&lab, &node);
        assert_eq!(before.live()[0].source, lab.path(GUESTS));
        lab.spec.containers = 0;
        assert_eq!(blueprint(&lab, &node), before);
    }

    #[test]
    fn no_node_can_hurt_the_host() {
        let lab = sample(1, 1);
        for node in lab.nodes() {
            let xml = container::domain(&blueprint(&lab, &node));
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
