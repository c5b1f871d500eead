//! The skeleton of a container's root: directories, symlinks and the dozen files of /etc that
//! pacemaker-remoted and resource agents need over a read-only /usr.

use super::{Form, Machine, Set, system};
use crate::rootfs::{Content, Entry, Layout, Owner};
use std::net::IpAddr;

pub(crate) fn dir(path: &str, mode: u32, owner: Owner) -> Entry {
    Entry::Dir {
        path: path.to_owned(),
        mode,
        owner,
    }
}

pub(crate) fn link(path: &str, target: &str) -> Entry {
    Entry::Link {
        path: path.to_owned(),
        target: target.to_owned(),
    }
}

/// A file that everybody may read and root may write.
pub(crate) fn file(path: &str, content: Content) -> Entry {
    owned_file(path, content, 0o644, Owner::Root)
}

/// A file with this text, which all may read.
pub(crate) fn text(path: &str, text: String) -> Entry {
    file(path, Content::Text(text))
}

/// A file with these bytes, of which `mode` says who may read them.
pub(crate) fn secret(path: &str, bytes: &[u8], mode: u32, owner: Owner) -> Entry {
    owned_file(path, Content::Bytes(bytes.to_vec()), mode, owner)
}

pub(crate) fn owned_file(path: &str, content: Content, mode: u32, owner: Owner) -> Entry {
    Entry::File {
        path: path.to_owned(),
        content,
        mode,
        owner,
    }
}

/// The authentication key of Pacemaker Remote, for a machine that has a copy of its own.
pub(crate) fn authkey(key: &[u8]) -> Entry {
    let content = Content::Bytes(key.to_vec());
    owned_file("etc/pacemaker/authkey", content, 0o640, Owner::RootHaclient)
}

/// The name, addresses and base tree of a container: everything that the skeleton of any kind of
/// container depends on.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// Host name.
    pub name: &'a str,
    /// The domain's uuid, which is also the machine id.
    pub uuid: &'a str,
    /// Lines of /etc/hosts after those of localhost.
    pub hosts: &'a [(IpAddr, String)],
    /// The base tree, which the container's /usr comes from.
    pub layout: &'a Layout,
}

/// Everything in the root of one machine of a set, with a copy of the authentication key where
/// `key` is given. A directory stands before the entries in it.
pub fn rootfs(set: &Set, guest: &Machine, key: Option<&[u8]>) -> Vec<Entry> {
    let mut entries = skeleton(&Identity {
        name: &guest.name,
        uuid: &guest.uuid,
        hosts: &[(guest.address.into(), guest.name.clone())],
        layout: &set.layout,
    });
    match guest.form {
        Form::Virtual => entries.extend(system::entries(set)),
        Form::Container if set.remoted.bind_source().is_some() => {
            entries.extend(mount_point(REMOTED_DIRECTORY, "pacemaker-remoted"));
        }
        Form::Container => {}
    }
    entries.extend(key.map(authkey));
    entries.extend(other_users());
    entries
}

/// What su(1) and runuser(1) need of a machine that has no /etc/pam.d of its own: resource agents run
/// programs as other users, and ocf-tester runs the agent as nobody. root becomes anybody, and nobody
/// else becomes anyone; accounts are looked up in shadow(5) where distributions have rules in
/// /usr/lib/pam.d, which come before this one (pam.d(5)).
pub(crate) fn other_users() -> [Entry; 3] {
    let rules = "auth sufficient pam_rootok.so\nauth required pam_deny.so\n\
                 account required pam_permit.so\npassword required pam_deny.so\n\
                 session required pam_permit.so\n";
    let shadow = Content::Shadow { hacluster: None };
    [
        dir("etc/pam.d", 0o755, Owner::Root),
        text("etc/pam.d/other", rules.to_owned()),
        owned_file("etc/shadow", shadow, 0o600, Owner::Root),
    ]
}

/// The directory over which a pacemaker-remoted is bound that is not in the base tree.
const REMOTED_DIRECTORY: &str = "opt/lxc-autogen";

/// An empty file in a new directory, for a file to be bound over.
pub(crate) fn mount_point(directory: &str, name: &str) -> [Entry; 2] {
    [
        dir(directory, 0o755, Owner::Root),
        file(&format!("{directory}/{name}"), Content::Text(String::new())),
    ]
}

/// What any container needs over a read-only /usr to run Pacemaker's daemons and agents.
pub(crate) fn skeleton(identity: &Identity<'_>) -> Vec<Entry> {
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
    let layout = identity.layout;
    entries.extend(layout.trees.iter().map(|t| dir(t, 0o755, Owner::Root)));
    entries.extend(layout.links.iter().map(|(path, target)| link(path, target)));
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
        file(
            "etc/hostname",
            Content::Text(format!("{}\n", identity.name)),
        ),
        file("etc/hosts", Content::Text(hosts(identity.hosts))),
        file(
            "etc/machine-id",
            Content::Text(format!("{}\n", identity.uuid.replace('-', ""))),
        ),
    ]);
    entries
}

/// The text of /etc/hosts: lines for localhost, then these.
pub(crate) fn hosts(lines: &[(IpAddr, String)]) -> String {
    let mut text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
    for (address, name) in lines {
        text.push_str(&format!("{address} {name}\n"));
    }
    text
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
        for entry in rootfs(&set, &set.guests()[0], Some(&[1])) {
            let path = match entry {
                Entry::Dir { path, .. }
                | Entry::Link { path, .. }
                | Entry::Tree { path }
                | Entry::Directories { path }
                | Entry::File { path, .. } => path,
            };
            if let Some((parent, _)) = path.rsplit_once('/') {
                assert!(seen.contains(parent), "{path} before {parent}");
            }
            assert!(seen.insert(path.clone()), "{path} twice");
        }
        assert!(seen.contains("usr") && seen.contains("bin"));
    }
}
