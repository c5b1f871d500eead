//! Taken down in the middle of trouble that the cluster has noticed, and is about to mend.

use crate::Test;
use crate::lab::Lab;
use crate::trouble::{guest_init, kill_guest};
use crate::world::{lxa, until};
use nix::sys::signal::Signal;
use std::path::Path;
use std::time::{Duration, Instant};

pub const TESTS: &[Test] = &[
    ("down_while_a_node_is_fenced", down_while_a_node_is_fenced),
    ("down_while_all_are_dead", down_while_all_are_dead),
    (
        "down_while_others_are_recovered",
        down_while_others_are_recovered,
    ),
];

fn down_while_a_node_is_fenced() {
    // One that hangs, at the moment when the others know, and have not fenced it yet.
    let lab = Lab::up("lab", "-c 2");
    lab.signal_all("node2", Signal::SIGSTOP);
    lab.await_note("node1", "node2", 30, "unclean");
    lab.down();
    // Two that cannot see each other, at the moment when one has powered the other off and not on.
    let lab = Lab::up("lab", "--cluster-nodes 2 -c 1");
    let cut = lab.cut("node2");
    // That takes a few tenths of a second: libvirt's file is looked for, and virsh not asked.
    let runs = |node: &str| Path::new(&format!("/run/libvirt/lxc/lab-{node}.pid")).exists();
    let end = Instant::now() + Duration::from_secs(60);
    while runs("node1") && runs("node2") {
        assert!(Instant::now() < end, "neither is fenced");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(cut);
    lab.down();
}

fn down_while_all_are_dead() {
    let lab = Lab::up("lab", "--cluster-nodes 2 --remote-nodes 1 -c 1");
    for node in ["node1", "node2"] {
        lab.signal_all(node, Signal::SIGKILL);
    }
    for node in ["node1", "node2"] {
        lab.await_end(node, 10);
    }
    // Nobody is waited for who could say that a node is online.
    lxa("lab restart lxc1")
        .exits(3)
        .complains("no cluster node of lab lab runs");
    let json = lxa("lab restart remote1 --json").exits(0).out;
    let json = crate::schema::conforms("switched", &json);
    assert_eq!(json["nodes"][0]["state"], "started");
    lab.down();
    let json = lxa("lab down --json").exits(3).out;
    assert!(json.contains("\"error\": \"there is no lab lab"), "{json}");
}

fn down_while_others_are_recovered() {
    // A guest that is started again, and not online yet.
    let lab = Lab::up("lab", "--cluster-nodes 1 -c 1");
    let was = guest_init("lxc1");
    kill_guest(&lab, "lxc1");
    until("lxc1 is started again", 60, || {
        let now = guest_init("lxc1");
        now != 0 && now != was
    });
    assert!(!lab.online("node1").contains("lxc1"), "too late");
    lab.down();
    // A remote node that the cluster lost, fenced, and has not reached again.
    let lab = Lab::up("lab", "--cluster-nodes 2 --remote-nodes 1 -c 0");
    let was = lab.init("remote1");
    lab.signal_all("remote1", Signal::SIGKILL);
    until("remote1 is started again", 60, || {
        let now = lab.init("remote1");
        now != 0 && now != was
    });
    assert!(!lab.online("node1").contains("lab-remote1"), "too late");
    lab.down();
}
