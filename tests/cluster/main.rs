//! Tests against a real cluster: libvirt, corosync and Pacemaker in a private world, which
//! `scripts/world run` makes (`scripts/test` does all of it). Outside of one they report
//! themselves as ignored, and say so.
//!
//! Each test leaves the world as it found it, and that is compared: links, routes, firewall,
//! mounts, control groups, daemons, domains, networks, the CIB's configuration, the node list,
//! and every file under /etc, /run and /var/lib with content, owner and mode.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod crash;
mod everyday;
mod original;
mod refused;
mod scale;
mod throttle;
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
            "\n!!! SKIPPED: no private world here; run scripts/test, or scripts/world run -- …\n"
        );
    }
    let tests: Vec<&Test> = [
        everyday::TESTS,
        scale::TESTS,
        throttle::TESTS,
        original::TESTS,
        crash::TESTS,
        trouble::TESTS,
        refused::TESTS,
    ]
    .into_iter()
    .flatten()
    .collect();
    let trials = tests
        .into_iter()
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
