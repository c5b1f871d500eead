//! Checks of the kernel and the system: rights, cgroups, memory, limits, security modules.

use super::{Check, Verdict};
use crate::host::hybrid::{self, Trap};
use crate::host::{files, memory, mounts, users};
use caps::{CapSet, Capability};

/// Capabilities without which libvirt cannot start a container.
const NEEDED: &[Capability] = &[
    Capability::CAP_SYS_ADMIN,
    Capability::CAP_NET_ADMIN,
    Capability::CAP_MKNOD,
    Capability::CAP_SYS_CHROOT,
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
];
/// MiB of the host's memory that one more guest or remote node takes at rest, all of it: container,
/// libvirt_lxc, libvirtd's and Pacemaker's part, the kernel's; with room for an agent.
///
/// Measured: 5.1 to 5.3 MiB for each of a set's guest nodes, 5.6 to 5.8 for each of a lab's, 5.9 to
/// 6.7 for each of a lab's remote nodes. By memory.usage_in_bytes of the control group (v1) around
/// a whole world (scripts/world), 20 s after `up -c` 8, 24 and 40, and after `lab up
/// --cluster-nodes 2` with 2, 8 and 24 guest nodes, then 8 and 24 remote nodes: each difference by
/// the number of new nodes. /proc/meminfo's MemAvailable said 4.3 and 5.2 for the set's. Debian 12,
/// libvirt 9.0, Pacemaker 2.1.5, 2 CPUs.
pub(crate) const MIB_PER_GUEST: u64 = 8;
/// inotify instances for each guest, whose programs may watch files.
const INOTIFY_PER_GUEST: u64 = 1;

/// For so many machines, each of which takes `mib` MiB of this host's memory.
pub(crate) fn checks(containers: u32, mib: u64) -> Vec<Check> {
    let mut all = of_host();
    all.extend([
        memory(containers, mib),
        inotify(containers),
        pids(containers),
        neighbours(containers),
        security(),
    ]);
    all
}

/// Those that have nothing to do with how many containers there are.
pub(crate) fn of_host() -> Vec<Check> {
    vec![
        rights(),
        super::confined::user_namespace(),
        capabilities(),
        trap(),
        super::confined::groups().unwrap_or_else(controllers),
    ]
}

fn rights() -> Check {
    match users::require_root_even_dry("making containers") {
        Ok(()) => Check::ok("root", "yes"),
        Err(e) => Check::of_error("root", &e),
    }
}

fn capabilities() -> Check {
    let name = "capabilities";
    match caps::read(None, CapSet::Effective) {
        Err(e) => Check::skipped(name, format!("cannot be read: {e}")),
        Ok(has) => {
            let lacking: Vec<String> = NEEDED
                .iter()
                .filter(|c| !has.contains(c))
                .map(ToString::to_string)
                .collect();
            if lacking.is_empty() {
                Check::ok(name, format!("all {} that are needed", NEEDED.len()))
            } else {
                Check::failure(
                    name,
                    format!("lacking {}", lacking.join(", ")),
                    "run on the host itself, or in a privileged container (docker run --privileged)",
                )
            }
        }
    }
}

fn trap() -> Check {
    let name = "hybrid cgroup trap";
    match hybrid::trap() {
        Err(_) => Check::skipped(name, "mounts cannot be read"),
        Ok(Trap::Nowhere) => Check::ok(name, "not here"),
        Ok(Trap::Avoided) => Check::ok(name, "here, but not in libvirtd's mount namespace"),
        Ok(Trap::Set) => Check::failure(name, hybrid::TRAP.0, hybrid::TRAP.1),
    }
}

/// libvirt needs these three controllers (libvirt 9.0, src/lxc/lxc_cgroup.c); on v2, BPF does the
/// work of devices.
fn controllers() -> Check {
    let name = "cgroup controllers";
    let Ok(all) = mounts::all() else {
        return Check::skipped(name, "mounts cannot be read");
    };
    let v1: String = all
        .iter()
        .filter(|m| m.fstype == "cgroup")
        .map(|m| format!(",{},", m.options))
        .collect();
    let v2 = files::read_trimmed("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
    let has = |c: &str| v1.contains(&format!(",{c},")) || v2.split(' ').any(|w| w == c);
    let lacking: Vec<&str> = if v1.is_empty() {
        ["memory", "cpu"].into_iter().filter(|c| !has(c)).collect()
    } else {
        ["memory", "cpuacct", "devices"]
            .into_iter()
            .filter(|c| !has(c))
            .collect()
    };
    let version = if v1.is_empty() { "v2" } else { "v1" };
    if lacking.is_empty() {
        Check::ok(name, format!("{version}, all that are needed"))
    } else {
        Check::failure(
            name,
            format!("{version}, lacking {}", lacking.join(", ")),
            "enable them in the kernel's command line or configuration",
        )
    }
}

fn memory(containers: u32, each: u64) -> Check {
    let name = "memory";
    let Some(available) = memory::available_mib() else {
        return Check::skipped(name, "/proc/meminfo does not say what is available");
    };
    let wanted = each * u64::from(containers);
    let found = format!("{available} MiB available, {wanted} MiB wanted for {containers}");
    if available >= wanted {
        Check::ok(name, found)
    } else {
        Check::failure(name, found, format!("use at most -c {}", available / each))
    }
}

/// The nodes' own daemons use no inotify instance (400 were online with 128 allowed); programs in
/// the nodes may.
fn inotify(containers: u32) -> Check {
    let check = limit(
        "inotify instances",
        "/proc/sys/fs/inotify/max_user_instances",
        INOTIFY_PER_GUEST * u64::from(containers) + 64,
        "fs.inotify.max_user_instances",
    );
    only_if(check, "each node runs something that watches files")
}

/// The host talks to every node's address on one bridge, and each node to the host's. Packets to an
/// address that has no room in the kernel's one neighbour table are dropped (arp(7), gc_thresh3).
/// Containers that we start need no entry in it ([`crate::host::container_net`]); those that the
/// cluster starts do.
fn neighbours(containers: u32) -> Check {
    let check = limit(
        "ARP table",
        "/proc/sys/net/ipv4/neigh/default/gc_thresh3",
        2 * u64::from(containers) + 64,
        "net.ipv4.neigh.default.gc_thresh3",
    );
    only_if(
        check,
        "the cluster starts all containers itself, as after a reboot",
    )
}

/// Turns a failure into a warning where it matters only in a case that may never come.
fn only_if(check: Check, case: &str) -> Check {
    match check.mend {
        Some(mend) if check.verdict == Verdict::Failure => {
            Check::warning(check.name, format!("{} if {case}", check.found), mend)
        }
        _ => check,
    }
}

/// Processes of each node: libvirt_lxc, pacemaker-remoted, and an agent with its children.
fn pids(containers: u32) -> Check {
    limit(
        "process ids",
        "/proc/sys/kernel/pid_max",
        8 * u64::from(containers) + 1024,
        "kernel.pid_max",
    )
}

fn limit(name: &'static str, file: &str, wanted: u64, sysctl: &str) -> Check {
    match files::read_trimmed(file).and_then(|v| v.parse::<u64>().ok()) {
        None => Check::skipped(name, format!("{file} is not there")),
        Some(has) if has >= wanted => Check::ok(name, format!("{has} allowed, {wanted} wanted")),
        Some(has) => Check::failure(
            name,
            format!("{has} allowed, {wanted} wanted"),
            format!("sysctl -w {sysctl}={wanted}"),
        ),
    }
}

/// A note, never a refusal: lxc_autogen.sh refused hosts without SELinux for no reason.
fn security() -> Check {
    let selinux = match files::read_trimmed("/sys/fs/selinux/enforce").as_deref() {
        Some("1") => "SELinux enforcing",
        Some(_) => "SELinux permissive",
        None => "no SELinux",
    };
    let apparmor = match files::read_trimmed("/sys/module/apparmor/parameters/enabled").as_deref() {
        Some("Y") => "AppArmor enabled",
        _ => "no AppArmor",
    };
    Check::ok(
        "security modules",
        format!("{selinux}, {apparmor} (a note)"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_names_the_value_to_set() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("limit");
        std::fs::write(&path, "128\n").unwrap();
        let file = path.to_str().unwrap();
        assert!(!limit("x", file, 128, "a.b").failed());
        let check = limit("x", file, 200, "a.b");
        assert!(check.failed());
        assert_eq!(check.mend.as_deref(), Some("sysctl -w a.b=200"));
        assert!(!limit("x", "/nonexistent", 1, "a.b").failed());
    }

    #[test]
    fn memory_for_more_than_any_machine_has_fails_with_a_number_that_fits() {
        let check = memory(u32::MAX, MIB_PER_GUEST);
        assert!(check.failed(), "{check:?}");
        assert!(check.mend.unwrap().starts_with("use at most -c "));
        assert!(!memory(1, MIB_PER_GUEST).failed());
    }
}
