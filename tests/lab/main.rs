//! Tests of labs, each a real cluster of its own: in a private world with a libvirtd and without a
//! cluster (`scripts/world run --no-cluster`; `scripts/test` does all of it). Outside of one they
//! report themselves as ignored, and say so.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod bare;
mod confined;
mod copy;
mod crash;
mod database;
mod disk;
mod down;
mod everyday;
mod fencing;
#[path = "../common/golden.rs"]
mod golden;
mod inside;
mod ipv6;
#[path = "../common/kill.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod kill;
mod lab;
mod large;
mod links;
mod machine;
#[path = "../common/mon.rs"]
// Each of the test programs that share this uses a part of it.
#[allow(dead_code)]
mod mon;
mod outside;
mod power;
mod qnetd;
mod reboot;
mod refused;
mod resize;
#[path = "../common/runner.rs"]
mod runner;
#[path = "../common/schema.rs"]
mod schema;
mod services;
mod shared_disk;
mod supervisor;
mod tree;
mod trouble;
mod work;
#[path = "../common/world.rs"]
mod world;

use runner::Test;

fn main() {
    runner::run(
        "scripts/world run --no-cluster -- …",
        &[
            everyday::TESTS,
            inside::TESTS,
            outside::TESTS,
            tree::TESTS,
            machine::TESTS,
            reboot::TESTS,
            disk::TESTS,
            shared_disk::TESTS,
            supervisor::TESTS,
            trouble::TESTS,
            fencing::TESTS,
            down::TESTS,
            resize::TESTS,
            crash::TESTS,
            refused::TESTS,
            confined::TESTS,
            links::TESTS,
            ipv6::TESTS,
            qnetd::TESTS,
            large::TESTS,
        ],
        &[
            resize::LONG,
            bare::LONG,
            shared_disk::LONG,
            links::LONG,
            qnetd::LONG,
            services::LONG,
            database::LONG,
        ],
    )
    .exit();
}
