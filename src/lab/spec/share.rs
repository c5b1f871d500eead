//! Which directories of the host nodes can see, and where.

use crate::error::{Error, Result};
use crate::spec::is_plain_path;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// A directory of the host that nodes see, read-only: SRC, at the same place, or SRC:DST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share {
    /// Path on the host.
    pub source: PathBuf,
    /// Path in the nodes.
    pub target: PathBuf,
}

impl Share {
    /// With absolute paths.
    ///
    /// # Errors
    /// When there is no working directory.
    pub(in crate::lab) fn absolute(&self) -> Result<Share> {
        Ok(Share {
            source: absolute(&self.source)?,
            target: absolute(&self.target)?,
        })
    }
}

/// An absolute path, from the working directory where it is none.
pub(in crate::lab) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| Error::io("find", path, e))
}

impl FromStr for Share {
    type Err = Error;

    /// A colon may stand in a path; one before a slash stands between two.
    fn from_str(text: &str) -> Result<Share> {
        let (source, target) = match text.rsplit_once(":/") {
            Some((source, target)) => (source, format!("/{target}")),
            None => (text, text.to_owned()),
        };
        if source.is_empty() {
            return Err(
                Error::usage(format!("--share {text}: there is no directory in it"))
                    .mend("--share DIR, or --share DIR:PATH-IN-THE-NODES"),
            );
        }
        Ok(Share {
            source: source.into(),
            target: target.into(),
        })
    }
}

impl TryFrom<String> for Share {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Share, String> {
        text.parse().map_err(|e: Error| e.message().to_owned())
    }
}

impl From<Share> for String {
    fn from(share: Share) -> String {
        share.to_string()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source.display())?;
        match self.source == self.target {
            true => Ok(()),
            false => write!(f, ":{}", self.target.display()),
        }
    }
}

/// Directories that are a node's own: the kernel's, the base tree's, its configuration, daemons'
/// data and logs, this program's. Shared directories must not cover them, nor lie above or below
/// them.
const TAKEN: &[&str] = &[
    crate::lab::config::CHANGES,
    crate::lab::config::SYSTEM_IN_NODE,
    crate::lab::shown::AGENTS_IN_NODE,
    crate::lab::config::BUILD_IN_NODE,
    "/bin",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt/lxc-autogen",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/cache/libvirt",
    "/var/lib/corosync",
    "/var/lib/libvirt",
    "/var/lib/lxc-autogen",
    crate::lab::GUESTS_DIR,
    "/var/lib/pacemaker",
    "/var/lib/pcsd",
    "/var/lock",
    "/var/log/cluster",
    "/var/log/corosync",
    "/var/log/crmsh",
    "/var/log/libvirt",
    "/var/log/pacemaker",
    "/var/log/pcsd",
    "/var/run",
];
/// Directories that are a node's own, below which there is room for shared ones.
const NODES_OWN: &[&str] = &[
    "/home",
    "/root",
    "/root/.ssh",
    "/tmp",
    "/var/spool",
    "/var/tmp",
];

/// The error for a directory that cannot be shared.
pub(in crate::lab) fn not_sharable(path: &Path, why: &str) -> Error {
    Error::usage(format!("--share {}: {why}", path.display()))
}

/// Refuses paths that could not stand in every configuration, and paths that lead elsewhere than they
/// seem to.
pub(super) fn check_path(path: &Path, bad: impl Fn(&str) -> Error) -> Result<()> {
    if !is_plain_path(path) {
        return Err(bad("only letters, digits and /._-+@: can stand in it"));
    }
    if path.components().any(|c| c == Component::ParentDir) {
        return Err(bad("give it without \"..\""));
    }
    Ok(())
}

/// Refuses what [`check`] does, and sources that are no plain paths.
pub(super) fn check_share(share: &Share) -> Result<()> {
    check_path(&share.source, |why| not_sharable(&share.source, why))?;
    check(&share.target)
}

/// Refuses to share directories that are a node's own. Whether the directory exists is asked
/// elsewhere: nothing here reads the disk.
pub(in crate::lab) fn check(path: &Path) -> Result<()> {
    check_path(path, |why| not_sharable(path, why))?;
    let covers = |own: &&str| Path::new(own).starts_with(path);
    let taken = TAKEN.iter().any(|own| path.starts_with(own));
    if taken || TAKEN.iter().chain(NODES_OWN).any(covers) {
        return Err(
            not_sharable(path, "nodes have a directory of their own there").mend(
                "show it elsewhere in the nodes: --share SRC:DST, such as DST /srv/share; \
                     resource agents: --agents",
            ),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_directory_or_two_with_a_colon_between() {
        let share = |text: &str| {
            let it: Share = text.parse().unwrap();
            assert_eq!(it.to_string(), text);
            [it.source, it.target].map(|p| p.display().to_string())
        };
        assert_eq!(share("/srv/a"), ["/srv/a", "/srv/a"]);
        assert_eq!(share("/srv/a:b"), ["/srv/a:b", "/srv/a:b"]);
        assert_eq!(share("src:/srv/b"), ["src", "/srv/b"]);
        assert!(":/srv".parse::<Share>().is_err());
        // As 0.1.0 has it in a lab's file.
        let old: Share = serde_json::from_str("\"/srv/data\"").unwrap();
        assert_eq!(old.source, old.target);
        check_share(&"/usr/src:/srv/src".parse().unwrap()).unwrap();
        let e = check_share(&"/srv/src:/usr/src".parse().unwrap()).unwrap_err();
        assert!(e.message().starts_with("--share /usr/src: "), "{e}");
    }

    #[test]
    fn nothing_that_a_node_has_for_itself_can_be_covered() {
        use crate::rootfs::Entry;
        let lab = crate::lab::tests::sample(1, 0);
        let keys = crate::lab::root::tests::keys();
        // These are empty in a node.
        let room = ["/mnt", "/srv"];
        for entry in crate::lab::root::root(&lab, &lab.cluster_nodes()[0], &keys) {
            let (Entry::Dir { path, .. } | Entry::Link { path, .. } | Entry::Tree { path }) = entry
            else {
                continue;
            };
            let path = Path::new("/").join(path);
            let refused = check(&path).is_err_and(|e| e.message().contains("of their own"));
            let free = room.iter().any(|r| Path::new(r) == path);
            assert!(refused != free, "{}", path.display());
        }
        for bad in [
            "/",
            "/opt",
            "/var",
            "/usr/src",
            "/lib64",
            "/run/x",
            "/var/lib/pacemaker/cib",
        ] {
            assert!(check(Path::new(bad)).is_err(), "{bad}");
        }
        for dots in ["/tmp/../etc", "/srv/.."] {
            let e = check(Path::new(dots)).unwrap_err();
            assert!(e.message().contains("without"), "{e}");
        }
        check(Path::new("/srv/there-need-not-be-one")).unwrap();
    }
}
