//! Tests against a real cluster: libvirt, corosync and Pacemaker in a private world, which
//! `scripts/world run` makes (`scripts/test` does all of it). Outside of one they report
//! themselves as ignored, and say so.
//!
//! Each test leaves the world as it found it, and that is compared by `lxc-autogen snapshot`, which
//! `snapshot.rs` tests itself.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../common/anyone.rs"]
mod anyone;
mod changes;
mod crash;
mod deaths;
mod everyday;
#[path = "../common/golden.rs"]
mod golden;
mod hanging;
mod isolation;
mod journal;
#[path = "../common/kill.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod kill;
#[path = "../common/mon.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod mon;
mod original;
mod own;
mod pcs;
mod refused;
mod remote;
#[path = "../common/runner.rs"]
mod runner;
mod scale;
#[path = "../common/schema.rs"]
mod schema;
mod single;
mod snapshot;
mod tags;
mod throttle;
mod trouble;
#[path = "../common/world.rs"]
mod world;

use runner::Test;

fn main() {
    runner::run(
        "scripts/world run -- …",
        &[
            everyday::TESTS,
            remote::TESTS,
            pcs::TESTS,
            tags::TESTS,
            changes::TESTS,
            own::TESTS,
            single::TESTS,
            scale::TESTS,
            throttle::TESTS,
            original::TESTS,
            crash::TESTS,
            journal::TESTS,
            trouble::TESTS,
            refused::TESTS,
            hanging::TESTS,
            snapshot::TESTS,
        ],
        &[],
    )
    .exit();
}
