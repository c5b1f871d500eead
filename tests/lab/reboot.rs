//! Nodes that are machines come back: from a reboot in good order, and a remote node from fencing.

use crate::lab::Lab;
use crate::world::{BINARY, until};
use std::process::Command;

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
