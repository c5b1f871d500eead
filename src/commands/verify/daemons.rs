//! What the daemons that run here are allowed, for many nodes.

use super::Check;
use crate::host::processes;

/// The IPC buffer of a Pacemaker that is not told otherwise, in bytes (Pacemaker 2.1.5,
/// lib/common/crmcommon_private.h, CRM_IPC_MAX… of include/crm/common/ipc.h; sysconfig/pacemaker.in).
const IPC_BUFFER: u64 = 131_072;
/// What a node takes of the CIB, compressed, in bytes: measured, 236 (7,363 of 30), with room.
const COMPRESSED: u64 = 300;
/// The same uncompressed: measured, 3,400, with room for what a transition says of it.
const UNCOMPRESSED: u64 = 8_192;

pub(super) fn checks(containers: u32) -> Vec<Check> {
    let containers = u64::from(containers);
    vec![
        // Measured: two for each container.
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

/// Whether a daemon may have as many files open.
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

/// Pacemaker's daemons hand each other the whole CIB, compressed when it is larger than the buffer;
/// one that is too large even so is not delivered, and the cluster fails at it.
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
    let value = (UNCOMPRESSED * containers).next_power_of_two();
    let mend = format!(
        "{name}={value} in /etc/default/pacemaker or /etc/sysconfig/pacemaker, and restart Pacemaker"
    );
    if has >= wanted {
        Check::ok(name, found)
    } else {
        Check::failure(name, found, mend)
    }
}
