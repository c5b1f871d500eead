//! Tests of guest nodes that are virtual machines, on a real cluster: in a private world with one
//! (`scripts/test` does all of it, when nothing else runs: here they are emulated). Outside of one they
//! report themselves as ignored, and say so.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod guests;
#[path = "../common/kill.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod kill;
#[path = "../common/mon.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod mon;
#[path = "../common/runner.rs"]
mod runner;
#[path = "../common/schema.rs"]
mod schema;
#[path = "../common/world.rs"]
mod world;

fn main() {
    runner::run("scripts/world run -- …", &[guests::TESTS], &[guests::LONG]).exit();
}
