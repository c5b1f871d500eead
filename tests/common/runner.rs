//! Runs tests that need a private world, one after the other, in this process.

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};
use std::sync::Mutex;

/// A test by name.
pub type Test = (&'static str, fn());

/// What the test that runs cannot prove here.
static UNPROVEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Says that this machine lacks what a part of the running test needs. What the rest of it finds
/// wrong still fails it, but it does not count as passed: it counts as ignored, with the reason.
// Not each of the test programs has such a test.
#[allow(dead_code)]
pub fn not_proven(what: &str) {
    eprintln!("\n!!! NOT PROVEN: {what}\n");
    UNPROVEN.lock().unwrap().push(what.to_owned());
}

/// Whether this is a run of `scripts/test --long`.
pub fn is_long() -> bool {
    std::env::var_os("LXC_AUTOGEN_LONG").is_some()
}

/// Runs those that the command line asks for. Outside of a world they report themselves as ignored,
/// and `how` says what to run instead; so do long ones, unless `scripts/test --long` runs them.
pub fn run(how: &str, groups: &[&[Test]], long: &[&[Test]]) -> Conclusion {
    let mut all = std::env::args();
    let program = all.next();
    // Of filters libtest-mimic takes only one.
    let (options, filters): (Vec<String>, Vec<String>) = all.partition(|a| a.starts_with('-'));
    let arguments = Arguments::from_iter(program.into_iter().chain(options));
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f));
    let in_world = std::env::var_os("LXC_AUTOGEN_WORLD").is_some();
    if !in_world && !arguments.list {
        eprintln!("\n!!! SKIPPED: no private world here; run scripts/test, or {how}\n");
    }
    let each = groups.iter().flat_map(|group| group.iter());
    let each_long = long.iter().flat_map(|group| group.iter());
    let trials = each
        .map(|test| (test, in_world))
        .chain(each_long.map(|test| (test, in_world && is_long())))
        .filter(|((name, _), _)| wanted(name))
        .map(|((name, test), runs)| {
            let test = *test;
            let run = move || {
                UNPROVEN.lock().unwrap().clear();
                test();
                let unproven = std::mem::take(&mut *UNPROVEN.lock().unwrap());
                Ok(match unproven.is_empty() {
                    true => Completion::Completed,
                    false => Completion::ignored_with(unproven.join("; ")),
                })
            };
            Trial::ignorable_test(*name, run).with_ignored_flag(!runs)
        })
        .collect();
    libtest_mimic::run(&arguments, trials)
}
