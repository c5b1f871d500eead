//! Runs tests that need a private world, one after the other, in this process.

use libtest_mimic::{Arguments, Trial};

/// A test by name.
pub type Test = (&'static str, fn());

/// Runs those that the command line asks for, and exits. Outside of a world they report themselves
/// as ignored, and `how` says what to run instead.
pub fn run(how: &str, groups: &[&[Test]]) -> ! {
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
    let trials = groups
        .iter()
        .flat_map(|group| group.iter())
        .filter(|(name, _)| wanted(name))
        .map(|(name, test)| {
            let test = *test;
            Trial::test(*name, move || {
                test();
                Ok(())
            })
            .with_ignored_flag(!in_world)
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit()
}
