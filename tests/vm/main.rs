//! Tests of nodes that are virtual machines, each in a real lab: in a private world with a libvirtd and
//! without a cluster (`scripts/test` does all of it, when nothing else runs: here they are emulated).
//! Outside of one they report themselves as ignored, and say so.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

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
#[path = "../common/world.rs"]
mod world;

fn main() {
    runner::run(
        "scripts/world run --no-cluster -- …",
        &[machines::TESTS],
        &[machines::LONG],
    )
    .exit();
}
