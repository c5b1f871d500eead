//! Checks of the limits of daemons that run here, which many nodes can exceed.

use super::Check;
use crate::host::processes;

/// Pacemaker's IPC buffer unless it is set, in bytes (Pacemaker 2.1.5, etc/sysconfig/pacemaker.in,
/// PCMK_ipc_buffer).
const IPC_BUFFER: u64 = 131_072;
/// Bytes of the compressed CIB for each node, with room: 65 KB for 500 nodes and 7.4 KB for 30,
/// measured with bzip2, so 130 to 250 each. The transition that joins the nodes is larger than the
/// CIB.
const COMPRESSED: u64 = 250;

pub(crate) fn checks(containers: u32) -> Vec<Check> {
    let containers = u64::from(containers);
    vec![
        // Measured: two open files for each container.
        files(
            "files of libvirtd",
            &["libvirtd", "virtlxcd"],
            2 * containers + 128,
        ),
        // One connection for each node.
        files(
            "files of the controller",
            &["pacemaker-controld"],
            containers + 64,
        ),
        ipc_buffer(containers),
    ]
}

/// Checks whether a daemon may have as many files open.
fn files(name: &'static str, programs: &[&str], wanted: u64) -> Check {
    let Some(pid) = processes::named(programs) else {
        return Check::skipped(name, format!("no {} runs here", programs[0]));
    };
    let Some(allowed) = processes::open_files(pid) else {
        return Check::skipped(name, format!("/proc/{pid}/limits does not say it"));
    };
    let found = format!("{allowed} allowed, {wanted} wanted");
    if allowed >= wanted {
        return Check::ok(name, found);
    }
    let mend = format!(
        "prlimit --pid {pid} --nofile={wanted}:{wanted}, and LimitNOFILE={wanted} for its unit"
    );
    Check::failure(name, found, mend)
}

/// Checks the size of the IPC buffer. Pacemaker's daemons send each other the whole CIB, compressed
/// when it is larger than the buffer; one that is too large even so is not delivered, and the
/// cluster fails.
fn ipc_buffer(containers: u64) -> Check {
    let name = "PCMK_ipc_buffer";
    let Some(pid) = processes::named(&["pacemaker-based"]) else {
        return Check::skipped(name, "needs a running cluster");
    };
    let set = processes::environment(pid, name).and_then(|v| v.parse().ok());
    let has = set.unwrap_or(IPC_BUFFER).max(IPC_BUFFER);
    judge(name, has, containers)
}

fn judge(name: &'static str, has: u64, containers: u64) -> Check {
    let wanted = COMPRESSED * containers;
    let found = format!("{has} bytes, {wanted} wanted");
    // Not much larger than needed: each connection between daemons takes six buffers of /dev/shm.
    let value = (4 * wanted).next_power_of_two();
    let mend = format!(
        "{name}={value} in /etc/default/pacemaker or /etc/sysconfig/pacemaker, and restart Pacemaker"
    );
    if has >= wanted {
        Check::ok(name, found)
    } else {
        Check::failure(name, found, mend)
    }
}

/// Warnings about limits of daemons that are too low for so many nodes, with the values to set; for
/// users who did not run `verify` first.
pub(crate) fn too_little(containers: u32) -> Vec<String> {
    let checks = checks(containers).into_iter();
    checks
        .filter(Check::failed)
        .map(|c| {
            let mend = c.mend.unwrap_or_default();
            format!("{}: {}; the cluster may fail: {mend}", c.name, c.found)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Verdict;

    #[test]
    fn the_buffer_that_fails_is_told_one_that_is_large_enough() {
        assert_eq!(judge("x", IPC_BUFFER, 500).verdict, Verdict::Ok);
        let check = judge("x", IPC_BUFFER, 1000);
        assert!(check.failed());
        let mend = check.mend.unwrap();
        assert!(mend.starts_with("x=1048576 in /etc/default"), "{mend}");
        assert_eq!(judge("x", 1_048_576, 1000).verdict, Verdict::Ok);
    }

    #[test]
    fn a_daemon_that_is_not_there_is_skipped_and_one_that_is_gets_its_number() {
        let check = files("x", &["no-such-daemon"], 1);
        assert_eq!(check.verdict, Verdict::Skipped);
        let own = std::fs::read_to_string("/proc/self/comm").unwrap();
        let few = files("x", &[own.trim()], 1);
        assert_eq!(few.verdict, Verdict::Ok, "{few:?}");
        assert!(few.found.ends_with(" allowed, 1 wanted"), "{few:?}");
    }
}
