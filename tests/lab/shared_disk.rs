//! Disks that all cluster nodes of a lab share.

use crate::Test;
use crate::kill::killed;
use crate::lab::Lab;
use crate::runner::not_proven;
use crate::world::{Before, lxa, tool, until};
use lxc_autogen::host::{Host, loops};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub const TESTS: &[Test] = &[(
    "shared_disks_of_a_lab_that_is_killed",
    shared_disks_of_a_lab_that_is_killed,
)];

pub const LONG: &[Test] = &[
    (
        "a_message_on_the_disk_ends_a_node",
        a_message_on_the_disk_ends_a_node,
    ),
    ("sbd_set_up_by_pcs", sbd_set_up_by_pcs),
];

const DISKS: &str = "/var/lib/lxc-autogen-lab-lab/disks";

/// Files of this lab's disks that have loop devices. (Another world can have files of these names.)
fn attached() -> Vec<PathBuf> {
    loops::below(&Host::new(false), Path::new(DISKS)).unwrap()
}

/// Writes a text to the first block of a disk, past all caches.
fn write(lab: &Lab, node: &str, disk: &str, text: &str) {
    let dd = "dd bs=512 count=1 conv=sync oflag=direct status=none";
    let line = format!("echo {text} | {dd} of=/dev/{disk}");
    lab.shell(node, &line).exits(0);
}

/// The text in the first block.
fn read(lab: &Lab, node: &str, disk: &str) -> String {
    let dd = "dd bs=512 count=1 iflag=direct status=none";
    let said = lab.shell(node, &format!("{dd} if=/dev/{disk} | head -n 1"));
    said.exits(0).out.trim().to_owned()
}

/// How large they may be, and how many.
pub fn bounds() {
    for (options, text) in [
        (
            "--shared-disk 0",
            "--shared-disk 0 is out of bounds: 1 to 16777216 MiB",
        ),
        ("--shared-disk 16777217", "1 to 16777216 MiB"),
        (&"--shared-disk 8 ".repeat(9), "8 at most, not 9"),
    ] {
        lxa(&format!("lab up {options}")).exits(2).complains(text);
    }
}

/// In a lab of two cluster nodes with disks of 8 and 16 MiB.
pub fn is_one_for_all_nodes(lab: &Lab) {
    assert_eq!(attached().len(), 2);
    write(lab, "node1", "vda", "first");
    write(lab, "node1", "vdb", "second");
    assert_eq!(read(lab, "node2", "vda"), "first");
    assert_eq!(read(lab, "node2", "vdb"), "second");
    let size = lab.ok("node2", "blockdev --getsize64 /dev/vdb");
    assert_eq!(size.trim(), (16 << 20).to_string());
    write(lab, "node2", "vda", "back");
    assert_eq!(read(lab, "node1", "vda"), "back");
    no_other_loop_device(lab);

    // It has them as long as it is.
    for options in ["--shared-disk 8", "--shared-disk 8 --shared-disk 32"] {
        lab.change(options).exits(2).complains("--shared-disk");
    }
    lab.change("").exits(0);
}

/// The same lab when node2 was fenced: a node that comes back has them, and one that comes later.
pub fn stays(lab: &Lab) {
    assert_eq!(read(lab, "node2", "vda"), "back");
    lab.change("--cluster-nodes 3").exits(0);
    assert_eq!(read(lab, "node3", "vdb"), "second");

    // As after a reboot of the host: another device, by the same name in the nodes.
    for node in ["node1", "node2", "node3"] {
        tool(&format!("virsh -c lxc:/// destroy lab-{node}"));
    }
    loops::detach(&Host::new(false), &Path::new(DISKS).join("vda.img")).unwrap();
    lab.change("").exits(0);
    assert_eq!(read(lab, "node3", "vda"), "back");
}

pub fn is_not_left() {
    assert_eq!(attached(), [] as [PathBuf; 0]);
}

/// A node may make device nodes, for libvirt in it, but of no other devices.
fn no_other_loop_device(lab: &Lab) {
    let own = std::fs::read_link(Path::new(DISKS).join("vda")).unwrap();
    let number = own.to_str().unwrap().trim_start_matches("/dev/loop");
    let number: u32 = number.parse().unwrap();
    let open = |number: u32| {
        let made = format!("mknod /dev/other b 7 {number} && dd if=/dev/other count=0");
        let said = lab.shell("node1", &made);
        lab.ok("node1", "rm -f /dev/other");
        said
    };
    open(number).exits(0);
    let said = open(number + 100);
    assert!(said.err.contains("Operation not permitted"), "{said:?}");
}

fn shared_disks_of_a_lab_that_is_killed() {
    let before = Before::new();
    let up = "lab up --cluster-nodes 1 -c 0 --shared-disk 8 --shared-disk 8";
    killed(up, "a loop device", || !attached().is_empty());
    lxa("lab down").exits(0);
    assert_eq!(attached(), [] as [PathBuf; 0]);
    before.is_as_now();
    killed(up, "a loop device", || !attached().is_empty());
    lxa(up).exits(0);
    lxa("lab exec node1 -- dd if=/dev/vdb of=/dev/null bs=1M iflag=direct").exits(0);
    assert_eq!(attached().len(), 2);
    lxa("lab down").exits(0);
    assert_eq!(attached(), [] as [PathBuf; 0]);
    before.is_as_now();
}

/// A message on the disk ends a node, which is fenced and comes back.
fn a_message_on_the_disk_ends_a_node() {
    let machines = "--init systemd --root full --cluster-nodes 2 -c 0";
    for (options, text) in [
        ("--sbd --init systemd", "takes a shared disk"),
        (
            "--sbd --shared-disk 8 --init own",
            "takes systemd in the nodes",
        ),
        ("--sbd --shared-disk 8 --bare", "with --bare there is none"),
    ] {
        lxa(&format!("lab up {options}")).exits(2).complains(text);
    }
    if !Path::new("/usr/sbin/sbd").exists() {
        let said = lxa(&format!("lab up {machines} --sbd --shared-disk 8"));
        said.exits(3).complains("sbd is not installed");
        return not_proven("sbd is not installed here, so not that a message ends a node");
    }
    let lab = Lab::up("lab", &format!("{machines} --sbd --shared-disk 8"));
    let slots = || lab.ok("node1", "sbd -d /dev/vda list");
    until("both have a slot", 20, || {
        slots().matches("clear").count() == 2
    });
    let header = lab.ok("node1", "sbd -d /dev/vda dump");
    for line in ["Header version     : 2.1", "Timeout (msgwait)  : 10"] {
        assert!(header.contains(line), "{header}");
    }
    lab.change("--sbd=false").exits(2).complains("--sbd");
    for (by, message, node) in [("node1", "reset", "node2"), ("node2", "off", "node1")] {
        let was = lab.init(node);
        let full = lab.node(node);
        lab.ok(by, &format!("sbd -d /dev/vda message {full} {message}"));
        until("it is fenced", 60, || lab.fenced(by, node));
        lab.await_online(by, 90, "node1 node2");
        assert_ne!(lab.init(node), was);
        until("its slot is clear", 20, || {
            slots().matches("clear").count() == 2
        });
    }
    // In good order, it stops with the cluster and starts with it.
    let began = Instant::now();
    lab.ok("node2", "systemctl stop pacemaker corosync");
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(lab.domain("node2"), "running");
    lab.ok("node2", "systemctl start pacemaker");
    lab.await_online("node1", 90, "node1 node2");
    // One that cannot start is not the node's end.
    lab.ok("node2", "systemctl stop pacemaker corosync");
    lab.shell("node2", "sed -i s,/dev/null,/dev/none, /etc/default/sbd")
        .exits(0);
    lab.ok("node2", "systemctl start corosync");
    until("it has failed", 60, || {
        lxa("lab status").out.contains("sbd failed")
    });
    assert_eq!(lab.domain("node2"), "running");
    lab.down();
    assert_eq!(attached(), [] as [PathBuf; 0]);
}

/// In nodes without a cluster, as in the manual page.
fn sbd_set_up_by_pcs() {
    if !Path::new("/usr/sbin/sbd").exists() {
        return not_proven("sbd is not installed here, so not that pcs can set it up");
    }
    let lab = Lab::up("lab", "--bare --cluster-nodes 2 --shared-disk 8");
    let password = std::fs::read_to_string("/var/lib/lxc-autogen-lab-lab/keys/hacluster").unwrap();
    let password = password.trim();
    for command in [
        &format!("host auth -u hacluster -p {password} lab-node1 lab-node2"),
        "cluster setup qa lab-node1 lab-node2",
        "stonith sbd device setup device=/dev/vda --force",
        "stonith sbd enable device=/dev/vda watchdog=/dev/null --no-watchdog-validation",
        "cluster start --all --wait=90",
    ] {
        lab.ok("node1", &format!("pcs {command}"));
    }
    lab.await_online("node1", 60, "node1 node2");
    lab.ok("node1", "sbd -d /dev/vda message lab-node2 off");
    lab.await_end("node2", 20);
    lab.down();
    assert_eq!(attached(), [] as [PathBuf; 0]);
}
