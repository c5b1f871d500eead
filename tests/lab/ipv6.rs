//! IPv6 addresses of nodes, besides those of IPv4.

use crate::Test;
use crate::lab::Lab;
use crate::world::{Before, lxa, run, tool, until};

pub const TESTS: &[Test] = &[
    ("a_prefix_that_nobody_has", a_prefix_that_nobody_has),
    ("a_host_without_ipv6", a_host_without_ipv6),
];

/// What the first lab's prefix is when nothing else has it.
const PREFIX: &str = "fd6c:ac1f:c800:";

fn a_prefix_that_nobody_has() {
    let before = Before::new();
    let plan = || lxa("lab up --dry-run -n 172.31.200.1/24").exits(0).out;
    assert!(
        plan().contains(&format!("{PREFIX}0:172:31:200:11\"")),
        "{}",
        plan()
    );
    tool(&format!("ip -6 route add {PREFIX}7::/64 dev lo"));
    assert!(!plan().contains(PREFIX), "{}", plan());
    tool(&format!("ip -6 route del {PREFIX}7::/64 dev lo"));
    before.is_as_now();
}

/// In a lab with two links, two cluster nodes and a remote node.
pub fn nodes_are_reached(lab: &Lab) {
    let reached = all_are_reached(lab);
    assert_eq!(
        reached, 5,
        "two links of two nodes, and one of a remote node"
    );
    for name in ["lab-node2", "lab-node2-link1", "lab-remote1"] {
        lab.ok("node1", &format!("ping -6 -c 1 -W 5 {name}"));
    }
    lab.ok("remote1", "ping -6 -c 1 -W 5 lab-node1");
    lab.ok("node1", "ping -4 -c 1 -W 5 lab-node2");
}

/// The same lab with a third cluster node: one that comes later has its address, and one that is
/// started again.
pub fn later_nodes_are_reached(lab: &Lab) {
    assert_eq!(all_are_reached(lab), 7);
    tool("virsh -c lxc:/// destroy lab-node3");
    // The others have not noticed yet, and take it for the one from before.
    lab.change("").exits(0);
    let own = lab.ok("node3", "crm_mon --one-shot");
    let line = own.lines().find(|l| l.contains("Online:"));
    assert!(line.is_some_and(|l| l.contains("lab-node3")), "{own}");
    assert_eq!(all_are_reached(lab), 7);
}

/// Has this host reach every node by each of its addresses; gives back their number.
#[track_caller]
fn all_are_reached(lab: &Lab) -> usize {
    let said = lxa(&format!("lab status --name {} --json", lab.name)).exits(0);
    let tree: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let nodes = tree["nodes"].as_array().unwrap();
    let addresses: Vec<&str> = nodes
        .iter()
        .flat_map(|node| node["ipv6"].as_array().unwrap())
        .map(|address| address.as_str().unwrap())
        .collect();
    for address in &addresses {
        until(&format!("{address} answers"), 10, || {
            run("ping", ["-6", "-c", "1", "-W", "2", address]).code == 0
        });
    }
    addresses.len()
}

fn a_host_without_ipv6() {
    const SWITCH: &str = "/proc/sys/net/ipv6/conf/all/disable_ipv6";
    let was = std::fs::read_to_string(SWITCH).unwrap_or_default();
    if was.trim() != "0" {
        return crate::runner::not_proven("this host has IPv6 switched off");
    }
    let set = |value: &str| std::fs::write(SWITCH, value).unwrap();
    set("1");
    let end = SwitchedBack(&set);
    let said = lxa("lab up --dry-run").exits(0);
    let line = format!("the nodes have no IPv6 addresses: {SWITCH} switches it off");
    assert!(said.err.contains(&line), "{}", said.err);
    let lab = Lab::up("lab", "--cluster-nodes 1 -c 0");
    let hosts = lab.ok("node1", "cat /etc/hosts");
    assert!(!hosts.contains("fd"), "{hosts}");
    lab.down();
    drop(end);
}

/// Has IPv6 again when it is dropped.
struct SwitchedBack<'a>(&'a dyn Fn(&str));

impl Drop for SwitchedBack<'_> {
    fn drop(&mut self) {
        (self.0)("0");
    }
}
