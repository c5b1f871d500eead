//! The nodes' disks: each one's own, and those that all of them share.

use crate::Test;
use crate::lab::Lab;
use crate::machine::has_memory_of_its_own;
use crate::shared_disk;
use crate::world::{lxa, run, tool, until};
use lxc_autogen::host::{Host, loops};
use std::path::Path;

pub const TESTS: &[Test] = &[("a_full_disk_is_the_nodes_own", a_full_disk_is_the_nodes_own)];

/// A node can fill its disk, and nothing else; what is on it survives a fencing, and what is on the
/// disks that it shares.
fn a_full_disk_is_the_nodes_own() {
    let small = lxa("lab up --disk 10").exits(2);
    assert!(small.err.contains("64 to"), "{}", small.err);
    shared_disk::bounds();
    let shared = "--shared-disk 8 --shared-disk 16";
    let lab = Lab::up(
        "lab",
        &format!("--cluster-nodes 2 -c 0 --disk 128 {shared}"),
    );
    shared_disk::is_one_for_all_nodes(&lab);
    let other = lxa("lab up --disk 256").exits(2);
    assert!(other.err.contains("--disk"), "{}", other.err);
    let filled = lab.exec("node2", "dd if=/dev/zero of=/var/tmp/big bs=1M count=200");
    assert!(filled.err.contains("No space left"), "{filled:?}");
    has_memory_of_its_own(&lab);
    // The other node has room, and so has the host's file system.
    lab.ok("node1", "dd if=/dev/zero of=/var/tmp/some bs=1M count=20");
    let room = run(
        "df",
        ["--output=avail", "-BM", "/var/lib/lxc-autogen-lab-lab"],
    )
    .exits(0);
    let room: u64 = room
        .out
        .lines()
        .nth(1)
        .unwrap()
        .trim()
        .trim_end_matches('M')
        .parse()
        .unwrap();
    assert!(room > 200, "{room} MiB");
    lab.shell("node2", "rm /var/tmp/big; echo kept > /root/kept; sync")
        .exits(0);
    tool("virsh -c lxc:/// destroy lab-node2");
    until("it is fenced", 60, || lab.fenced("node1", "node2"));
    lab.await_online("node1", 60, "node1 node2");
    assert_eq!(lab.ok("node2", "cat /root/kept"), "kept\n");
    shared_disk::stays(&lab);
    lab.down();
    shared_disk::is_not_left();
    // The kernel lets go of a loop device when the last mount of it has gone, a moment later.
    let directory = Path::new("/var/lib/lxc-autogen-lab-lab");
    until("no loop device is left", 10, || {
        loops::below(&Host::new(false), directory)
            .unwrap()
            .is_empty()
    });
}
