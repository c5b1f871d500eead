use super::*;
use std::collections::HashSet;

/// A lab as on a merged-/usr Debian host.
pub(crate) fn sample(cluster_nodes: u32, remote_nodes: u32) -> Lab {
    let set = crate::plan::tests::sample(1);
    Lab {
        version: VERSION,
        spec: LabSpec {
            cluster_nodes,
            remote_nodes,
            ..LabSpec::default()
        },
        dir: "/var/lib/lxc-autogen-lab-lab".into(),
        subnet: Subnet::parse("172.31.200.1", 100).unwrap(),
        link1: None,
        ipv6: None,
        seed: "0123".into(),
        layout: set.layout,
        remoted: set.remoted,
        emulator: set.emulator,
        mask_sysrq: true,
        tun: false,
        schema: "pacemaker-3.9".into(),
        remoted_environment: set.environment,
        packages: None,
        vm: Default::default(),
        pcsd: false,
        sysconfig: false,
        no_remote_unit: false,
    }
}

/// The same lab with two links.
pub(crate) fn with_two_links(cluster_nodes: u32, remote_nodes: u32) -> Lab {
    let mut lab = sample(cluster_nodes, remote_nodes);
    lab.spec.links = 2;
    lab.link1 = Some(Subnet::parse("172.31.201.1", 32).unwrap());
    lab
}

/// The same lab with a quorum device.
pub(crate) fn with_qnetd(cluster_nodes: u32, remote_nodes: u32) -> Lab {
    let mut lab = sample(cluster_nodes, remote_nodes);
    lab.spec.qnetd = true;
    lab
}

#[test]
fn the_qnetd_node_is_no_member_and_moves_nobody() {
    let lab = with_qnetd(32, 1);
    let device = lab.qnetd_node().unwrap();
    assert_eq!(device.name, "lab-qnetd");
    assert_eq!(device.address.to_string(), "172.31.200.50");
    assert_eq!(lab.members(), sample(32, 1).nodes());
    assert_eq!(lab.nodes()[33..], [device]);
    assert_eq!(lab.systems().len(), 33);
    for (lab, addresses) in [
        (with_qnetd(2, 0), 40),
        (with_qnetd(2, 1), 41),
        (sample(2, 0), 2),
    ] {
        assert_eq!(Lab::addresses_needed(&lab.spec), addresses);
    }
}

#[test]
fn cluster_nodes_have_an_address_on_each_link_and_remote_nodes_one() {
    let lab = with_two_links(2, 1);
    let second: Vec<Option<String>> = lab
        .nodes()
        .iter()
        .map(|n| n.link1.map(|a| a.to_string()))
        .collect();
    let is = |a: &str| Some(a.to_owned());
    assert_eq!(second, [is("172.31.201.11"), is("172.31.201.12"), None]);
}

#[test]
fn nodes_have_names_and_addresses_of_their_own_and_keep_them() {
    let lab = sample(16, 100);
    let nodes = lab.nodes();
    let distinct: HashSet<_> = nodes
        .iter()
        .flat_map(|n| {
            [
                n.name.clone(),
                n.mac.clone(),
                n.uuid.clone(),
                n.address.to_string(),
            ]
        })
        .collect();
    assert_eq!(distinct.len(), 4 * 116);
    assert_eq!(nodes[0].name, "lab-node1");
    assert_eq!(nodes[0].address.to_string(), "172.31.200.11");
    assert_eq!(nodes[16].name, "lab-remote1");
    let larger = sample(17, 101);
    assert_eq!(larger.cluster_nodes()[..16], nodes[..16]);
    assert_eq!(larger.remote_nodes()[..100], nodes[16..]);
}

#[test]
fn a_lab_survives_its_file() {
    let lab = sample(3, 2);
    let text = serde_json::to_string(&lab).unwrap();
    assert_eq!(Lab::from_json(&text, FILE).unwrap(), lab);
    assert!(Lab::from_json(&text.replace("\"version\":1", "\"version\":9"), FILE).is_err());
}
