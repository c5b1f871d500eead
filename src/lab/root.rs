//! The file trees of a lab's containers: a node with an init has a writable /etc, /var and /run of
//! its own, a cluster node with the full stack in it; a remote node without one has what a guest has.

use super::{Init, Lab, Root, config, names, pcs, sbd, shown, sshd, stack, units};
use crate::plan::{
    Identity, Kind, Machine, authkey, dir, file, mount_point, other_users, owned_file, skeleton,
    text,
};
use crate::rootfs::{Content, Entry, Owner};
use crate::supervisor;
use std::path::Path;

/// The keys that a lab's nodes share, made once for each lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Content of /etc/corosync/authkey.
    pub corosync: Vec<u8>,
    /// Content of /etc/pacemaker/authkey.
    pub pacemaker: Vec<u8>,
    /// The key of fence_virtd.
    pub fence: Vec<u8>,
    /// Keys for sshd, with --ssh.
    pub ssh: Option<sshd::Keys>,
    /// What pcs needs, where the nodes have it.
    pub pcs: Option<pcs::Keys>,
}

/// All entries of a node's root directory.
pub fn root(lab: &Lab, node: &Machine, keys: &Keys) -> Vec<Entry> {
    let nodes = lab.nodes();
    let mut entries = skeleton(&Identity {
        name: &node.name,
        uuid: &node.uuid,
        hosts: &names::known(&nodes),
        layout: &lab.layout,
    });
    if lab.ipv6.is_some() {
        // Without it a name that stands in several lines has the first one's address alone
        // (host.conf(5)). Debian and Fedora have the same file.
        entries.push(text("etc/host.conf", "multi on\n".to_owned()));
    }
    if !lab.spec.bare && node.kind != Kind::Qnetd {
        entries.push(authkey(&keys.pacemaker));
    }
    if lab.has_init(node) {
        entries.extend(system(lab, node, keys));
    } else {
        entries.extend(other_users());
        if lab.remoted.bind_source().is_some() {
            entries.extend(mount_point("opt/lxc-autogen", "pacemaker-remoted"));
        }
    }
    entries
}

/// What a node has besides in which an init runs daemons. The qnetd node has no key of the cluster's.
fn system(lab: &Lab, node: &Machine, keys: &Keys) -> Vec<Entry> {
    let is_cluster = node.kind == Kind::Cluster;
    let mut entries = directories();
    if is_cluster {
        entries.extend(stack::files(lab, &keys.corosync, &keys.fence));
    }
    entries.extend([
        text(
            supervisor::CONFIG.trim_start_matches('/'),
            supervisor_text(lab, node.kind),
        ),
        text("etc/profile", profile(lab)),
        text("root/.bashrc", ". /etc/profile\n".to_owned()),
        owned_file("etc/shadow", shadow(keys), 0o600, Owner::Root),
        text("etc/shells", "/bin/sh\n/bin/bash\n".to_owned()),
    ]);
    entries.extend(
        ["etc/localtime", "etc/login.defs", "etc/environment"].map(|p| file(p, Content::Copy)),
    );
    // Resource agents that run programs as another user need these.
    entries.extend(["etc/pam.d", "etc/security"].map(|path| Entry::Tree {
        path: path.to_owned(),
    }));
    if let Some(ssh) = &keys.ssh {
        entries.extend(sshd::files(lab, ssh));
    }
    if let Some(pcs) = keys.pcs.as_ref().filter(|_| lab.runs_pcsd(node)) {
        entries.extend(pcs::files(lab, pcs));
    }
    // Packages' directories come last: those that are there already stay as they are.
    if lab.spec.root == Root::Full {
        entries.extend(whole_system(lab));
        entries.extend(own_usr(lab, node.kind));
    }
    if lab.spec.init == Init::Systemd {
        entries.extend(settings(lab, node.kind));
        entries.extend(units::files(lab, node));
        entries.extend(
            is_cluster
                .then(|| sbd::files(lab, node))
                .into_iter()
                .flatten(),
        );
    }
    entries
}

/// What a node has besides where the whole of the base tree's system is to be its own: places for
/// what it shares and for what it changes, and the directories that packages have made in /var.
fn whole_system(lab: &Lab) -> Vec<Entry> {
    let own = |path: &str| dir(path.trim_start_matches('/'), 0o755, Owner::Root);
    let mut entries = vec![own(config::SYSTEM_IN_NODE), own(config::CHANGES)];
    entries.extend(lab.layout.databases.iter().map(|path| own(path)));
    let of_packages = ["var/lib", "var/log", "var/cache", "var/spool", "var/www"];
    entries.extend(of_packages.map(|path| Entry::Directories {
        path: path.to_owned(),
    }));
    entries
}

/// The directory of daemons' settings, and Pacemaker's: the base tree's, with what the lab's options
/// set after it.
fn settings(lab: &Lab, kind: Kind) -> Vec<Entry> {
    let (directory, path) = config::settings(lab);
    let has_env = !lab.spec.env.is_empty() && kind != Kind::Qnetd;
    let lines = lab.spec.env.iter().map(|it| it.line());
    let text = ["\n# lab up --env\n".to_owned()].into_iter().chain(lines);
    let own = has_env.then(|| file(&path, Content::Extended(text.collect())));
    let sbd = lab.spec.sbd && kind == Kind::Cluster;
    let directory = (has_env || sbd).then(|| dir(directory, 0o755, Owner::Root));
    directory.into_iter().chain(own).collect()
}

/// What a node has in a /usr of its own beside the base tree's, with the directories for it.
fn own_usr(lab: &Lab, kind: Kind) -> Vec<Entry> {
    let mut all = shown::links(lab, kind);
    if lab.spec.init == Init::Systemd {
        all.push(packages_may_start());
    }
    let mut entries: Vec<Entry> = Vec::new();
    for entry in all {
        let (Entry::Link { path, .. } | Entry::File { path, .. }) = &entry else {
            continue;
        };
        let parents = Path::new(path)
            .ancestors()
            .skip(1)
            .map(Path::to_string_lossy);
        let parents =
            parents.filter(|path| !path.is_empty() && format!("/{path}") != config::CHANGES);
        let mut parents: Vec<Entry> = parents.map(|path| dir(&path, 0o755, Owner::Root)).collect();
        parents.retain(|parent| !entries.contains(parent));
        entries.extend(parents.into_iter().rev());
        entries.push(entry);
    }
    entries
}

/// A policy-rc.d of the node's own, in place of the tree's: images for Docker have one that lets no
/// package start what it brings (invoke-rc.d(8)). This one lets all, as without one.
fn packages_may_start() -> Entry {
    let own = config::own_usr().join("sbin/policy-rc.d");
    let own = own.strip_prefix("/").unwrap_or(&own);
    let content = Content::Text("#!/bin/sh\nexit 0\n".to_owned());
    owned_file(&own.to_string_lossy(), content, 0o755, Owner::Root)
}

fn directories() -> Vec<Entry> {
    let own = |path: &str| dir(path, 0o755, Owner::Root);
    let all = ["etc/lxc-autogen", "etc/ssh", "opt/lxc-autogen"];
    all.map(own).to_vec()
}

fn supervisor_text(lab: &Lab, kind: Kind) -> String {
    // This cannot fail: the configuration has strings and numbers only.
    serde_json::to_string_pretty(&config::supervisor(lab, kind)).unwrap_or_default()
}

/// A script for login shells in a node, which sets the daemons' environment.
fn profile(lab: &Lab) -> String {
    let mut text = String::new();
    for (name, value) in config::environment(lab) {
        text.push_str(&format!("export {name}='{value}'\n"));
    }
    text + "PS1='[\\u@\\h \\w]\\$ '\n"
}

fn shadow(keys: &Keys) -> Content {
    Content::Shadow {
        hacluster: keys.pcs.as_ref().map(|pcs| pcs.hash.clone()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lab::tests::with_qnetd;
    use std::collections::HashSet;

    pub(in crate::lab) fn keys() -> Keys {
        Keys {
            corosync: vec![1],
            pacemaker: vec![2],
            fence: vec![3],
            ssh: Some(sshd::Keys {
                host: vec![4],
                host_public: "ssh-ed25519 AAAA lab".into(),
                user: vec![5],
                user_public: "ssh-ed25519 BBBB lab".into(),
            }),
            pcs: Some(pcs::Keys {
                token: "0123".into(),
                hash: "$6$x".into(),
            }),
        }
    }

    #[test]
    fn parents_stand_first_and_secrets_are_secret() {
        let keys = keys();
        let mut lab = with_qnetd(2, 1);
        for (init, kind) in [(Init::Own, Root::Lean), (Init::Systemd, Root::Full)] {
            lab.spec.init = init;
            lab.spec.root = kind;
            look(&lab, &keys);
        }
        let hosts = names::known_hosts(&lab, &keys.ssh.as_ref().unwrap().host_public);
        assert!(
            hosts.contains("lab-node2,172.31.200.12 ssh-ed25519 AAAA\n"),
            "{hosts}"
        );
    }

    fn look(lab: &Lab, keys: &Keys) {
        for node in lab.nodes() {
            let mut seen: HashSet<String> = HashSet::new();
            for entry in root(lab, &node, keys) {
                let path = match &entry {
                    Entry::Dir { path, .. } | Entry::Link { path, .. } | Entry::Tree { path } => {
                        path
                    }
                    // What is there already stays as it is.
                    Entry::Directories { .. } => continue,
                    Entry::File {
                        path,
                        content,
                        mode,
                        ..
                    } => {
                        let key = matches!(content, Content::Bytes(_));
                        // The cluster's keys are not for who is no member of it.
                        let of_cluster = ["etc/corosync/authkey", "etc/pacemaker/authkey"];
                        assert!(node.kind != Kind::Qnetd || !of_cluster.contains(&&**path));
                        assert!(!key || mode & 0o007 == 0, "{path} {mode:o}");
                        path
                    }
                };
                if let Some((parent, _)) = path.rsplit_once('/') {
                    assert!(seen.contains(parent), "{path} before {parent}");
                }
                assert!(seen.insert(path.clone()), "{path} twice");
            }
        }
    }
}
