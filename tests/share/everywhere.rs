//! The same on every node; containers that run and fail over anywhere; any node leads.

use crate::Test;
use crate::golden::as_0_1_0_wrote_it;
use crate::three::{NODES, Three};
use crate::world::{root_of, tool, until};
use std::collections::BTreeSet;

pub const TESTS: &[Test] = &[
    ("made_on_all_nodes_led_by_any", made_on_all_nodes_led_by_any),
    ("the_leader_dies_for_good", the_leader_dies_for_good),
];

/// What was started ahead of the cluster, which then wants it elsewhere, must not run twice.
fn kept_off_by_a_constraint(three: &Three) {
    let here = three.lab.node("node1");
    let constraint = format!(
        r#"<rsc_location id="off" rsc-pattern="^container" node="{here}" score="-INFINITY"/>"#
    );
    let file = root_of(&here).join("root/off.xml");
    std::fs::write(&file, constraint).unwrap();
    three.ok(
        "node1",
        "cibadmin --create --scope constraints --xml-file /root/off.xml",
    );
    three
        .lxa("node1", "up -s -c 2")
        .exits(0)
        .complains("are ended here: lxc1, lxc2");
    three.await_guests("node1", 1, "lxc1 lxc2");
    let on = three.lab.runs_on("node1", "container1");
    assert!(on.len() == 1 && on[0] != here, "{on:?}");
    let running = three.ok("node1", "virsh -q -c lxc:/// list --name");
    assert_eq!(running.trim(), "");
    three.lxa("node1", "cleanup").exits(0);
    three.ok(
        "node1",
        "cibadmin --delete --scope constraints --xml-file /root/off.xml",
    );
    std::fs::remove_file(&file).unwrap();
    three.is_as_before();
}

fn made_on_all_nodes_led_by_any() {
    let three = Three::up();
    three.lxa("node1", "up -s -A -c 6").exits(0);
    three.await_guests("node1", 1, "lxc1 lxc2 lxc3 lxc4 lxc5 lxc6");
    let homes: BTreeSet<String> = (1..=6)
        .flat_map(|n| three.lab.runs_on("node1", &format!("container{n}")))
        .collect();
    assert_eq!(homes.len(), 3, "free to run anywhere: {homes:?}");

    // Names, addresses, MACs and uuids are the same, and so is the key.
    for file in [
        "/var/lib/lxc-autogen/lxc3/domain.xml",
        "/etc/pacemaker/authkey",
    ] {
        let sums: BTreeSet<String> = NODES
            .iter()
            .map(|node| three.ok(node, &format!("sha256sum {file}")))
            .collect();
        assert_eq!(sums.len(), 1, "{file}: {sums:?}");
    }

    // status works from any node, and knows the domains of all.
    for node in NODES {
        let table = three.lxa(node, "status").exits(0).out;
        assert!(table.contains("6 nodes: 6 running, 6 online"), "{table}");
        for home in &homes {
            assert!(table.contains(home.as_str()), "{table}");
        }
    }

    // Another node leads growth, and a third one the way back.
    three.lxa("node2", "up -c 8").exits(0);
    three.await_guests("node2", 1, "lxc1 lxc2 lxc3 lxc4 lxc5 lxc6 lxc7 lxc8");
    assert!(
        three
            .ok("node3", "ls /var/lib/lxc-autogen")
            .contains("lxc8")
    );
    three.lxa("node3", "up -c 3").exits(0);
    three.await_guests("node3", 1, "lxc1 lxc2 lxc3");
    // One out of the middle, gone everywhere and back again.
    three.lxa("node1", "remove lxc2").exits(0);
    three.await_guests("node1", 1, "lxc1 lxc3");
    for node in NODES {
        let files = three.ok(node, "ls /var/lib/lxc-autogen");
        assert!(!files.contains("lxc2"), "{node}: {files}");
    }
    three.lxa("node2", "up -c 2 --enable lxc2").exits(0);
    three.await_guests("node3", 1, "lxc1 lxc2");
    for node in NODES {
        let files = three.ok(node, "ls /var/lib/lxc-autogen");
        assert!(
            files.contains("lxc2") && !files.contains("lxc3"),
            "{node}: {files}"
        );
    }

    // A guest that moves finds everything there.
    let home = three.lab.runs_on("node1", "container1")[0].clone();
    three.ok(
        "node1",
        &format!("crm_resource --ban --resource container1 --node {home}"),
    );
    until("container1 has moved", 60, || {
        let on = three.lab.runs_on("node1", "container1");
        on.len() == 1 && on[0] != home
    });
    three.await_guests("node1", 60, "lxc1 lxc2");
    three.ok("node1", "crm_resource --clear --resource container1");

    // What version 0.1.0 wrote of other nodes is undone, too.
    for node in NODES {
        let root = root_of(&three.name(node));
        let journal = root.join("var/lib/lxc-autogen/journal.jsonl");
        let kinds = as_0_1_0_wrote_it(&journal);
        assert!(kinds.iter().any(|kind| kind == "peer"), "{node}: {kinds:?}");
    }
    three.lxa("node2", "cleanup").exits(0);
    three.is_as_before();
    three
        .lxa("node2", "cleanup -s")
        .exits(0)
        .complains("nothing to clean up");

    kept_off_by_a_constraint(&three);

    // The others: key and agent.
    the_key_and_the_agent(&three);
    three.lab.down();
}

fn the_key_and_the_agent(three: &Three) {
    let keys = || -> BTreeSet<String> {
        let sum = |node: &&str| three.ok(node, "sha256sum /etc/pacemaker/authkey");
        NODES.iter().map(sum).collect()
    };
    let was = keys();
    assert_eq!(was.len(), 1);
    NODES.iter().for_each(|node| {
        three.ok(node, "mv /etc/pacemaker/authkey /etc/pacemaker/labs");
    });
    three.lxa("node3", "key-gen -s").exits(0);
    let made = keys();
    assert!(made.len() == 1 && made != was, "{made:?}");
    three.lxa("node1", "cleanup").exits(0);
    for node in NODES {
        let left = three.ok(node, "ls /etc/pacemaker");
        assert_eq!(left.trim(), "labs", "{node}");
        three.ok(node, "mv /etc/pacemaker/labs /etc/pacemaker/authkey");
        three.node_is_as_before(node);
    }
    // /usr is read-only in a lab's nodes: refused on each, and put back.
    let agent = "file:///usr/lib/ocf/resource.d/heartbeat/VirtualDomain";
    three
        .lxa("node1", &format!("-d -s --agent-url {agent}"))
        .exits(1)
        .complains("Read-only");
    three.is_as_before();
}

/// Fenced, and kept off: its guests come up elsewhere, and any other node takes everything away.
/// Once it is back, any node finishes.
fn the_leader_dies_for_good() {
    let three = Three::up();
    three.lxa("node1", "up -s -c 6").exits(0);
    assert_eq!(
        three.lab.runs_on("node2", "container1"),
        [three.name("node1")],
        "the leader is preferred"
    );
    three.ok(
        "node2",
        "crm_attribute -t crm_config -n stonith-action -v off",
    );
    tool("virsh -c lxc:/// destroy lab-node1");
    let guests = "lxc1 lxc2 lxc3 lxc4 lxc5 lxc6";
    three
        .lab
        .await_online("node2", 90, &format!("node2 node3 {guests}"));

    let gone = three.name("node1");
    three.lxa("node2", "cleanup").exits(4).complains(&format!(
        "what is on node {gone}: {gone}: ssh does not get there"
    ));
    for node in ["node2", "node3"] {
        assert_eq!(
            three.ok(node, "virsh -c lxc:/// list --all --name").trim(),
            ""
        );
        assert!(
            !three
                .ok(node, "virsh -c lxc:/// net-list --all --name")
                .contains("lxc")
        );
        let files = three.ok(node, "ls /var/lib/lxc-autogen");
        assert_eq!(
            files.split_whitespace().collect::<Vec<_>>(),
            ["journal.jsonl", "lock", "set.json"]
        );
    }
    let cib = three.ok("node2", "cibadmin --query --scope configuration");
    assert!(
        !cib.contains("lxc1") && !cib.contains("container1"),
        "{cib}"
    );

    // Back again; it has the files still.
    three.ok("node2", "crm_attribute -t crm_config -n stonith-action -D");
    three.lab.change("").exits(0);
    three.lab.await_online("node3", 60, "node1 node2 node3");
    assert!(
        three
            .ok("node1", "ls /var/lib/lxc-autogen")
            .contains("lxc1")
    );
    three.lxa("node3", "cleanup").exits(0);
    three.node_is_as_before("node2");
    three.node_is_as_before("node3");
    for place in ["/var/lib", "/etc/libvirt"] {
        let left = three.ok("node1", &format!("find {place} -name *lxc-autogen"));
        assert_eq!(left.trim(), "", "left on node1");
    }
    three.lab.down();
}
