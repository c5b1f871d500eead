//! Tests of nodes that are virtual machines, each in a real lab: in a private world with a libvirtd and
//! without a cluster (`scripts/test` does all of it, when nothing else runs: here they are emulated).
//! Outside of one they report themselves as ignored, and say so.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../common/kill.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod kill;
mod killed;
#[path = "../lab/lab.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod lab;
mod machines;
#[path = "../common/mon.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod mon;
#[path = "../common/runner.rs"]
mod runner;
mod systems;
mod tools;
#[path = "../common/world.rs"]
mod world;

/// Seconds that an emulated machine may take until it is in its cluster, on a machine with other work.
const PATIENCE: u64 = 180;

/// Whether this machine can have any.
fn can() -> bool {
    let found = which::which("qemu-system-x86_64").is_ok();
    if !found {
        runner::not_proven("there is no qemu-system-x86_64 here, so no virtual machine");
    }
    found
}

fn main() {
    runner::run(
        "scripts/world run --no-cluster -- …",
        &[machines::TESTS],
        &[systems::LONG, tools::LONG, killed::LONG],
    )
    .exit();
}
