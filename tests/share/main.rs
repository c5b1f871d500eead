//! Tests of `-s` on a real cluster of three nodes, a lab's, with real ssh between them: in a private
//! world with a libvirtd and without a cluster (`scripts/world run --no-cluster`; `scripts/test`
//! does all of it). Outside of one they report themselves as ignored, and say so.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod everywhere;
#[path = "../common/golden.rs"]
mod golden;
#[path = "../lab/lab.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod lab;
#[path = "../common/mon.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod mon;
mod pacemakers_own;
#[path = "../common/runner.rs"]
mod runner;
mod three;
mod trouble;
#[path = "../common/world.rs"]
mod world;

use runner::Test;

fn main() {
    let conclusion = runner::run(
        "scripts/world run --no-cluster -- …",
        &[everywhere::TESTS, pacemakers_own::TESTS, trouble::TESTS],
        &[],
    );
    three::end_shared();
    conclusion.exit();
}
