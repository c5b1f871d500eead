//! Killed half-way: another `lab up` finishes it, `lab down` takes it away.

use crate::Test;
use crate::kill::{Stage, killed};
use crate::trouble::guest_init;
use crate::world::{Before, lxa, root_of};
use std::path::Path;

pub const TESTS: &[Test] = &[
    ("killed_at_every_stage", killed_at_every_stage),
    ("killed_and_finished", killed_and_finished),
    ("the_directory_is_lost", the_directory_is_lost),
    ("the_journal_is_damaged", the_journal_is_damaged),
];

const DIRECTORY: &str = "/var/lib/lxc-autogen-lab-lab";

const STAGES: &[Stage] = &[
    ("the directory", || Path::new(DIRECTORY).exists()),
    ("the first root", || {
        Path::new(DIRECTORY).join("lab-node1").exists()
    }),
    ("the bridge", || {
        Path::new("/sys/class/net/lab-lab").exists()
    }),
    ("the power switch", || {
        Path::new(DIRECTORY).join("fence/fence_virt.conf").exists()
    }),
    ("the first container", || {
        Path::new("/run/libvirt/lxc/lab-node1.pid").exists()
    }),
    ("the guests' files", || {
        Path::new(DIRECTORY).join("guests/set.json").exists()
    }),
];

/// Then a lab is known by the marks that its domains and network carry.
fn the_directory_is_lost() {
    let log = Path::new("/var/log/libvirt/lxc");
    std::fs::create_dir_all(log).unwrap();
    let before = Before::new();
    // Nothing says which nodes these are to be.
    let machines = Path::new("/usr/lib/systemd/systemd").exists();
    let says = match machines {
        true => "the nodes are machines",
        false => "there is no /usr/lib/systemd/systemd",
    };
    let up = "lab up --cluster-nodes 1 -c 0 --hosts";
    lxa(up).exits(0).complains(says);
    let first = lxa("lab exec node1 -- cat /proc/1/comm").exits(0).out;
    assert_eq!(first.trim() == "systemd", machines, "{first}");
    // What is bound into the node is in use and cannot be moved; what is known of it can.
    for name in ["lab.json", "journal.jsonl", "lock"] {
        std::fs::remove_file(Path::new(DIRECTORY).join(name)).unwrap();
    }
    std::fs::rename(DIRECTORY, "/var/lib/lost").unwrap();
    assert!(
        lxa("lab list")
            .exits(0)
            .out
            .contains("its directory is gone")
    );
    for which in ["--all", "--name lab"] {
        let plan = lxa(&format!("lab down {which} --dry-run")).exits(0).out;
        for found in [
            "is gone",
            "domain lab-node1",
            "network lab-lab",
            "block lab lab in /var/lib/lxc-autogen-lab-lab of /etc/hosts",
        ] {
            assert!(plan.contains(found), "{which}: no {found:?} in {plan}");
        }
    }
    lxa("lab down --all").exits(0).complains("is gone");
    assert!(
        Path::new("/var/lib/lost/lab-node1").exists(),
        "not ours to remove"
    );
    std::fs::remove_dir_all("/var/lib/lost").unwrap();
    // Nobody knows whether these were there before.
    let _ = std::fs::remove_file(log.join("lab-node1.log"));
    let _ = std::fs::remove_dir("/etc/libvirt/lxc");
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "0").unwrap();
    for hierarchy in lxc_autogen::host::cgroups::hierarchies().unwrap() {
        let _ = std::fs::remove_dir(hierarchy.join("machine"));
    }
    before.is_as_now();
}

fn killed_at_every_stage() {
    let before = Before::new();
    for (index, (what, stage)) in STAGES.iter().enumerate() {
        killed("lab up --cluster-nodes 1 -c 1", what, stage);
        let said = lxa("lab down");
        // Killed before the first name is given, there is nothing to take down.
        if index == 0 && said.code == 3 {
            said.complains("there is no lab lab");
        } else {
            said.exits(0);
        }
        assert!(!Path::new(DIRECTORY).exists(), "{what}");
        before.is_as_now();
    }
}

/// What a killed run has begun, another of the same command ends.
fn killed_and_finished() {
    let before = Before::new();
    killed("lab up --cluster-nodes 1 -c 2", "a guest joins", || {
        guest_init("lxc1") != 0
    });
    lxa("lab up").exits(0).complains("was never completed");
    for guest in ["lxc1", "lxc2"] {
        let said = lxa(&format!("lab exec {guest} -- hostname")).exits(0);
        assert_eq!(said.out.trim(), guest);
    }
    // Larger: at the moment when the nodes have been told of each other.
    let corosync = || {
        let path = root_of("lab-node1").join("etc/corosync/corosync.conf");
        std::fs::read_to_string(path).unwrap_or_default()
    };
    let larger = "lab up --cluster-nodes 2 --remote-nodes 1";
    killed(larger, "the nodes are told", || {
        corosync().contains("lab-node2")
    });
    lxa(larger).exits(0);
    for node in ["lab-node2", "lab-remote1"] {
        let devices = lxa(&format!("lab exec node1 -- stonith_admin --list {node}"));
        assert!(devices.exits(0).out.contains("fencing-again"), "{node}");
    }
    let online = lxa("lab status").exits(0).out;
    assert_eq!(online.matches("online").count(), 5, "{online}");
    // Smaller: when a node is gone, and the cluster has not forgotten it.
    let smaller = "lab up --cluster-nodes 1 --remote-nodes 0";
    killed(smaller, "a node has left", || {
        !Path::new(DIRECTORY).join("lab-node2").exists()
    });
    lxa(smaller).exits(0);
    assert!(!corosync().contains("lab-node2"));
    let known = lxa("lab exec node1 -- crm_node --list").exits(0).out;
    assert!(
        !known.contains("lab-node2") && !known.contains("lab-remote1"),
        "{known}"
    );
    // Away: when the first of it is gone.
    killed("lab down", "the nodes are off", || {
        !Path::new("/run/libvirt/lxc/lab-node1.pid").exists()
    });
    assert!(Path::new(DIRECTORY).exists(), "it was faster");
    lxa("lab down").exits(0);
    before.is_as_now();
}

/// Its own lines are set aside, and marks tell of the node and the network.
fn the_journal_is_damaged() {
    let log = Path::new("/var/log/libvirt/lxc");
    std::fs::create_dir_all(log).unwrap();
    let before = Before::new();
    lxa("lab up --cluster-nodes 1 -c 0 --init own").exits(0);
    let at = |name: &str| Path::new(DIRECTORY).join(name);
    let text = std::fs::read_to_string(at("journal.jsonl")).unwrap();
    let damaged = |line: &str| match line.contains("lab-node1") || line.contains("\"network\"") {
        true => "\0\0\n".to_owned(),
        false => format!("{line}\n"),
    };
    let lines: String = text.lines().map(damaged).collect();
    std::fs::write(at("journal.jsonl"), lines).unwrap();
    std::fs::write(at("lab.json"), "{\"version\":").unwrap();
    let plan = lxa("lab down --dry-run").exits(0).out;
    assert!(plan.contains("undo domain lab-node1"), "{plan}");
    lxa("lab down").exits(4).complains("journal.unreadable");
    std::fs::remove_file(at("journal.unreadable")).unwrap();
    lxa("lab down").exits(0);
    // That libvirt had made the log, its line told.
    let _ = std::fs::remove_file(log.join("lab-node1.log"));
    before.is_as_now();
    std::fs::remove_dir(log).unwrap();
}
