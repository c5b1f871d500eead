//! Pacemaker's own test RemoteLXC (cts/lab/CTStests.py at the parent of commit 560767cc56), as it
//! calls lxc_autogen.sh and by the log messages it waits for.

use crate::Test;
use crate::three::{NODES, Three};
use crate::world::until;

pub const TESTS: &[Test] = &[("remote_lxc_again_and_again", again_and_again)];

/// How often in a row: from each node and once more; with `scripts/test --long` more often.
const ROUNDS: [usize; 2] = [4, 10];

/// Where the test calls it.
const SCRIPT: &str = "/run/cts/lxc_autogen.sh";
/// Pacemaker's log in a node.
const LOG: &str = "/var/log/pacemaker/pacemaker.log";

fn again_and_again() {
    let three = Three::up();
    // As the packages install it: under this name.
    NODES.iter().for_each(|node| {
        three.ok(node, "mkdir /run/cts");
        three.ok(
            node,
            &format!("ln -s /opt/lxc-autogen/lxc-autogen {SCRIPT}"),
        );
        three.remember(node);
    });
    for round in 0..ROUNDS[usize::from(crate::runner::is_long())] {
        // A node chosen anew each time, as the test does.
        remote_lxc(&three, NODES[round % NODES.len()]);
        three.is_as_before();
    }
    three.lab.down();
}

fn remote_lxc(three: &Three, node: &str) {
    let script = |line: &str| {
        let words: Vec<&str> = [SCRIPT]
            .into_iter()
            .chain(line.split_whitespace())
            .collect();
        three.run(node, &words)
    };
    assert_ne!(script("-v").code, 1, "it would skip itself");
    script("-s -R").exits(0);
    forget_logs(three);
    script("-g -a -m -s -c 2").exits(0);
    for (operation, resource) in [
        ("start", "lxc1"),
        ("start", "lxc2"),
        ("start", "lxc-ms"),
        ("promote", "lxc-ms"),
    ] {
        await_log(three, operation, resource);
    }
    forget_logs(three);
    script("-p").exits(0);
    await_log(three, "stop", "container1");
    await_log(three, "stop", "container2");
    script("-s -R").exits(0);
}

fn forget_logs(three: &Three) {
    NODES.iter().for_each(|node| {
        three.ok(node, &format!("truncate --size 0 {LOG}"));
    });
}

/// `Pat:RscOpOK` of python/pacemaker/_cts/patterns.py, on any node, within the test's 120 s.
#[track_caller]
fn await_log(three: &Three, operation: &str, resource: &str) {
    let pattern = format!(
        "pacemaker-controld.*:\\s+Result of {operation} operation for {resource}.*: (0 \\()?(ok|OK)"
    );
    until(&pattern, 120, || {
        NODES
            .iter()
            .any(|node| three.run(node, &["grep", "-qP", &pattern, LOG]).code == 0)
    });
}
