//! The configuration of a lab's daemons, as text: corosync.conf(5), fence_virt.conf(5),
//! libvirtd.conf, sshd_config(5), and the node's own supervisor.

use super::{FENCE, FENCE_PORT, Init, Lab, Root, qdevice};
use crate::libvirt::hypervisor::{LXC, QEMU};
use crate::plan::{self, Kind, PANICS};
use crate::supervisor::{Config, Daemon, Overlay, Ready};
use std::path::{Path, PathBuf};

/// PATH of the nodes, with our own program's directory last.
pub const NODE_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/lxc-autogen";

/// libvirtd.conf of a node: access for root alone, the only user there.
pub fn libvirtd() -> String {
    "auth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n\
     log_outputs = \"3:file:/var/log/libvirt/libvirtd.log\"\n"
        .to_owned()
}

/// fence_virt.conf of this host's fence_virtd, which listens at the lab's bridge. Without
/// [`fence_groups`] anybody who has the key may fence every domain.
pub fn fence_virtd(lab: &Lab) -> String {
    format!(
        "fence_virtd {{\n  listener = \"tcp\";\n  backend = \"libvirt\";\n}}\nlisteners {{\n  \
         tcp {{\n    address = \"{}\";\n    port = \"{FENCE_PORT}\";\n    family = \"ipv4\";\n    \
         key_file = \"{}\";\n    hash = \"sha256\";\n    auth = \"sha256\";\n  }}\n}}\nbackends {{\n  \
         libvirt {{\n    uri = \"{}\";\n{}  }}\n}}\n",
        lab.subnet.host(),
        lab.path(FENCE).join("key").display(),
        LXC.uri,
        match lab.spec.has_vms() {
            true => format!("    uri1 = \"{}\";\n", QEMU.uri),
            false => String::new(),
        },
    )
}

/// The part of fence_virt.conf that tells which addresses may fence which domains. The addresses
/// are those of the lab's cluster nodes, and this host's, so that it can test whether it is
/// answered. The domains are the lab's nodes.
pub fn fence_groups(lab: &Lab) -> String {
    let mut text = format!(
        "groups {{\n  group {{\n    name = \"{}\";\n    ip = \"{}\";\n",
        lab.spec.name,
        lab.subnet.host(),
    );
    for node in lab.cluster_nodes() {
        text.push_str(&format!("    ip = \"{}\";\n", node.address));
    }
    // By name and by uuid: fence_virtd compares whichever a client sends (server/static_map.c).
    for node in lab.members() {
        text.push_str(&format!(
            "    uuid = \"{}\";\n    uuid = \"{}\";\n",
            node.name, node.uuid
        ));
    }
    text.push_str("  }\n}\n");
    text
}

/// sshd_config of the nodes: root by key from the other nodes, nobody by password. OpenSSH before
/// 8.7 has an older name for KbdInteractiveAuthentication.
pub fn sshd() -> String {
    "HostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin prohibit-password\n\
     PasswordAuthentication no\nKbdInteractiveAuthentication no\n\
     ChallengeResponseAuthentication no\nUsePAM no\n\
     AllowUsers root\nAcceptEnv LANG LC_*\n\
     Subsystem sftp internal-sftp\n"
        .to_owned()
        + &format!("SetEnv PATH={NODE_PATH}\n")
}

/// The supervisor's configuration of a node: which daemons it runs.
pub fn supervisor(lab: &Lab, kind: Kind) -> Config {
    let mut daemons = match kind {
        Kind::Qnetd => vec![qdevice::qnetd()],
        Kind::Cluster => cluster_daemons(lab),
        Kind::Remote | Kind::Guest => vec![remoted_daemon(lab)],
    };
    if lab.spec.ssh {
        daemons.push(daemon("sshd", &["/usr/sbin/sshd", "-D", "-e"], 0, None));
    }
    let device = match lab.spec.qnetd {
        true => &qdevice::DIRECTORIES[..],
        false => &[],
    };
    Config {
        directories: [
            ("/run", 0o755),
            ("/run/lock", 0o1777),
            ("/run/resource-agents", 0o1755),
            ("/run/sshd", 0o755),
        ]
        .into_iter()
        .chain(device.iter().map(|path| (*path, 0o770)))
        .map(|(path, mode)| (path.into(), mode))
        .collect(),
        environment: match kind {
            Kind::Qnetd => environment(lab),
            Kind::Cluster | Kind::Remote | Kind::Guest => daemons_environment(lab),
        },
        daemons,
        overlays: match lab.spec.root {
            Root::Lean => Vec::new(),
            Root::Full => overlays(lab, kind),
        },
        systemd: (lab.spec.init == Init::Systemd).then(|| SYSTEMD.into()),
    }
}

/// The daemon of a remote node with an init of ours: a virtual machine.
fn remoted_daemon(lab: &Lab) -> Daemon {
    let path = remoted_in_node(lab);
    plan::remoted_daemon(&path.unwrap_or_else(|| lab.remoted.inside().display().to_string()))
}

fn cluster_daemons(lab: &Lab) -> Vec<Daemon> {
    let mut daemons = vec![
        daemon(
            "corosync",
            &["/usr/sbin/corosync", "-f"],
            0,
            Some(Ready::Abstract("quorum".into())),
        ),
        daemon(
            "libvirtd",
            &["/usr/sbin/libvirtd"],
            0,
            Some(Ready::Path("/run/libvirt/libvirt-sock".into())),
        ),
        Daemon {
            panics: PANICS.to_vec(),
            stop_s: 600,
            ..daemon("pacemakerd", &["/usr/sbin/pacemakerd"], 1, None)
        },
    ];
    if lab.spec.qnetd {
        // Daemons are stopped from the last one on: Pacemaker first.
        daemons.insert(daemons.len() - 1, qdevice::qdevice());
    }
    daemons
}

/// Path of systemd, in every distribution (systemd's file-hierarchy).
pub const SYSTEMD: &str = "/usr/lib/systemd/systemd";

/// Path in the nodes of what they share besides the base tree's /usr: [`super::SYSTEM`].
pub const SYSTEM_IN_NODE: &str = "/.system";

/// Where nodes with a /usr of their own see the /usr of a build.
pub(super) const BUILD_IN_NODE: &str = "/.build";

/// Whether nodes of this kind have the lab's build over their /usr, where there is one: the qnetd node
/// runs nothing of Pacemaker's.
pub(super) fn has_build(kind: Kind) -> bool {
    matches!(kind, Kind::Cluster | Kind::Remote)
}

/// Where a node keeps what it has changed in directories that it shares.
pub const CHANGES: &str = "/.changes";

/// Where a node keeps what it has changed in this directory.
fn changes_of(path: &str) -> PathBuf {
    Path::new(CHANGES).join(path.replace('/', "-"))
}

/// Where a node has what it has in /usr beside the tree's.
pub fn own_usr() -> PathBuf {
    changes_of("usr").join("upper")
}

/// The writable copies of a node with its whole system.
fn overlays(lab: &Lab, kind: Kind) -> Vec<Overlay> {
    let has_build = lab.spec.overlay.is_some() && has_build(kind);
    let over_itself = |path: &String| {
        let own = |what: &str| changes_of(path).join(what);
        let target = Path::new("/").join(path);
        let lower = match has_build && path == "usr" {
            true => format!("{}:{}", BUILD_IN_NODE, target.display()).into(),
            false => target.clone(),
        };
        Overlay {
            lower,
            target,
            upper: own("upper"),
            work: own("work"),
        }
    };
    let etc = Overlay {
        target: "/etc".into(),
        lower: Path::new(SYSTEM_IN_NODE).join("etc"),
        upper: "/etc".into(),
        work: Path::new(CHANGES).join("etc/work"),
    };
    let layout = lab.layout.without_etc();
    let over_themselves = layout.trees.iter().chain(&layout.databases);
    let over_themselves = over_themselves.map(over_itself);
    over_themselves.chain([etc]).collect()
}

fn daemon(name: &str, command: &[&str], stage: u32, ready: Option<Ready>) -> Daemon {
    Daemon {
        name: name.to_owned(),
        command: command.iter().map(|c| (*c).to_owned()).collect(),
        stage,
        ready,
        panics: Vec::new(),
        stop_s: 20,
    }
}

/// The environment of daemons and of commands in a cluster node.
pub fn environment(lab: &Lab) -> Vec<(String, String)> {
    let mut all = vec![
        ("PATH".to_owned(), NODE_PATH.to_owned()),
        ("HOME".to_owned(), "/root".to_owned()),
        ("LXC_AUTOGEN_LAB".to_owned(), lab.spec.name.clone()),
    ];
    all.extend(lab.remoted_environment.iter().cloned());
    if let Some(path) = remoted_in_node(lab) {
        all.push(("LXC_AUTOGEN_REMOTED".to_owned(), path));
    }
    all
}

/// The environment of the daemons of a node that an init of ours starts: with what the lab's options
/// set, which people's commands in the node do not have, as on any machine.
fn daemons_environment(lab: &Lab) -> Vec<(String, String)> {
    let mut all = environment(lab);
    all.extend(given(lab));
    all
}

/// Variables that the lab's options set.
pub fn given(lab: &Lab) -> impl Iterator<Item = (String, String)> {
    let all = lab.spec.env.iter();
    all.map(|it| (it.name.clone(), it.value.clone()))
}

/// The directory with daemons' settings, and that of these the file of Pacemaker's, in a node.
pub fn settings(lab: &Lab) -> (&'static str, String) {
    let directory = match lab.sysconfig {
        true => "etc/sysconfig",
        false => "etc/default",
    };
    (directory, format!("{directory}/pacemaker"))
}

/// Path in a node with an init of a pacemaker-remoted that is not in the node's /usr.
pub const REMOTED: &str = "/opt/lxc-autogen/pacemaker-remoted";

/// Path in a cluster node of the pacemaker-remoted for its guests; `None` when it is in the node's
/// /usr.
pub fn remoted_in_node(lab: &Lab) -> Option<String> {
    lab.remoted.bind_source().map(|_| REMOTED.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::sample;

    #[test]
    fn only_cluster_nodes_and_the_host_may_fence_and_only_this_labs_nodes() {
        let text = fence_virtd(&sample(3, 2)) + &fence_groups(&sample(3, 2));
        assert_eq!(text.matches(" ip = ").count(), 4);
        assert_eq!(text.matches(" uuid = ").count(), 2 * 5);
        assert!(text.contains("uri = \"lxc:///\""));
    }
}
