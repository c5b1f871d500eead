//! Tests of labs, each a real cluster of its own: in a private world with a libvirtd and without a
//! cluster (`scripts/world run --no-cluster`; `scripts/test` does all of it). Outside of one they
//! report themselves as ignored, and say so.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod crash;
mod everyday;
mod lab;
mod large;
mod refused;
mod resize;
mod trouble;
#[path = "../common/world.rs"]
mod world;

use libtest_mimic::{Arguments, Trial};

/// A test by name.
type Test = (&'static str, fn());

fn main() {
    let arguments = Arguments::from_args();
    let in_world = std::env::var_os("LXC_AUTOGEN_WORLD").is_some();
    if !in_world && !arguments.list {
        eprintln!(
            "\n!!! SKIPPED: no private world here; run scripts/test, or scripts/world run --no-cluster -- …\n"
        );
    }
    let tests = [
        everyday::TESTS,
        trouble::TESTS,
        resize::TESTS,
        crash::TESTS,
        refused::TESTS,
        large::TESTS,
    ];
    let trials = tests
        .into_iter()
        .flatten()
        .map(|(name, test)| {
            let test = *test;
            Trial::test(*name, move || {
                test();
                Ok(())
            })
            .with_ignored_flag(!in_world)
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
