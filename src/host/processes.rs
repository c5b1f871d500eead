//! Finding and ending our daemons by their command lines. A configuration file of our own on the
//! command line identifies a daemon, which a pid does not: pids are used again.

use super::files;
use super::poll::{Poll, Seen};
use crate::error::{Error, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procfs_core::FromRead;
use procfs_core::process::{LimitValue, Limits, Stat};
use std::path::Path;
use std::time::Duration;

/// Processes whose program has this name, and that have this path as a whole argument.
pub fn of(program: &str, argument: &Path) -> Vec<Pid> {
    let wanted = argument.as_os_str().as_encoded_bytes();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let mut arguments = line.split(|b| *b == 0);
            let name = Path::new(std::str::from_utf8(arguments.next()?).ok()?).file_name()?;
            (name == program && arguments.any(|a| a == wanted)).then(|| Pid::from_raw(pid))
        })
        .collect()
}

/// Whether two processes are in the same pid namespace.
pub fn same_namespace(one: u32, other: u32) -> bool {
    let of = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    of(one).is_some() && of(one) == of(other)
}

/// As [`of`], but only processes in our own pid namespace: a container's processes can give
/// themselves any command line.
pub fn here(program: &str, argument: &Path) -> Vec<Pid> {
    let mut found = of(program, argument);
    let ours = std::process::id();
    found.retain(|pid| u32::try_from(pid.as_raw()).is_ok_and(|p| same_namespace(p, ours)));
    found
}

/// A process with one of these names in our own pid namespace, so that it is a process of this host
/// and not of a container.
pub fn named(programs: &[&str]) -> Option<u32> {
    let ours = std::process::id();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        // The kernel keeps 15 characters of a name (proc(5)).
        let name = files::read_trimmed(format!("/proc/{pid}/comm")).unwrap_or_default();
        let is = |p: &&str| !name.is_empty() && name == p[..p.len().min(15)];
        programs.iter().any(is) && same_namespace(*pid, ours)
    })
}

/// When a process was started, in clock ticks since boot (proc(5), /proc/PID/stat, field 22). Pids
/// are used again; pid and start time together identify a process. `None` where there is no such
/// process, or only a zombie: its parent may fetch the exit status late.
pub fn start_time(pid: u32) -> Option<u64> {
    let bytes = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = Stat::from_read(&bytes[..]).ok()?;
    (!matches!(stat.state, 'Z' | 'X')).then_some(stat.starttime)
}

/// How many files a process may have open: its soft limit (proc(5), /proc/PID/limits).
pub fn open_files(pid: u32) -> Option<u64> {
    let limits: Limits = super::proc::read(&format!("/proc/{pid}/limits")).ok()?;
    Some(match limits.max_open_files.soft_limit {
        LimitValue::Unlimited => u64::MAX,
        LimitValue::Value(number) => number,
    })
}

/// The value of a variable in the environment that a process was started with.
pub fn environment(pid: u32, name: &str) -> Option<String> {
    let all = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let all = String::from_utf8_lossy(&all).into_owned();
    let mut pairs = all.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.find(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
}

/// Sends SIGKILL to a process; one that is gone already is fine.
pub fn kill_now(pid: u32) {
    if let Ok(pid) = i32::try_from(pid) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Ends the processes that [`here`] finds: with SIGTERM, and after two seconds with SIGKILL.
///
/// # Errors
/// When one of them is still there two seconds after SIGKILL.
pub fn end(program: &str, argument: &Path) -> Result<()> {
    for (signal, patience) in [
        (Signal::SIGTERM, Duration::from_secs(2)),
        (Signal::SIGKILL, Duration::from_secs(2)),
    ] {
        for pid in here(program, argument) {
            let _ = kill(pid, signal);
        }
        let mut poll = Poll::every(Duration::from_millis(10), patience).uninterrupted();
        let look = |_: &mut Poll| Ok(Seen::ready_if(here(program, argument).is_empty(), ()));
        if poll.look(look)? == Seen::Ready(()) {
            return Ok(());
        }
    }
    Err(Error::failed(format!("{program} cannot be ended")))
}

#[cfg(test)]
// A process to find has to be started.
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn open_files_are_the_soft_limit() {
        let (soft, _) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)
            .expect("a limit of this process");
        assert_eq!(open_files(std::process::id()), Some(soft));
    }

    #[test]
    fn a_process_has_a_start_time_until_it_has_ended() {
        let ours = start_time(std::process::id()).unwrap();
        let sleeping = ["-c", "read line"];
        let mut child = std::process::Command::new("sh")
            .args(sleeping)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        assert!(start_time(child.id()).unwrap() >= ours);
        // It ends, and stays a zombie until it is waited for.
        drop(child.stdin.take());
        let began = Instant::now();
        while start_time(child.id()).is_some() {
            assert!(began.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(Path::new(&format!("/proc/{}", child.id())).exists());
        child.wait().unwrap();
        assert_eq!(start_time(child.id()), None);
    }

    #[test]
    fn found_and_ended_by_program_and_argument() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("pause");
        // A program that it started would have its command line, too, between fork and exec.
        std::fs::write(&script, "read line\n").unwrap();
        let mut child = std::process::Command::new("sh")
            .arg(&script)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let _never = child.stdin.take();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let began = Instant::now();
        // Between fork and exec it still has our own command line.
        while of("sh", &script).is_empty() && began.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(of("sh", &script), [pid]);
        assert!(of("bash", &script).is_empty());
        assert!(of("sh", directory.path()).is_empty());
        // Its parent is this test, which has to take its end for it to be gone.
        let waiting = std::thread::spawn(move || child.wait());
        end("sh", &script).unwrap();
        assert!(!waiting.join().unwrap().unwrap().success());
    }
}
