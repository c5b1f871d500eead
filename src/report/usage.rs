//! The resources that this process used, apart from the programs that it ran.

use nix::sys::resource::{Usage, UsageWho, getrusage};

/// A line for --verbose: processor time of this process and of the programs it waited for, in
/// seconds, and the most memory that this process had at a time, in MiB (getrusage(2)).
pub fn used() -> String {
    let of = |who| getrusage(who).as_ref().map(seconds).unwrap_or_default();
    // Linux counts in KiB.
    let most = getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss() / 1024);
    format!(
        "used: {:.2} s of processor time, {:.2} s in programs it ran, at most {most} MiB",
        of(UsageWho::RUSAGE_SELF),
        of(UsageWho::RUSAGE_CHILDREN),
    )
}

#[allow(clippy::cast_precision_loss)] // Seconds since this process began.
fn seconds(usage: &Usage) -> f64 {
    let of = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    of(usage.user_time()) + of(usage.system_time())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        let spent = |line: &str| -> f64 { line.split(' ').nth(1).unwrap().parse().unwrap() };
        let before = spent(&used());
        let began = std::time::Instant::now();
        // Not less than 50 ms of work, however fast.
        while spent(&used()) < before + 0.05 {
            assert!(began.elapsed().as_secs() < 60, "{}", used());
        }
        assert!(
            used().ends_with(" MiB") && !used().ends_with(" 0 MiB"),
            "{}",
            used()
        );
    }
}
