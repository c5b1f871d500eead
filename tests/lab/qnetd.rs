//! A quorum device: a node that runs corosync-qnetd, whose vote lets one of two nodes go on alone.

use crate::Test;
use crate::lab::Lab;
use crate::runner::not_proven;
use crate::world::{BINARY, lxa, run, tool, until};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, mknod};
use std::path::Path;

pub const TESTS: &[Test] = &[("one_of_two_goes_on", one_of_two_goes_on)];
pub const LONG: &[Test] = &[
    ("a_quorum_device_by_systemd", a_quorum_device_by_systemd),
    (
        "a_quorum_device_of_a_lab_that_changes",
        a_quorum_device_of_a_lab_that_changes,
    ),
];

/// Whether the device's daemons are installed here; what is refused without them is seen otherwise.
fn is_here(proof: &str) -> bool {
    let both = ["bin/corosync-qnetd", "sbin/corosync-qdevice"];
    if both
        .iter()
        .all(|file| Path::new("/usr").join(file).exists())
    {
        return true;
    }
    let said = lxa("lab up --qnetd --cluster-nodes 2").exits(3);
    assert!(said.err.contains("is not installed in /"), "{}", said.err);
    not_proven(&format!(
        "corosync-qnetd is not installed here, so not {proof}"
    ));
    false
}

/// Refused before anything is made where the tree lacks a program: for one command /usr/`place` is
/// seen through a whiteout (Linux, Documentation/filesystems/overlayfs.rst).
#[track_caller]
fn is_refused_without(place: &str, program: &str) {
    let hidden = tempfile::tempdir().unwrap();
    let path = hidden.path().join(program);
    mknod(&path, SFlag::S_IFCHR, Mode::empty(), 0).unwrap();
    let line = format!(
        "mount -t overlay -o lowerdir={}:/usr/{place} overlay /usr/{place} && \
         exec {BINARY} lab up --qnetd --cluster-nodes 2",
        hidden.path().display()
    );
    let said = run("unshare", ["--mount", "sh", "-c", &line]).exits(3);
    let wanted = format!("{program} is not installed in /");
    assert!(said.err.contains(&wanted), "{}", said.err);
    assert!(said.err.contains("install corosync-q"), "{}", said.err);
}

/// What corosync of a node says of the quorum.
struct Quorum {
    text: String,
}

impl Quorum {
    fn of(lab: &Lab, node: &str) -> Quorum {
        let text = lab.exec(node, "corosync-quorumtool -s").out;
        Quorum { text }
    }

    fn is(&self, name: &str, value: &str) -> bool {
        let mut lines = self.text.lines().filter_map(|l| l.split_once(':'));
        lines.any(|(n, v)| n == name && v.trim() == value)
    }

    /// Quorate, with as many votes as these, the device's among them or not.
    fn has(&self, votes: u32, of: u32, device: bool) -> bool {
        let cast = (self.text.lines()).any(|l| l.contains("(local)") && l.contains("A,V,"));
        self.is("Quorate", "Yes")
            && self.is("Total votes", &votes.to_string())
            && self.is("Expected votes", &of.to_string())
            && cast == device
    }
}

#[track_caller]
fn await_votes(lab: &Lab, node: &str, seconds: u64, votes: u32, of: u32, device: bool) {
    let what = format!("{votes} of {of} votes in {node}, with the device: {device}");
    until(&what, seconds, || {
        let quorum = Quorum::of(lab, node);
        // Whatever votes are missing, a cluster that was quorate is to stay so.
        quorum.has(votes, of, device)
    });
}

/// Whether the line that `lab status` begins with tells of the vote.
fn is_said(vote: bool) -> bool {
    let status = lxa("lab status").exits(0).out;
    let first = status.lines().next().unwrap_or_default();
    let says = first.ends_with(", with the vote of a quorum device");
    let warns = first.ends_with(", WITHOUT the vote of its quorum device");
    assert!(says != warns, "{status}");
    says == vote
}

/// Pulls a cluster node's plug. `virsh destroy` begins with SIGTERM, at which a node on which nothing
/// runs yet may still take leave of its cluster, and then it is not fenced.
fn pull(lab: &Lab, node: &str) {
    lab.signal_all(node, Signal::SIGKILL);
}

/// Pulls the plug of each node in turn; `online` are all nodes of the cluster.
#[track_caller]
fn goes_on(lab: &Lab, online: &str) {
    assert!(is_said(true));
    for node in ["node1", "node2"] {
        let quorum = Quorum::of(lab, node);
        assert!(quorum.has(3, 3, true), "{node}: {}", quorum.text);
        assert!(!quorum.text.contains("2Node"), "{}", quorum.text);
    }

    // One is left, and the device: it has the quorum, and fences the other.
    pull(lab, "node2");
    await_votes(lab, "node1", 30, 2, 3, true);
    until("node2 is fenced", 60, || lab.fenced("node1", "node2"));
    lab.await_online("node1", 90, online);
    await_votes(lab, "node1", 60, 3, 3, true);
    await_votes(lab, "node2", 60, 3, 3, true);

    // Both are left without the device.
    let was = (lab.init("node1"), lab.init("node2"));
    tool(&format!("virsh -c lxc:/// destroy {}", lab.node("qnetd")));
    for node in ["node1", "node2"] {
        await_votes(lab, node, 60, 2, 3, false);
    }
    assert!(is_said(false));
    let status = lxa("lab status").out;
    let row = status.lines().find(|l| l.starts_with("lab-qnetd")).unwrap();
    assert!(row.contains("shut off"), "{status}");
    lab.await_online("node1", 5, online);
    lab.change("").exits(0);
    for node in ["node1", "node2"] {
        let quorum = Quorum::of(lab, node);
        assert!(quorum.has(3, 3, true), "{node}: {}", quorum.text);
    }
    assert!(is_said(true));
    assert_eq!((lab.init("node1"), lab.init("node2")), was);
    assert!(!lab.fenced("node1", "qnetd"));
}

fn one_of_two_goes_on() {
    for (options, text) in [
        ("--cluster-nodes 1", "takes two cluster nodes or more"),
        ("--bare", "with --bare there is none"),
        ("--network 10.9.0.1/27", "a qnetd node, which has .50"),
    ] {
        lxa(&format!("lab up --qnetd {options}"))
            .exits(2)
            .complains(text);
    }
    if !is_here("that one of two nodes goes on with the vote of a quorum device") {
        return;
    }
    is_refused_without("bin", "corosync-qnetd");
    is_refused_without("sbin", "corosync-qdevice");
    // A remote node is online when the cluster has quorum, for which a new one needs the device.
    let lab = Lab::up("lab", "--qnetd --cluster-nodes 2 --remote-nodes 1 -c 0");
    let online = "node1 node2 remote1";
    lab.await_online("node1", 5, online);
    goes_on(&lab, online);

    // It is a node as others are, but for the cluster.
    let hosts = lab.ok("qnetd", "getent ahostsv4 lab-node2");
    assert!(hosts.starts_with("172.31."), "{hosts}");
    lab.ok("node1", "ping -c 1 -W 5 lab-qnetd");
    let listed = lab.ok("qnetd", "corosync-qnetd-tool -l");
    for text in [
        "Cluster \"lab\"",
        "Algorithm:\t\tFifty-Fifty split",
        "Node ID 2",
    ] {
        assert!(listed.contains(text), "{text}: {listed}");
    }
    for file in [
        "corosync/authkey",
        "pacemaker/authkey",
        "cluster/fence_xvm.key",
    ] {
        let said = lab.exec("qnetd", &format!("test -e /etc/{file}"));
        assert_eq!(said.code, 1, "{file}");
    }
    let json = lxa("lab status --json").exits(0).out;
    let json = crate::schema::conforms("lab-status", &json);
    assert_eq!(json["quorum_device"], "votes", "{json}");
    let device = &json["nodes"][3];
    for (key, value) in [
        ("name", "lab-qnetd"),
        ("kind", "qnetd node"),
        ("libvirt", "running"),
        ("pacemaker", "no member"),
    ] {
        assert_eq!(device[key], value, "{json}");
    }

    // Its daemon dies, and is started again: by its unit (Restart=on-abnormal), or by lab up.
    let pid = || {
        lab.exec("qnetd", "cat /run/corosync-qnetd/corosync-qnetd.pid")
            .out
    };
    let was = pid();
    lab.ok("qnetd", &format!("kill -9 {}", was.trim()));
    if lab.exec("qnetd", "test -d /run/systemd/system").code == 0 {
        until("its unit has started it again", 30, || {
            !pid().trim().is_empty() && pid() != was
        });
    } else {
        let told = "corosync-qnetd killed by SIGKILL";
        until("its end is told", 30, || {
            lxa("lab status").out.contains(told)
        });
    }
    lab.change("").exits(0);
    assert!(is_said(true));
    lab.change("--qnetd=false")
        .exits(2)
        .complains("made with another --qnetd");
    lab.down();
}

fn a_quorum_device_by_systemd() {
    if !is_here("that machines have a quorum device") {
        return;
    }
    let machines = "--init systemd --root full --ssh";
    let lab = Lab::up("lab", &format!("--qnetd --cluster-nodes 2 -c 0 {machines}"));
    goes_on(&lab, "node1 node2");
    for (node, unit) in [("qnetd", "corosync-qnetd"), ("node1", "corosync-qdevice")] {
        let said = lab.ok(node, &format!("systemctl is-active {unit}"));
        assert_eq!(said.trim(), "active");
    }
    let user = lab.ok("qnetd", "ps -C corosync-qnetd -o user=");
    assert_ne!(user.trim(), "root");
    let known = lab.ok("node1", "pcs quorum device status");
    assert!(known.contains("Connected"), "{known}");
    lab.ok("node1", "ssh lab-qnetd true");
    let reached = lxa("lab ssh-config").exits(0).out;
    assert!(reached.contains("Host lab-qnetd qnetd\n"), "{reached}");
    let inventory = lxa("lab inventory").exits(0).out;
    assert!(inventory.contains("\nqnetd:\n"), "{inventory}");
    lab.down();
}

/// From halves to the last that stands, and back.
fn a_quorum_device_of_a_lab_that_changes() {
    if !is_here("that a lab with a quorum device grows and shrinks") {
        return;
    }
    let lab = Lab::up("lab", "--qnetd --cluster-nodes 2 -c 1");
    let was = lab.init("node1");
    lab.change("--cluster-nodes 3 --remote-nodes 1").exits(0);
    lab.await_online("node1", 5, "node1 node2 node3 remote1 lxc1");
    for node in ["node1", "node2", "node3"] {
        await_votes(&lab, node, 1, 5, 5, true);
    }
    let listed = lab.ok("qnetd", "corosync-qnetd-tool -l");
    assert!(listed.contains("Algorithm:\t\tLMS"), "{listed}");
    // The last man stands.
    for node in ["node2", "node3"] {
        pull(&lab, node);
    }
    await_votes(&lab, "node1", 60, 3, 5, true);
    lab.await_online("node1", 120, "node1 node2 node3 remote1 lxc1");
    lab.change("--cluster-nodes 2 --remote-nodes 0").exits(0);
    lab.await_online("node1", 5, "node1 node2 lxc1");
    for node in ["node1", "node2"] {
        await_votes(&lab, node, 1, 3, 3, true);
    }
    assert_eq!(lab.init("node1"), was, "node1 was restarted");
    let listed = lab.ok("qnetd", "corosync-qnetd-tool -l");
    assert!(listed.contains("Fifty-Fifty split"), "{listed}");
    lab.down();
}
