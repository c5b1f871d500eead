//! What containers leave on the host without anybody having asked for it.

use std::path::PathBuf;

/// Files (and empty directories) of one container, by its domain's name: libvirt's log and
/// run-time directories (libvirt 9.0, src/lxc/lxc_process.c, lxc_controller.c), and VirtualDomain's
/// state file (resource-agents 4.12).
pub fn of_container(name: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = vec![
        format!("/var/log/libvirt/lxc/{name}.log").into(),
        format!("/run/resource-agents/VirtualDomain-{name}-emu.state").into(),
    ];
    let ends = ["dev", "devpts", "fuse", "sock", "pid", "xml"];
    all.extend(ends.map(|end| PathBuf::from(format!("/run/libvirt/lxc/{name}.{end}"))));
    all
}

/// Drop-ins that VirtualDomain makes with the first container where systemd runs.
pub fn drop_ins() -> impl Iterator<Item = PathBuf> {
    ["libvirt", "machines"].into_iter().map(|name| {
        let directory = "/run/systemd/system/resource-agents-deps.target.d";
        PathBuf::from(format!("{directory}/99-VirtualDomain-{name}.conf"))
    })
}

/// Directories that appear with the first container, innermost last.
pub fn directories() -> impl Iterator<Item = PathBuf> {
    [
        "/var/log/libvirt/lxc",
        "/run/resource-agents",
        "/run/systemd/system/resource-agents-deps.target.d",
    ]
    .into_iter()
    .map(PathBuf::from)
}

/// The directory that libvirt makes when a first domain is defined.
pub const DEFINED: &str = "/etc/libvirt/lxc";

/// Directories that libvirt makes when a first network is defined.
pub fn network_directories() -> impl Iterator<Item = PathBuf> {
    [
        "/etc/libvirt/qemu/networks",
        "/etc/libvirt/qemu/networks/autostart",
    ]
    .into_iter()
    .map(PathBuf::from)
}
