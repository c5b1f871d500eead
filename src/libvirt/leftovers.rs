//! Files and directories that appear on the host with machines, besides libvirt's files of each
//! domain ([`Hypervisor::leftovers`]).

use super::hypervisor::Hypervisor;
use std::path::PathBuf;

/// The directory of VirtualDomain's drop-ins for systemd.
const DROP_INS: &str = "/run/systemd/system/resource-agents-deps.target.d";

/// Drop-ins that VirtualDomain makes when the first machine starts on a host with systemd.
pub fn drop_ins() -> impl Iterator<Item = PathBuf> {
    ["libvirt", "machines"]
        .into_iter()
        .map(|name| PathBuf::from(format!("{DROP_INS}/99-VirtualDomain-{name}.conf")))
}

/// Directories that appear with the first machine; a directory stands after those it is in.
pub fn directories(hypervisor: &Hypervisor) -> impl Iterator<Item = PathBuf> {
    [hypervisor.logs, "/run/resource-agents", DROP_INS]
        .into_iter()
        .map(PathBuf::from)
}

/// Directories that libvirt makes when a first network is defined.
pub fn network_directories() -> impl Iterator<Item = PathBuf> {
    [
        "/etc/libvirt/qemu/networks",
        "/etc/libvirt/qemu/networks/autostart",
    ]
    .into_iter()
    .map(PathBuf::from)
}
