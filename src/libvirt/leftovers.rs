//! What machines leave on the host without anybody having asked for it, besides what libvirt leaves
//! of each by its name ([`Hypervisor::leftovers`]).

use super::hypervisor::Hypervisor;
use std::path::PathBuf;

/// Where VirtualDomain has its drop-ins.
const DROP_INS: &str = "/run/systemd/system/resource-agents-deps.target.d";

/// Drop-ins that VirtualDomain makes with the first machine where systemd runs.
pub fn drop_ins() -> impl Iterator<Item = PathBuf> {
    ["libvirt", "machines"]
        .into_iter()
        .map(|name| PathBuf::from(format!("{DROP_INS}/99-VirtualDomain-{name}.conf")))
}

/// Directories that appear with the first machine, innermost last.
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
