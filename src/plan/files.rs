//! The skeleton of a container's root: directories, symlinks and the dozen files of /etc that
//! pacemaker-remoted and resource agents need over a read-only /usr.

use super::{Guest, Set};

/// Whom a directory belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// root:root
    Root,
    /// root:haclient
    RootHaclient,
    /// hacluster:haclient
    Hacluster,
}

/// Where a file's content comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// This text.
    Text(String),
    /// A copy of this file of the base tree, made for each container, so that a container may
    /// write to it.
    Copy,
    /// One copy of this file of the base tree for the whole set, linked into each container:
    /// large, and never written in place.
    Shared,
}

/// One thing in a container's root; paths are relative to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Dir {
        /// Path.
        path: String,
        /// Permission bits.
        mode: u32,
        /// Owner.
        owner: Owner,
    },
    /// A symlink.
    Link {
        /// Path.
        path: String,
        /// What it points to.
        target: String,
    },
    /// A file, 0644 root:root. A base tree's file that does not exist is left out.
    File {
        /// Path.
        path: String,
        /// What is in it.
        content: Content,
    },
}

fn dir(path: &str, mode: u32, owner: Owner) -> Entry {
    Entry::Dir {
        path: path.to_owned(),
        mode,
        owner,
    }
}

fn link(path: &str, target: &str) -> Entry {
    Entry::Link {
        path: path.to_owned(),
        target: target.to_owned(),
    }
}

fn file(path: &str, content: Content) -> Entry {
    Entry::File {
        path: path.to_owned(),
        content,
    }
}

/// Everything in the root of one container. Parents stand before what is in them.
pub fn rootfs(set: &Set, guest: &Guest) -> Vec<Entry> {
    let mut entries: Vec<Entry> = [
        "dev",
        "proc",
        "sys",
        "run",
        "run/lock",
        "run/resource-agents",
        "var",
        "var/log",
        "var/lib",
        "var/cache",
        "var/spool",
        "etc",
        "home",
        "mnt",
        "opt",
        "srv",
    ]
    .iter()
    .map(|path| dir(path, 0o755, Owner::Root))
    .collect();
    entries.extend([
        dir("tmp", 0o1777, Owner::Root),
        dir("var/tmp", 0o1777, Owner::Root),
        dir("root", 0o700, Owner::Root),
        // Pacemaker's own directories, with the owners its packages give them.
        dir("var/log/pacemaker", 0o770, Owner::Hacluster),
        dir("var/lib/pacemaker", 0o750, Owner::Hacluster),
        dir("var/lib/pacemaker/cores", 0o750, Owner::Hacluster),
        dir("var/lib/pacemaker/blackbox", 0o750, Owner::Hacluster),
        dir("var/lib/pacemaker/cib", 0o750, Owner::Hacluster),
        dir("etc/pacemaker", 0o750, Owner::RootHaclient),
        link("var/run", "/run"),
        link("var/lock", "/run/lock"),
        link("etc/mtab", "/proc/self/mounts"),
        link("etc/os-release", "../usr/lib/os-release"),
    ]);
    entries.extend(set.layout.trees.iter().map(|t| dir(t, 0o755, Owner::Root)));
    entries.extend(
        set.layout
            .links
            .iter()
            .map(|(path, target)| link(path, target)),
    );
    if set.remoted.bind_source().is_some() {
        entries.push(dir("opt/lxc-autogen", 0o755, Owner::Root));
        entries.push(file(
            "opt/lxc-autogen/pacemaker-remoted",
            Content::Text(String::new()),
        ));
    }
    entries.extend(
        [
            "etc/passwd",
            "etc/group",
            "etc/nsswitch.conf",
            "etc/resolv.conf",
        ]
        .map(|path| file(path, Content::Copy)),
    );
    entries.extend(
        ["etc/ld.so.cache", "etc/services", "etc/protocols"].map(|p| file(p, Content::Shared)),
    );
    entries.extend([
        file("etc/hostname", Content::Text(format!("{}\n", guest.name))),
        file("etc/hosts", Content::Text(hosts(guest))),
        file(
            "etc/machine-id",
            Content::Text(format!("{}\n", guest.uuid.replace('-', ""))),
        ),
    ]);
    entries
}

fn hosts(guest: &Guest) -> String {
    format!(
        "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{} {}\n",
        guest.address, guest.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;
    use std::collections::HashSet;

    #[test]
    fn parents_stand_first_and_nothing_stands_twice() {
        let set = sample(2);
        let mut seen: HashSet<String> = HashSet::new();
        for entry in rootfs(&set, &set.guests()[0]) {
            let path = match entry {
                Entry::Dir { path, .. } | Entry::Link { path, .. } | Entry::File { path, .. } => {
                    path
                }
            };
            if let Some((parent, _)) = path.rsplit_once('/') {
                assert!(seen.contains(parent), "{path} before {parent}");
            }
            assert!(seen.insert(path.clone()), "{path} twice");
        }
        assert!(seen.contains("usr") && seen.contains("bin"));
    }
}
