//! The units of a node whose PID 1 is systemd (systemd.unit(5)).

use super::{Lab, config, qdevice};
use crate::plan::{Kind, Machine, dir, file, link};
use crate::rootfs::{Content, Entry, Owner};

/// Where an administrator's units are.
pub(super) const UNITS: &str = "etc/systemd/system";
/// Where distributions have theirs.
pub(super) const VENDOR: &str = "/usr/lib/systemd/system";

/// The cluster's daemons.
const CLUSTER: &[&str] = &["corosync", "pacemaker"];

/// What a node must not start: nobody sits at its console. What is for hardware or the kernel does
/// not start in a container by its own conditions.
const MASKED: &[&str] = &["console-getty.service"];

/// The units that a node of this kind starts.
pub(super) fn enabled(lab: &Lab, kind: Kind) -> Vec<String> {
    let mut names = match kind {
        Kind::Qnetd => vec![qdevice::QNETD],
        Kind::Cluster | Kind::Remote | Kind::Guest => of_cluster_nodes(lab),
    };
    names.extend(lab.spec.ssh.then_some("ssh"));
    names.extend((lab.has_pcs() && kind == Kind::Cluster).then_some("pcsd"));
    let unit = |name: &str| format!("{name}.service");
    names.into_iter().map(unit).collect()
}

fn of_cluster_nodes(lab: &Lab) -> Vec<&'static str> {
    let cluster = if lab.spec.bare { &[][..] } else { CLUSTER };
    let qdevice = lab.spec.qnetd.then_some(&qdevice::QDEVICE);
    let names = cluster.iter().chain(qdevice).chain(&["libvirtd"]);
    names.copied().collect()
}

/// Files that make the cluster's daemons the units of this node.
pub(super) fn files(lab: &Lab, node: &Machine) -> Vec<Entry> {
    let wants = format!("{UNITS}/multi-user.target.wants");
    let mut entries = vec![
        dir("etc/systemd", 0o755, Owner::Root),
        dir(UNITS, 0o755, Owner::Root),
        dir(&wants, 0o755, Owner::Root),
        link(
            &format!("{UNITS}/default.target"),
            &format!("{VENDOR}/multi-user.target"),
        ),
    ];
    // It ends when it has had nothing to do for a while, and starts again by its sockets.
    let stays = "[Service]\nEnvironment=LIBVIRTD_ARGS=\n".to_owned();
    let changed = match node.kind {
        Kind::Qnetd => vec![(qdevice::QNETD, qdevice::unit())],
        _ => vec![("pacemaker", pacemaker(lab)), ("libvirtd", stays)],
    };
    for (unit, text) in changed {
        let directory = format!("{UNITS}/{unit}.service.d");
        entries.push(dir(&directory, 0o755, Owner::Root));
        entries.push(file(
            &format!("{directory}/lxc-autogen.conf"),
            Content::Text(text),
        ));
    }
    if lab.has_pcs() && !lab.spec.bare && node.kind == Kind::Cluster {
        entries.extend(pcs_later(node.number));
    }
    for unit in enabled(lab, node.kind) {
        entries.push(link(
            &format!("{wants}/{unit}"),
            &format!("{VENDOR}/{unit}"),
        ));
    }
    for unit in MASKED {
        entries.push(link(&format!("{UNITS}/{unit}"), "/dev/null"));
    }
    entries
}

/// pcsd, in Python and in Ruby, takes more of the processor to start than the whole cluster does:
/// with 16 nodes on two cores no node came online. So it starts when its node is online, and in one
/// node after the other.
fn pcs_later(number: u32) -> Vec<Entry> {
    const ONLINE: &str = "lxc-autogen-online.service";
    const BETWEEN_S: u32 = 2;
    let pause = BETWEEN_S * number.saturating_sub(1);
    let online = format!(
        "[Unit]\nDescription=This node is online in its cluster\nAfter=pacemaker.service\n\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=infinity\n\
         ExecStart=/opt/lxc-autogen/lxc-autogen node-online {pause}\n"
    );
    let later =
        format!("[Unit]\nWants={ONLINE}\nAfter={ONLINE}\n\n[Service]\nTimeoutStartSec=600\n");
    let mut entries = vec![file(&format!("{UNITS}/{ONLINE}"), Content::Text(online))];
    for unit in ["pcsd", "pcsd-ruby"] {
        let directory = format!("{UNITS}/{unit}.service.d");
        let path = format!("{directory}/lxc-autogen.conf");
        entries.push(dir(&directory, 0o755, Owner::Root));
        entries.push(file(&path, Content::Text(later.clone())));
    }
    entries
}

/// The environment of Pacemaker's daemons, and a node's end when Pacemaker wants it: 100 and 101 are
/// CRM_EX_FATAL and CRM_EX_PANIC (Pacemaker 2.1.5, lib/common/watchdog.c). What they say is in the
/// journal too, as on any machine.
fn pacemaker(lab: &Lab) -> String {
    let mut text = "[Service]\n".to_owned();
    let environment = config::environment(lab).into_iter();
    for (name, value) in environment.filter(|(name, _)| name != "PCMK_logfacility") {
        text.push_str(&format!("Environment=\"{name}={value}\"\n"));
    }
    text + "ExecStopPost=/opt/lxc-autogen/lxc-autogen node-plug --pull-after 100,101\n"
}
