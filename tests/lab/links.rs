//! Cluster nodes with two links, of which corosync needs one, each with an IPv6 address, too.

use crate::Test;
use crate::ipv6;
use crate::lab::Lab;
use crate::schema::conforms;
use crate::world::{lxa, run, tool, until};

pub const TESTS: &[Test] = &[("a_cluster_outlives_a_link", a_cluster_outlives_a_link)];
pub const LONG: &[Test] = &[("two_links_by_pcs", two_links_by_pcs)];

fn a_cluster_outlives_a_link() {
    for number in ["0", "3"] {
        let said = lxa(&format!("lab up --links {number}")).exits(2);
        assert!(said.err.contains("out of bounds: 1 to 2"), "{}", said.err);
    }
    let lab = Lab::up("lab", "--links 2 --cluster-nodes 2 --remote-nodes 1 -c 1");
    lab.await_online("node1", 5, "node1 node2 remote1 lxc1");
    for node in ["node1", "node2"] {
        await_links(&lab, node, 1, [true, true]);
    }
    lab.change("--links 1")
        .exits(2)
        .complains("made with another --links");
    let status = lxa("lab status").exits(0).out;
    assert!(status.contains(" and lk1-lab on "), "{status}");
    let said = lxa("lab status --json").exits(0).out;
    assert!(conforms("lab-status", &said)["nodes"][0]["link1"].is_string());
    let said = lxa("lab up --dry-run --json").exits(0).out;
    assert!(conforms("lab-up-plan", &said)["nodes"][0]["link1"].is_string());
    for node in ["node1", "node2"] {
        lab.ok(node, "ping -c 1 -W 5 lab-node1-link1");
    }
    ipv6::nodes_are_reached(&lab);

    // Each link of a node is cut by itself, and nobody leaves or is fenced.
    let was = membership(&lab);
    for link in 0..2 {
        let cut = Link::cut(&lab, "node2", link);
        await_links(&lab, "node1", 1, [link != 0, link != 1]);
        lab.await_online("node1", 1, "node1 node2 remote1 lxc1");
        let log = || lab.ok("node2", "tail -n 20 /var/log/corosync/corosync.log");
        assert_eq!(membership(&lab), was, "link {link}:\n{}", log());
        drop(cut);
        // The next one is cut only when both can do without it.
        for node in ["node1", "node2"] {
            await_links(&lab, node, 1, [true, true]);
        }
    }
    assert!(!lab.fenced("node1", "node2"));

    // A node that comes later has both.
    lab.change("--cluster-nodes 3").exits(0);
    await_links(&lab, "node1", 2, [true, true]);
    await_links(&lab, "node3", 2, [true, true]);
    lab.ok("node2", "ping -c 1 -W 5 lab-node3-link1");
    ipv6::later_nodes_are_reached(&lab);
    lab.down();
}

/// What pcs reads of a lab, and makes where there is no cluster.
fn two_links_by_pcs() {
    let lab = Lab::up("lab", "--links 2 --init systemd --root full");
    await_links(&lab, "node1", 2, [true, true]);
    let known = lab.ok("node1", "pcs cluster config");
    assert!(known.contains("Link 1"), "{known}");
    lab.down();

    let lab = Lab::up("lab", "--links 2 --bare --cluster-nodes 2");
    let kept = "/var/lib/lxc-autogen-lab-lab/keys/hacluster";
    let password = std::fs::read_to_string(kept).unwrap();
    let password = password.trim();
    lab.ok(
        "node1",
        &format!("pcs host auth -u hacluster -p {password} lab-node1 lab-node2"),
    );
    let node = |name: &str| format!("{name} addr={name} addr={name}-link1");
    let setup = format!(
        "pcs cluster setup qa {} {} --start --wait=90",
        node("lab-node1"),
        node("lab-node2")
    );
    lab.ok("node1", &setup);
    await_links(&lab, "node1", 1, [true, true]);
    lab.down();
}

/// Waits until corosync of a node says of each link whether it reaches so many others, or none.
#[track_caller]
fn await_links(lab: &Lab, node: &str, others: usize, reached: [bool; 2]) {
    let wanted = reached.map(|yes| if yes { others } else { 0 });
    until(&format!("the links of {node} are {wanted:?}"), 60, || {
        let said = lab.exec(node, "corosync-cfgtool -s").out;
        let links: Vec<usize> = said
            .split("LINK ID")
            .skip(1)
            .map(|link| {
                let states = link.lines().filter_map(|l| l.rsplit_once(':'));
                states.filter(|(_, s)| s.trim() == "connected").count()
            })
            .collect();
        links == wanted
    });
}

/// Corosync's number of the membership, which is another one after each change.
fn membership(lab: &Lab) -> String {
    let said = lab.ok("node1", "corosync-quorumtool -s");
    let line = said.lines().find(|l| l.starts_with("Ring ID")).unwrap();
    assert!(said.contains("Quorate:          Yes"), "{said}");
    line.to_owned()
}

/// The host's end of one of a node's links, down until it is dropped.
struct Link {
    device: String,
}

impl Link {
    #[track_caller]
    fn cut(lab: &Lab, node: &str, number: usize) -> Link {
        let all = tool(&format!("virsh -c lxc:/// domiflist {}", lab.node(node)));
        let line = all.lines().skip(2).nth(number).unwrap();
        let device = line.split_whitespace().next().unwrap().to_owned();
        tool(&format!("ip link set {device} down"));
        Link { device }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let said = run("ip", ["link", "set", &self.device, "up"]);
        if !std::thread::panicking() {
            said.exits(0);
        }
    }
}
