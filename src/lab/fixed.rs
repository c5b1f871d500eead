//! What of a lab cannot be changed while it is there, and why.

use super::LabSpec;
use crate::error::Result;

/// Refuses to change what nodes were made with; their numbers can change.
pub(super) fn refuse_other_kind(wanted: &LabSpec, saved: &LabSpec) -> Result<()> {
    const MADE: &str = "the nodes were made so, and are not remade under what runs";
    const NET: &str = "the nodes' addresses, and corosync.conf, have it";
    let (vms, old) = (&wanted.vms, &saved.vms);
    let options = [
        ("--network", wanted.subnet != saved.subnet, NET),
        ("--links", wanted.links != saved.links, NET),
        (
            "--fencing",
            wanted.fencing != saved.fencing,
            match saved.fencing {
                true => "lxc-autogen lab fencing off switches it off, and lab fencing on on again",
                false => "its key and its devices are in the nodes from their making on",
            },
        ),
        (
            "--ssh",
            wanted.ssh != saved.ssh,
            "its keys are in the nodes' files, which are not written to from outside",
        ),
        ("--disk", wanted.disk_mib != saved.disk_mib, MADE),
        (
            "--shared-disk",
            wanted.shared_disks_mib != saved.shared_disks_mib,
            "a node has its devices from its start on",
        ),
        ("--sbd", wanted.sbd != saved.sbd, MADE),
        (
            "--qnetd",
            wanted.qnetd != saved.qnetd,
            "votes are counted otherwise with it",
        ),
        (
            "--share",
            wanted.share != saved.share,
            "a node has its mounts from its start on",
        ),
        (
            "--agents",
            wanted.agents != saved.agents,
            "a node has its mounts from its start on",
        ),
        (
            "--overlay",
            wanted.overlay != saved.overlay,
            "a node has its mounts from its start on",
        ),
        (
            "--env",
            wanted.env != saved.env,
            "a node has it in /etc/default/pacemaker or /etc/sysconfig/pacemaker, where you can change it and start the \
             daemons again",
        ),
        (
            "--containers",
            wanted.containers > 0 && saved.cluster_vms > 0 && !saved.vms.with_guests,
            "its virtual machines were made without a place for guest nodes' files",
        ),
        ("--kernel", vms.kernel != old.kernel, MADE),
        ("--vm-memory", vms.memory_mib != old.memory_mib, MADE),
        ("--vm-cpus", vms.cpus != old.cpus, MADE),
        ("--machine", vms.board != old.board, MADE),
        ("--watchdog", vms.watchdog != old.watchdog, MADE),
        ("--vm-usr", vms.usr != old.usr, MADE),
        ("--base", wanted.base != saved.base, MADE),
        ("--remoted", wanted.remoted != saved.remoted, MADE),
        ("--init", wanted.init != saved.init, MADE),
        ("--root", wanted.root != saved.root, MADE),
        ("--bare", wanted.bare != saved.bare, MADE),
    ];
    crate::spec::refuse_remaking(
        &format!("lab {} was", saved.name),
        options,
        format!(
            "leave the option out, or lxc-autogen lab down --name {} first",
            saved.name
        ),
    )
}
