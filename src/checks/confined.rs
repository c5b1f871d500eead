//! Checks of what a container or a runner takes away that a whole machine has: see docs/ci.md.

use super::Check;
use crate::host::{files, mounts};
use nix::sys::statvfs::{FsFlags, statvfs};
use std::path::Path;

/// Root in a user namespace has all capabilities and may still mount and make little: libvirt's
/// containers do not start there.
pub(super) fn user_namespace() -> Check {
    let name = "user namespace";
    match files::read_trimmed("/proc/self/uid_map") {
        None => Check::skipped(name, "/proc/self/uid_map cannot be read"),
        Some(map) => judge(name, &map),
    }
}

fn judge(name: &'static str, map: &str) -> Check {
    let fields: Vec<&str> = map
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    match fields.as_slice() {
        // All of them, as they are: user_namespaces(7).
        ["0", "0", "4294967295"] => Check::ok(name, "none"),
        [_, outside, number] => Check::failure(
            name,
            format!(
                "this is one, whose root is user {outside} of the machine, with {number} in all"
            ),
            "run without one: as root, in a privileged container (docker run --privileged --userns=host)",
        ),
        _ => Check::skipped(name, "no user is mapped"),
    }
}

/// What is wrong with the control groups' file systems, before their controllers count.
pub(super) fn groups() -> Option<Check> {
    let name = "cgroup controllers";
    let all = mounts::all().ok()?;
    let is_groups = |m: &&mounts::Mount| m.fstype == "cgroup" || m.fstype == "cgroup2";
    let mut groups = all.iter().filter(is_groups).peekable();
    if groups.peek().is_none() {
        return Some(Check::failure(
            name,
            "no control groups are mounted",
            "mount -t cgroup2 cgroup2 /sys/fs/cgroup; in a container: docker run --privileged",
        ));
    }
    let fixed = groups.find(|m| is_read_only(&m.point))?;
    Some(Check::failure(
        name,
        format!("{} is read-only", fixed.point.display()),
        "in a container: docker run --privileged --cgroupns=private",
    ))
}

fn is_read_only(point: &Path) -> bool {
    statvfs(point).is_ok_and(|it| it.flags().contains(FsFlags::ST_RDONLY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Verdict;

    #[test]
    fn a_map_of_all_users_is_no_namespace() {
        let map = "         0          0 4294967295";
        assert_eq!(judge("x", map).verdict, Verdict::Ok);
        let check = judge("x", "0 1000 1\n");
        assert_eq!(check.verdict, Verdict::Failure);
        assert!(check.found.contains("user 1000 of"), "{check:?}");
        assert_eq!(judge("x", "").verdict, Verdict::Skipped);
    }
}
