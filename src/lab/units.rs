//! The units of a node whose PID 1 is systemd (systemd.unit(5)).

use super::{Lab, config, qdevice};
use crate::plan::{Kind, Machine, dir, file, link};
use crate::rootfs::{Content, Entry, Owner, Remoted};
use std::path::Path;

/// Where an administrator's units are.
pub(super) const UNITS: &str = "etc/systemd/system";
/// Where distributions have theirs.
pub(super) const VENDOR: &str = "/usr/lib/systemd/system";

/// The cluster's daemons, and those for its guests.
const CLUSTER: &[&str] = &["corosync", "pacemaker", "libvirtd"];
/// They where no cluster is configured yet.
const BARE: &[&str] = &["libvirtd"];
/// The daemon of a remote node (Pacemaker Remote's own name for its unit).
const REMOTE: &[&str] = &["pacemaker_remote"];
const REMOTE_UNIT: &str = "pacemaker_remote.service";

/// What a node must not start: nobody sits at its console. What is for hardware or the kernel does
/// not start in a container by its own conditions.
const MASKED: &[&str] = &["console-getty.service"];

/// What a node need not ask for units at its start and at each `systemctl daemon-reload`, of which
/// VirtualDomain does two for each guest node that it starts (resource-agents 4.12, heartbeat/
/// VirtualDomain, systemd_drop_in): systemd's generators for disks, consoles and the kernel's command
/// line. Without them that takes half as long. They are masked as systemd.generator(7) has it.
const GENERATORS: &[&str] = &[
    "systemd-bless-boot-generator",
    "systemd-cryptsetup-generator",
    "systemd-debug-generator",
    "systemd-getty-generator",
    "systemd-gpt-auto-generator",
    "systemd-hibernate-resume-generator",
    "systemd-integritysetup-generator",
    "systemd-run-generator",
    "systemd-system-update-generator",
    "systemd-tpm2-generator",
    "systemd-veritysetup-generator",
];
/// Where an administrator's generators are.
const GENERATORS_DIR: &str = "etc/systemd/system-generators";

/// libvirtd ends when it has had nothing to do for a while, and starts again by its sockets; not so in
/// a node.
///
/// At a node's shutdown it stops after Pacemaker, which stops guest nodes by it: else the node is
/// fenced. VirtualDomain sees to that when it starts a container, and lab up starts the first ones. An
/// order holds for starts, too; of a simple service, nobody waits for more than that it has begun.
/// That of Debian 13 (libvirt 11.3) was still stopping after 20 s, and a node's reboot waited for it.
/// It is killed then, as by a plug that is pulled; its containers have ended before.
const LIBVIRTD: &str = "[Unit]\nBefore=pacemaker.service\n\n\
                        [Service]\nType=simple\nTimeoutStopSec=5\nEnvironment=LIBVIRTD_ARGS=\n";

/// The units that a node starts.
pub(super) fn enabled(lab: &Lab, node: &Machine) -> Vec<String> {
    let kind = node.kind;
    let mut names = match kind {
        Kind::Cluster if lab.spec.bare => BARE.to_vec(),
        Kind::Cluster => CLUSTER.to_vec(),
        Kind::Remote | Kind::Guest => REMOTE.to_vec(),
        Kind::Qnetd => vec![qdevice::QNETD],
    };
    names.extend((kind == Kind::Cluster && lab.spec.qnetd).then_some(qdevice::QDEVICE));
    names.extend(lab.spec.ssh.then_some("ssh"));
    names.extend(lab.runs_pcsd(node).then_some("pcsd"));
    let unit = |name: &str| format!("{name}.service");
    names.into_iter().map(unit).collect()
}

/// Files that make the daemons of the node's kind its units.
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
    let own = pacemaker_remote(lab);
    match node.kind {
        Kind::Cluster => {
            entries.extend(drop_in("pacemaker", pacemaker(lab)));
            entries.extend(drop_in("libvirtd", LIBVIRTD.to_owned()));
        }
        Kind::Remote | Kind::Guest => {
            entries.extend(drop_in("pacemaker_remote", pacemaker(lab)));
            let unit = format!("{UNITS}/{REMOTE_UNIT}");
            let own = own.clone().map(|text| file(&unit, Content::Text(text)));
            entries.extend(own);
        }
        Kind::Qnetd => entries.extend(drop_in(qdevice::QNETD, qdevice::unit())),
    }
    if lab.runs_pcsd(node) && !lab.spec.bare {
        let before = lab.with_pcsd().into_iter().take_while(|n| n != node);
        entries.extend(pcs_later(before.count()));
    }
    for unit in enabled(lab, node) {
        let at = match own.is_some() && unit == REMOTE_UNIT {
            true => format!("/{UNITS}/{unit}"),
            false => format!("{VENDOR}/{unit}"),
        };
        entries.push(link(&format!("{wants}/{unit}"), &at));
    }
    entries.push(dir(GENERATORS_DIR, 0o755, Owner::Root));
    let units = MASKED.iter().map(|unit| (UNITS, unit));
    let masked = units.chain(GENERATORS.iter().map(|name| (GENERATORS_DIR, name)));
    entries.extend(masked.map(|(at, name)| link(&format!("{at}/{name}"), "/dev/null")));
    entries
}

/// pcsd, in Python and in Ruby, takes more of the processor to start than the whole cluster does:
/// with 16 nodes on two cores no node came online. So it starts when its node is online, and in one
/// node after the other.
fn pcs_later(before: usize) -> Vec<Entry> {
    const ONLINE: &str = "lxc-autogen-online.service";
    const BETWEEN_S: usize = 2;
    let pause = BETWEEN_S * before;
    let online = format!(
        "[Unit]\nDescription=This node is online in its cluster\nAfter=pacemaker.service pacemaker_remote.service\n\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=infinity\n\
         ExecStart=/opt/lxc-autogen/lxc-autogen node-online {pause}\n"
    );
    let later =
        format!("[Unit]\nWants={ONLINE}\nAfter={ONLINE}\n\n[Service]\nTimeoutStartSec=600\n");
    let mut entries = vec![file(&format!("{UNITS}/{ONLINE}"), Content::Text(online))];
    for unit in ["pcsd", "pcsd-ruby"] {
        entries.extend(drop_in(unit, later.clone()));
    }
    entries
}

/// Additions to a unit.
pub(super) fn drop_in(unit: &str, text: String) -> [Entry; 2] {
    let directory = format!("{UNITS}/{unit}.service.d");
    let path = format!("{directory}/lxc-autogen.conf");
    [
        dir(&directory, 0o755, Owner::Root),
        file(&path, Content::Text(text)),
    ]
}

/// The unit of a pacemaker-remoted for which the nodes' /usr has none; like Pacemaker's (2.1.5,
/// daemons/execd/pacemaker_remote.service.in): what it runs lives on when it ends.
fn pacemaker_remote(lab: &Lab) -> Option<String> {
    let program = match &lab.remoted {
        Remoted::Bound { .. } => Path::new(config::REMOTED),
        Remoted::Base { path } if lab.no_remote_unit => path,
        Remoted::Base { .. } => return None,
    };
    Some(format!(
        "[Unit]\nDescription=Pacemaker Remote executor daemon\nAfter=network.target dbus.service\n\n\
         [Service]\nKillMode=process\nNotifyAccess=main\nTasksMax=infinity\n\
         SuccessExitStatus=100\nTimeoutStopSec=30s\nRestart=on-failure\nExecStart={}\n",
        program.display()
    ))
}

/// The environment of Pacemaker's daemons, and a node's end when Pacemaker wants it: 100 and 101 are
/// CRM_EX_FATAL and CRM_EX_PANIC (Pacemaker 2.1.5, lib/common/watchdog.c). What they say is in the
/// journal too, as on any machine. The file of settings is named here, too: a unit of a build has
/// another one unless it was configured with the distribution's (`--with-configdir`).
fn pacemaker(lab: &Lab) -> String {
    let mut text = format!("[Service]\nEnvironmentFile=-/{}\n", config::settings(lab).1);
    let environment = config::environment(lab).into_iter();
    for (name, value) in environment.filter(|(name, _)| name != "PCMK_logfacility") {
        text.push_str(&format!("Environment=\"{name}={value}\"\n"));
    }
    text + "ExecStopPost=/opt/lxc-autogen/lxc-autogen node-plug --pull-after 100,101\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Init;
    use crate::lab::tests::sample;

    /// The target of the link by which a remote node starts its daemon, and whether the unit is ours.
    fn remote_unit(remoted: Remoted, no_remote_unit: bool) -> (String, bool) {
        let mut lab = sample(1, 1);
        lab.spec.init = Init::Systemd;
        (lab.remoted, lab.no_remote_unit) = (remoted, no_remote_unit);
        let entries = files(&lab, &lab.remote_nodes()[0]);
        let wanted = format!("{UNITS}/multi-user.target.wants/{REMOTE_UNIT}");
        let target = entries.iter().find_map(|entry| match entry {
            Entry::Link { path, target } if *path == wanted => Some(target.clone()),
            _ => None,
        });
        let own = format!("{UNITS}/{REMOTE_UNIT}");
        let is_own = |e: &Entry| matches!(e, Entry::File { path, .. } if *path == own);
        (target.unwrap(), entries.iter().any(is_own))
    }

    #[test]
    fn a_remote_node_has_the_trees_unit_or_ours_where_there_is_none() {
        let base = || Remoted::Base {
            path: "/usr/sbin/pacemaker-remoted".into(),
        };
        let (vendors, ours) = (
            format!("{VENDOR}/{REMOTE_UNIT}"),
            format!("/{UNITS}/{REMOTE_UNIT}"),
        );
        assert_eq!(remote_unit(base(), false), (vendors, false));
        assert_eq!(remote_unit(base(), true), (ours.clone(), true));
        let path = "/opt/elsewhere/pacemaker-remoted".into();
        assert_eq!(remote_unit(Remoted::Bound { path }, false), (ours, true));
        let lab = sample(1, 1);
        assert_eq!(enabled(&lab, &lab.remote_nodes()[0]), [REMOTE_UNIT]);
    }

    #[test]
    fn a_build_whose_unit_names_another_file_of_settings_has_the_options_all_the_same() {
        assert!(pacemaker(&sample(1, 1)).contains("EnvironmentFile=-/etc/default/pacemaker\n"));
    }
}
