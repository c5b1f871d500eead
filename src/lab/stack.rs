//! The files of a cluster node's full stack: corosync, Pacemaker, fencing, and libvirt for its guests.

use super::{GUESTS_DIR, Lab, cib, config, corosync};
use crate::plan::{Set, dir, link, owned_file, secret, text};
use crate::rootfs::{Content, Entry, Owner};

/// What runs the lab's cluster and its guests, with corosync's key and fence_virtd's.
pub(super) fn files(lab: &Lab, authkey: &[u8], fence_key: &[u8]) -> Vec<Entry> {
    let mut entries = directories();
    if !lab.spec.bare {
        entries.extend(cluster(lab, authkey));
    }
    entries.extend([
        secret("etc/cluster/fence_xvm.key", fence_key, 0o600, Owner::Root),
        text("etc/libvirt/libvirtd.conf", config::libvirtd()),
    ]);
    entries
}

/// The lab's cluster, as every cluster node knows it.
fn cluster(lab: &Lab, authkey: &[u8]) -> [Entry; 3] {
    [
        text("etc/corosync/corosync.conf", corosync::conf(lab)),
        secret("etc/corosync/authkey", authkey, 0o400, Owner::Root),
        owned_file(
            "var/lib/pacemaker/cib/cib.xml",
            Content::Text(cib::first(lab).render()),
            0o600,
            Owner::Hacluster,
        ),
    ]
}

fn directories() -> Vec<Entry> {
    let mut entries: Vec<Entry> = [
        "etc/corosync",
        "etc/corosync/uidgid.d",
        "etc/cluster",
        "etc/libvirt",
        "etc/libvirt/qemu",
        "etc/libvirt/qemu/networks",
        "etc/libvirt/qemu/networks/autostart",
        "var/lib/corosync",
        "var/lib/libvirt",
        "var/lib/libvirt/dnsmasq",
        "var/cache/libvirt",
        "var/log/corosync",
        "var/log/libvirt",
        "var/log/cluster",
    ]
    .iter()
    .map(|path| dir(path, 0o755, Owner::Root))
    .collect();
    entries.extend([
        dir("var/lib/pacemaker/pengine", 0o750, Owner::Hacluster),
        // crmsh ends in a traceback where it is missing.
        dir("var/log/crmsh", 0o775, Owner::Hacluster),
        dir(GUESTS_DIR.trim_start_matches('/'), 0o700, Owner::Root),
    ]);
    entries
}

/// The network of guests that are there already, for a cluster node that is added later: its
/// libvirtd has the network before the cluster can start a guest there.
pub fn guests_network(set: &Set) -> Vec<Entry> {
    let directory = "etc/libvirt/qemu/networks";
    let name = &set.network;
    vec![
        text(
            &format!("{directory}/{name}.xml"),
            crate::libvirt::network::network(set).render(),
        ),
        link(
            &format!("{directory}/autostart/{name}.xml"),
            &format!("../{name}.xml"),
        ),
    ]
}
