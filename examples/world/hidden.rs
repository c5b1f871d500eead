//! Which of the machine's directories a world hides by its own, and what it shows of them all the
//! same: this tree, and where the command is run.

use crate::Plan;
use lxc_autogen::error::{Error, Result};
use lxc_autogen::report;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories that a world has private or kernel-made versions of, which hide the machine's files.
const PRIVATE: [&str; 8] = [
    "/run",
    "/var/run",
    "/var/log",
    "/var/lib",
    "/var/cache",
    "/etc",
    "/proc",
    "/sys",
];

/// Whether a world hides this path of the machine.
fn is_hidden(path: &Path) -> bool {
    let places = PRIVATE.iter().chain(&["/dev"]);
    places.into_iter().any(|p| path.starts_with(p))
}

/// Directories of which a world has its own, with all that is below: daemons write there, or the
/// kernel does, or it is a whole copy.
const OWN: [&str; 18] = [
    "/etc",
    "/proc",
    "/sys",
    "/usr/lib/ocf",
    "/run/corosync",
    "/run/libvirt",
    "/run/lock",
    "/run/pacemaker",
    "/run/resource-agents",
    "/var/cache/libvirt",
    "/var/lib/corosync",
    "/var/lib/libvirt",
    "/var/lib/pacemaker",
    "/var/lib/pcsd",
    "/var/log/cluster",
    "/var/log/corosync",
    "/var/log/libvirt",
    "/var/log/pacemaker",
];

/// Whether a world must have its own directory of this path, although it is where a command is run:
/// the machine's, shown there, would be written to by the world's daemons.
fn is_own(path: &Path) -> bool {
    let is_whole = |place: &&str| path == Path::new(place);
    PRIVATE.iter().chain(&["/dev", "/dev/shm"]).any(is_whole)
        || OWN.iter().any(|own| path.starts_with(own))
        || path.to_string_lossy().starts_with("/var/lib/lxc-autogen")
}

/// Fails for a directory that the world would not see.
pub fn may_lie_in(path: &Path) -> Result<()> {
    if !is_hidden(path) {
        return Ok(());
    }
    Err(Error::cant(format!(
        "a world cannot lie in {}: it has its own there",
        path.display()
    ))
    .mend("choose one below /tmp or /var/tmp"))
}

/// Enters the directory where the command is run. One that only the machine has, such as that of one
/// of its daemons, is made, empty.
pub fn enter(wanted: &Path) -> Result<()> {
    let made = std::env::set_current_dir(wanted).or_else(|e| {
        fs::create_dir_all(wanted).map_err(|_| e)?;
        std::env::set_current_dir(wanted)
    });
    made.or_else(|e| {
        report::say(format!("world: {}: {e}; in / instead", wanted.display()));
        let top = Path::new("/");
        std::env::set_current_dir(top).map_err(|e| Error::io("enter", top, e))
    })
}

/// The directories that a world must see at their place although it hides that place: this tree,
/// the tool's directory, and the directory where the command is run.
pub fn kept(plan: &Plan) -> Vec<PathBuf> {
    let tool = plan.tool.parent().map(Path::to_owned);
    let mut kept: Vec<PathBuf> = Vec::new();
    let directory = (!is_own(&plan.directory)).then(|| plan.directory.clone());
    for path in [Some(plan.tree.clone()), tool, directory] {
        let Some(path) = path.filter(|p| is_hidden(p) && p.is_dir()) else {
            continue;
        };
        if !kept.iter().any(|k| path.starts_with(k)) {
            kept.push(path);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_world_hides() {
        for hidden in ["/var/lib/x", "/run", "/dev/shm/x", "/etc/x/y"] {
            assert!(may_lie_in(Path::new(hidden)).is_err(), "{hidden}");
        }
        for own in [
            "/etc",
            "/etc/x",
            "/run",
            "/var/lib",
            "/var/lib/libvirt/x",
            "/proc/7",
        ] {
            assert!(is_own(Path::new(own)), "{own}");
        }
        for machines in [
            "/var/lib/x",
            "/run/user/7",
            "/var/log/apt",
            "/dev/shm/x",
            "/usr",
        ] {
            assert!(!is_own(Path::new(machines)), "{machines}");
        }
        for seen in ["/tmp/x", "/var/libx", "/root/run"] {
            assert!(may_lie_in(Path::new(seen)).is_ok(), "{seen}");
        }
    }

    #[test]
    fn what_a_world_would_hide_is_kept_once() {
        let plan = |tree: &str, tool: &str, directory: &str| Plan {
            libvirt: true,
            cluster: true,
            root: None,
            binds: Vec::new(),
            tool: tool.into(),
            tree: tree.into(),
            directory: directory.into(),
        };
        assert!(kept(&plan("/tmp", "/tmp/x/tool", "/usr")).is_empty());
        let found = kept(&plan("/var/lib", "/var/lib/dpkg/tool", "/var/log/apt"));
        let apt = Path::new("/var/log/apt");
        let expected: Vec<&Path> = match apt.is_dir() {
            true => vec![Path::new("/var/lib"), apt],
            false => vec![Path::new("/var/lib")],
        };
        assert_eq!(found, expected);
        // These are the world's own, wherever the command is run.
        assert!(kept(&plan("/tmp", "/tmp/x/tool", "/etc")).is_empty());
        assert!(kept(&plan("/tmp", "/tmp/x/tool", "/var/lib")).is_empty());
    }
}
