//! Virtual machines that are whole systems: with systemd, sbd, and what takes a kernel of one's own.

use crate::lab::Lab;
use crate::runner::{Test, not_proven};
use crate::world::{BINARY, ROOT, lxa, run, until};
use crate::{PATIENCE, can};
use std::path::Path;

pub const LONG: &[Test] = &[
    (
        "virtual_machines_have_systemd",
        virtual_machines_have_systemd,
    ),
    (
        "a_message_and_a_starved_watchdog_end_a_machine",
        a_message_and_a_starved_watchdog_end_a_machine,
    ),
    (
        "they_have_kernels_of_their_own",
        they_have_kernels_of_their_own,
    ),
];

/// As machines, with a system to be written to, one container and three of them.
fn virtual_machines_have_systemd() {
    if !can() {
        return;
    }
    let lab = Lab::up(
        "lab",
        "--cluster-nodes 0 --cluster-vms 3 --init systemd --root full --vm-memory 768",
    );
    lab.await_online("vm2", 1, "vm1 vm2 vm3");
    lab.ok("vm1", "systemctl is-active pacemaker");
    lab.ok("vm1", "touch /usr/written");
    lxa("lab restart lab/vm2").exits(0);
    lab.await_online("vm1", PATIENCE, "vm1 vm2 vm3");
    assert!(!lab.fenced("vm1", "vm2"), "it left in good order");
    // One fewer, and one that is a container.
    lab.change("--cluster-vms 2 --cluster-nodes 1 --remote-vms 1")
        .exits(0);
    lab.await_online("vm1", PATIENCE, "vm1 vm2 node1 remote-vm1");
    lab.down();
}

/// The identity of a node's boot; nothing while it boots.
fn boot(lab: &Lab, node: &str) -> String {
    lab.exec(node, "cat /proc/sys/kernel/random/boot_id").out
}

fn a_message_and_a_starved_watchdog_end_a_machine() {
    if !can() {
        return;
    }
    if !Path::new("/usr/sbin/sbd").exists() {
        return not_proven("sbd is not installed here, so not that it ends a virtual machine");
    }
    let lab = Lab::up(
        "lab",
        "--cluster-nodes 1 --cluster-vms 1 --init systemd --root full --vm-memory 768 \
         --shared-disk 8 --sbd --watchdog softdog",
    );
    let console = "/var/lib/lxc-autogen-lab-lab/lab-vm1/console.log";
    let said = || String::from_utf8_lossy(&std::fs::read(console).unwrap()).into_owned();
    let is_clear = || {
        lab.ok("node1", "sbd -d /dev/vda list")
            .matches("clear")
            .count()
            == 2
    };
    until("both have a slot", 60, is_clear);
    assert!(!said().contains("Resetting") && !said().contains("softdog"));
    for (what, line, trace) in [
        (
            "node1",
            "sbd -d /dev/vda message lab-vm1 reset",
            "sysrq: Resetting",
        ),
        (
            "vm1",
            "pkill -STOP -x sbd",
            "softdog: Initiating system reboot",
        ),
    ] {
        let was = boot(&lab, "vm1");
        lab.ok(what, line);
        until("its kernel resets it", 60, || said().contains(trace));
        until("it boots again", PATIENCE, || {
            let now = boot(&lab, "vm1");
            !now.is_empty() && now != was
        });
        lab.await_online("node1", PATIENCE, "node1 vm1");
        until("its slot is clear", 60, is_clear);
    }
    lab.down();
}

/// What no container has: netem, and DRBD's disk that is on two machines.
fn they_have_kernels_of_their_own() {
    if !can() {
        return;
    }
    let lab = Lab::up(
        "lab",
        "--cluster-nodes 0 --cluster-vms 2 --init systemd --root full --vm-memory 768",
    );
    lab.ok("vm1", "tc qdisc add dev eth0 root netem delay 150ms");
    let said = lab.ok("vm2", "ping -q -c 3 lab-vm1");
    let times = said.rsplit(" = ").next().unwrap();
    let least: f64 = times.split('/').next().unwrap().parse().unwrap();
    assert!(least >= 150.0, "{said}");
    lab.ok("vm1", "tc qdisc del dev eth0 root");
    mirrored(&lab);
    lab.down();
}

const NODES: [&str; 2] = ["vm1", "vm2"];

/// A disk that DRBD mirrors between the two.
fn mirrored(lab: &Lab) {
    let archives = Path::new(ROOT).join("target/services/drbd-utils");
    if !archives.exists() {
        return not_proven(
            "no archives of drbd-utils in target/services (scripts/test --long fetches them, where \
             there is apt), so not that DRBD mirrors a disk",
        );
    }
    let [first, second] = NODES.map(|node| lab.ok(node, "hostname -I").trim().to_owned());
    let of = |node: &str, addresses: &str| {
        let address = addresses.split(' ').next().unwrap();
        format!("on lab-{node} {{ address {address}:7789; }}\n")
    };
    let resource = format!(
        "resource qa {{\n device /dev/drbd0;\n disk /dev/loop7;\n meta-disk internal;\n {} {}}}\n",
        of("vm1", &first),
        of("vm2", &second)
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("qa.res");
    std::fs::write(&file, resource).unwrap();
    for node in NODES {
        let to = |path: &str| format!("lab/{node}:{path}");
        let copy = |from: &Path, to: String| {
            run(BINARY, ["lab", "cp", from.to_str().unwrap(), &to]).exits(0);
        };
        copy(&archives, to("/root"));
        let line = "DEBIAN_FRONTEND=noninteractive dpkg --install /root/drbd-utils/*.deb && \
                    truncate -s 64M /root/disk && modprobe loop && losetup /dev/loop7 /root/disk";
        lab.shell(node, line).exits(0);
        copy(&file, to("/etc/drbd.d/qa.res"));
        lab.shell(node, "drbdadm create-md --force qa && drbdadm up qa")
            .exits(0);
    }
    lab.ok("vm1", "drbdadm primary --force qa");
    until("both have all of it", 120, || {
        lab.exec("vm2", "drbdadm dstate qa").out.trim() == "UpToDate/UpToDate"
    });
    let text = "a line on a disk that is on two machines";
    let dd = "dd bs=512 count=1 conv=sync oflag=direct status=none";
    lab.shell("vm1", &format!("echo {text} | {dd} of=/dev/drbd0"))
        .exits(0);
    lab.ok("vm1", "drbdadm secondary qa");
    lab.ok("vm2", "drbdadm primary qa");
    let said = lab.shell("vm2", "head -n 1 /dev/drbd0").exits(0).out;
    assert_eq!(said.trim(), text);
    for node in NODES {
        lab.ok(node, "drbdadm down qa");
    }
}
