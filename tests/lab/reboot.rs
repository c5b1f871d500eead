//! Nodes that are machines come back: from a reboot in good order, and a remote node from fencing.

use crate::Test;
use crate::lab::Lab;
use crate::world::{BINARY, until};
use std::process::Command;

pub const TESTS: &[Test] = &[("guests_run_where_they_were_started", started_early)];

/// The guest nodes of a new lab, which start before the cluster knows them.
fn started_early() {
    let lab = Lab::up("lab", "--cluster-nodes 2 -c 3 --init systemd --root full");
    let on = |guest: &str| lab.runs_on("node1", &format!("container{guest}"));
    assert_eq!(on("1"), ["lab-node1"]);
    assert_eq!(on("2"), ["lab-node2"]);
    assert_eq!(on("3"), ["lab-node1"]);
    let log = lab.ok("node2", "cat /var/log/pacemaker/pacemaker.log");
    assert!(log.contains("already running"), "by the agent");
    // They may run anywhere afterwards.
    let constraints = lab.ok("node1", "cibadmin --query --scope constraints");
    let ids = constraints.matches("<rsc_location id=").count();
    assert_eq!(ids, 2, "{constraints}");

    // The node stops them while it has a libvirtd.
    let was = lab.init("node2");
    lab.exec("node2", "reboot");
    until("it is another", 60, || {
        ![0, was].contains(&lab.init("node2"))
    });
    until("all are online", 90, || {
        let nodes = lab.view("node1").nodes;
        let all = ["lab-node1", "lab-node2", "lxc1", "lxc2", "lxc3"];
        (all.iter()).all(|name| nodes.get(*name).is_some_and(|(online, _)| *online))
    });
    assert!(!lab.fenced("node1", "node2"), "it left in good order");
    assert_eq!(on("2"), ["lab-node1"]);
    lab.down();
}

/// In good order, without being fenced; at once it cannot be: no program in it may do that.
pub fn comes_back(lab: &Lab) {
    let fencings = || lab.ok("node1", "stonith_admin --verbose --history lab-node2");
    let (was, before) = (lab.init("node2"), fencings());
    // Number 22 of capability.h: sys_boot, which is kexec_load(2)'s right as well.
    let bounding = lab.ok("node2", "grep CapBnd /proc/self/status /proc/1/status");
    for line in bounding.lines() {
        let mask = line.split_whitespace().last().unwrap();
        assert_eq!(
            u64::from_str_radix(mask, 16).unwrap() & (1 << 22),
            0,
            "{line}"
        );
    }
    assert_ne!(lab.exec("node2", "reboot -ff").code, 0);
    assert_eq!(lab.init("node2"), was);
    // Stopped for a moment and then ended by the node's systemd, as all in it; what waits for it out
    // here must not stop with it, or the node would not end.
    let mut sleeping = Command::new(BINARY)
        .args(["lab", "exec", "node2", "--", "sleep", "600"])
        .spawn()
        .unwrap();
    until("it runs", 10, || {
        lab.exec("node2", "pgrep -x sleep").code == 0
    });
    lab.exec("node2", "reboot");
    until("it has ended", 20, || {
        sleeping.try_wait().unwrap().is_some()
    });
    until("it is another", 30, || {
        let now = lab.exec("node2", "true").code == 0;
        now && lab.init("node2") != was
    });
    lab.await_online("node1", 90, "node1 node2 remote1");
    assert_eq!(fencings(), before);
    assert_eq!(lab.ok("node2", "qa-program"), "of node2\n");
}

pub fn so_is_a_remote_node(lab: &Lab) {
    until("it runs", 60, || {
        let said = lab.exec("remote1", "systemctl is-system-running");
        said.out.trim() == "running"
    });
    lab.ok("remote1", "systemctl is-active pacemaker_remote pcsd");
    // Fencing is the cluster nodes' alone.
    for absent in ["/etc/cluster/fence_xvm.key", "/etc/corosync/authkey"] {
        assert_ne!(lab.exec("remote1", &format!("test -e {absent}")).code, 0);
    }
    lab.ok("remote1", "touch /usr/local/qa-file");
    // It logs in at the others by name, and they know it.
    let known = lab.ok("node1", "cat /etc/hosts /var/lib/pcsd/known-hosts");
    assert_eq!(known.matches("lab-remote1").count(), 4, "{known}");
    lab.ok("node1", "stonith_admin --reboot lab-remote1");
    lab.await_online("node1", 90, "node1 node2 remote1");
    lab.ok("remote1", "test -e /usr/local/qa-file");
}
