//! Killed half-way: another `lab up` finishes it, `lab down` takes it away.

use crate::Test;
use crate::world::{BINARY, Before, lxa, until};
use std::path::Path;
use std::process::{Command, Stdio};

pub const TESTS: &[Test] = &[
    ("killed_at_every_stage", killed_at_every_stage),
    ("the_directory_is_lost", the_directory_is_lost),
];

const DIRECTORY: &str = "/var/lib/lxc-autogen-lab-lab";

/// A moment to strike at, by name.
type Stage = (&'static str, fn() -> bool);

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
    lxa("lab up --cluster-nodes 1 -c 0").exits(0);
    lxa("lab exec node1 -- true").exits(0);
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
        for found in ["is gone", "domain lab-node1", "network lab-lab"] {
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
        let mut child = Command::new(BINARY)
            .args(["lab", "up", "--cluster-nodes", "1", "-c", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until(what, 60, || {
            assert!(
                child.try_wait().unwrap().is_none(),
                "it ended before {what}"
            );
            stage()
        });
        child.kill().unwrap();
        child.wait().unwrap();
        // The last is finished instead, and works.
        if index + 1 == STAGES.len() {
            lxa("lab up").exits(0).complains("was never completed");
            assert!(
                lxa("lab exec lxc1 -- hostname")
                    .exits(0)
                    .out
                    .contains("lxc1")
            );
        }
        // Killed before the first name is given, there is nothing to take down.
        let said = lxa("lab down");
        assert!(
            said.code == 0 || index == 0,
            "killed at {what}: {}",
            said.err
        );
        before.is_as_now();
    }
}
