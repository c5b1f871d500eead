//! Killed half-way: another `lab up` finishes it, `lab down` takes it away.

use crate::Test;
use crate::world::{BINARY, Before, lxa, until};
use std::path::Path;
use std::process::{Command, Stdio};

pub const TESTS: &[Test] = &[("killed_at_every_stage", killed_at_every_stage)];

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
            lxa("lab up").exits(0);
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
