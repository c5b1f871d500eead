//! People's own tools in virtual machines: pcs, crm, ssh, on two links, with IPv6; and a cluster that they
//! set up themselves.

use crate::lab::Lab;
use crate::runner::Test;
use crate::world::{lxa, run, until};
use crate::{PATIENCE, can};

pub const LONG: &[Test] = &[
    (
        "virtual_machines_are_known_to_peoples_tools",
        virtual_machines_are_known_to_peoples_tools,
    ),
    (
        "pcs_sets_up_a_cluster_of_virtual_machines",
        pcs_sets_up_a_cluster_of_virtual_machines,
    ),
];

const MACHINES: &str = "--init systemd --root full --vm-memory 768";

fn virtual_machines_are_known_to_peoples_tools() {
    if !can() {
        return;
    }
    // Its /usr is this host's own, by virtiofs, on the other board.
    let options = "--cluster-nodes 1 --cluster-vms 1 --links 2 --vm-usr virtiofs --machine pc";
    let lab = Lab::up("lab", &format!("{options} {MACHINES}"));
    for command in [
        "pcs status --full",
        "pcs quorum status",
        "crm status",
        "crm configure show",
        "crm_verify --live-check",
    ] {
        let said = lab.exec("vm1", command).exits(0);
        assert!(!said.err.contains("Traceback"), "{command}: {said:?}");
    }
    assert!(lab.ok("vm1", "pcs status").contains("lab-vm1"));
    assert!(lab.ok("vm1", "mount").contains("usr on /usr type virtiofs"));
    until("both links are up", 60, || {
        let said = lab.ok("vm1", "corosync-cfgtool -s");
        said.matches("connected").count() - said.matches("disconnected").count() == 2
    });
    // By names of both kinds, and back.
    for (from, to) in [("vm1", "lab-node1"), ("node1", "lab-vm1")] {
        lab.ok(from, &format!("ping -6 -c 1 -W 5 {to}"));
        lab.ok(from, &format!("ping -c 1 -W 5 {to}-link1"));
        let name = lab.ok(from, &format!("ssh {to} hostname"));
        assert_eq!(name.trim(), to);
    }
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    std::fs::write(&config, lxa("lab ssh-config").exits(0).out).unwrap();
    let config = config.to_str().unwrap();
    let said = run("ssh", ["-F", config, "lab-vm1", "hostname"]).exits(0);
    assert_eq!(said.out, "lab-vm1\n");

    // Without its network it is entered all the same, and with one link it stays in the cluster.
    lab.ok("vm1", "ip link set eth1 down");
    assert_eq!(lab.ok("vm1", "hostname"), "lab-vm1\n");
    std::thread::sleep(std::time::Duration::from_secs(5));
    lab.await_online("node1", 1, "node1 vm1");
    lab.ok("vm1", "ip link set eth1 up");
    lab.ok("vm1", "modprobe sch_netem");
    lab.down();
}

fn pcs_sets_up_a_cluster_of_virtual_machines() {
    if !can() {
        return;
    }
    let lab = Lab::up(
        "lab",
        "--bare --cluster-nodes 0 --cluster-vms 2 --vm-memory 768",
    );
    let password = std::fs::read_to_string("/var/lib/lxc-autogen-lab-lab/keys/hacluster").unwrap();
    let password = password.trim();
    for command in [
        &format!("host auth -u hacluster -p {password} lab-vm1 lab-vm2"),
        "cluster setup qa lab-vm1 lab-vm2 --start --enable --wait=180",
    ] {
        lab.ok("vm1", &format!("pcs {command}"));
    }
    lab.await_online("vm1", PATIENCE, "vm1 vm2");
    lab.ok("vm1", "pcs property set stonith-enabled=false");
    lab.ok(
        "vm1",
        "pcs resource create here ocf:pacemaker:Dummy --wait=60",
    );
    let on = lab.runs_on("vm1", "here");
    assert_eq!(on.len(), 1, "{on:?}");
    lab.down();
}
