//! The domain XML of containers of every kind (libvirt, formatdomain.html; drvlxc.html).

use super::metadata;
use crate::plan::{Blueprint, Card, Mount, Privileges};
use crate::spec::mac;
use crate::xml::El;
use std::path::Path;

/// Capabilities that no container keeps; a machine that can be started again from inside keeps
/// sys_boot.
///
/// With policy `allow` libvirt drops only the capabilities that are named, so all of them are named
/// here. Its policy `default` drops audit_control, mac_admin, mknod, sys_module and sys_time, but
/// ignores sys_boot where the kernel confines reboot(2) to the container (libvirt 9.0,
/// src/lxc/lxc_container.c, lxcContainerDropCapabilities).
///
/// - sys_boot: reboot(2) is for the host alone, and so is kexec_load(2).
/// - dac_read_search: open_by_handle_at(2) reaches any file of a file system that is bound in.
/// - sys_rawio, syslog: the host's devices and kernel log.
const DROPPED: &[&str] = &[
    "audit_control",
    "dac_read_search",
    "mac_admin",
    "sys_boot",
    "sys_module",
    "sys_rawio",
    "sys_time",
    "syslog",
];

fn dropped_besides(privileges: Privileges) -> &'static [&'static str] {
    match privileges {
        Privileges::Least => &["mknod", "sys_admin"],
        Privileges::Mounting => &["mknod"],
        Privileges::Nesting | Privileges::Restarting => &[],
    }
}

/// The `<capabilities>` of a container.
fn capabilities(privileges: Privileges) -> El {
    let mut dropped = [DROPPED, dropped_besides(privileges)].concat();
    if privileges == Privileges::Restarting {
        dropped.retain(|name| *name != "sys_boot");
    }
    dropped.sort_unstable();
    El::new("capabilities")
        .attr("policy", "allow")
        .children(dropped.into_iter().map(|c| El::new(c).attr("state", "off")))
}

/// The `<domain>` of a container.
pub fn domain(blueprint: &Blueprint) -> El {
    let machine = &blueprint.machine;
    let memory = El::new("memory").attr("unit", "MiB");
    El::new("domain")
        .attr("type", "lxc")
        .child(El::new("name").text(&machine.name))
        .child(El::new("uuid").text(&machine.uuid))
        .child(metadata(&blueprint.state_dir))
        .child(memory.text(machine.memory_mib))
        .child(El::new("vcpu").text(1))
        .child(os(&blueprint.init, &blueprint.environment))
        .child(El::new("features").child(capabilities(blueprint.privileges)))
        .child(
            El::new("devices")
                // On a line of its own, since VirtualDomain greps for it.
                .child(El::new("emulator").text(blueprint.emulator.display()))
                .children(filesystems(blueprint))
                .children(blueprint.disks.iter().map(|(from, name)| disk(from, name)))
                .children(blueprint.cards.iter().map(interface))
                .child(El::new("console").attr("type", "pty"))
                .children(blueprint.devices.iter().map(|path| device(path))),
        )
}

fn os(init: &[String], environment: &[(String, String)]) -> El {
    let (init, arguments) = init.split_first().map_or(("", &[][..]), |(i, a)| (i, a));
    let variable = |(name, value): &(String, String)| {
        let element = El::new("initenv").attr("name", name);
        element.text(value)
    };
    El::new("os")
        .child(El::new("type").text("exe"))
        .child(El::new("init").text(init))
        .children(arguments.iter().map(|a| El::new("initarg").text(a)))
        .children(environment.iter().map(variable))
}

/// The directory with a container's root, inside the directory of the container's files.
pub const ROOT: &str = "rootfs";

/// The file with a container's disk, in the same place.
pub const DISK: &str = "disk.ext4";

/// A container's root: its disk, which libvirt attaches to a loop device that goes with the
/// container (libvirt 9.0, src/lxc/lxc_controller.c, virLXCControllerSetupLoopDeviceFS), or a
/// directory.
fn root(blueprint: &Blueprint) -> El {
    let top = Path::new("/");
    if blueprint.disk_mib.is_none() {
        return bind(&blueprint.directory.join(ROOT), top);
    }
    let disk = blueprint.directory.join(DISK);
    El::new("filesystem")
        .attr("type", "file")
        .attr("accessmode", "passthrough")
        .child(El::new("driver").attr("type", "loop").attr("format", "raw"))
        .child(El::new("source").attr("file", disk.display()))
        .child(El::new("target").attr("dir", top.display()))
}

/// A container's file systems: its own root, then the trees of the base tree read-only, then its
/// other mounts.
fn filesystems(blueprint: &Blueprint) -> Vec<El> {
    let layout = &blueprint.layout;
    let mut all = vec![root(blueprint)];
    let trees = layout.trees.iter();
    all.extend(trees.map(|tree| read_only(&layout.base.join(tree), &Path::new("/").join(tree))));
    all.extend(blueprint.mounts.iter().map(filesystem));
    all
}

fn filesystem(mount: &Mount) -> El {
    match mount {
        Mount::Host {
            source,
            target,
            read_only: true,
            ..
        } => read_only(source, target),
        Mount::Host { source, target, .. } => bind(source, target),
        Mount::Memory { mib, target } => in_memory(*mib, target),
        // libvirt mounts the host's cgroup v1 hierarchies into every container, writable. No
        // program in a guest or remote node needs them, so an empty file system covers them.
        Mount::NoGroups => in_memory(1, "/sys/fs/cgroup"),
        Mount::NoSysrq => masked_sysrq(),
    }
}

/// Pacemaker panics by writing to this file; from a container that would reboot the host.
pub fn masked_sysrq() -> El {
    masked(Path::new(SYSRQ))
}

/// Binds the null device over a file of a container's /proc. The file must exist, or the container
/// does not start.
pub fn masked(file: &Path) -> El {
    bind(Path::new("/dev/null"), file)
}

/// Mounts a directory or file of the host in the container.
fn bind(source: &Path, target: &Path) -> El {
    El::new("filesystem")
        .attr("type", "mount")
        .child(El::new("source").attr("dir", source.display()))
        .child(El::new("target").attr("dir", target.display()))
}

/// Mounts a directory or file of the host in the container, read-only.
fn read_only(source: &Path, target: &Path) -> El {
    bind(source, target).child(El::new("readonly"))
}

/// Mounts an empty file system in memory, of this size in MiB.
fn in_memory(mib: u32, target: &str) -> El {
    El::new("filesystem")
        .attr("type", "ram")
        .child(
            El::new("source")
                .attr("usage", u64::from(mib) * 1024)
                .attr("units", "KiB"),
        )
        .child(El::new("target").attr("dir", target))
}

/// The file that makes the kernel reboot at once, in kernels built with it.
pub const SYSRQ: &str = "/proc/sysrq-trigger";

/// A network interface of a container. It names the bridge and not libvirt's network: this saves a
/// call at each start and needs no file of dnsmasq's. libvirt itself sets address, route and link
/// state, and calls the interfaces eth0, eth1 and so on in the container.
fn interface(card: &Card) -> El {
    let gateway = card.gateway.map(|gateway| {
        El::new("route")
            .attr("family", "ipv4")
            .attr("address", "0.0.0.0")
            .attr("prefix", 0)
            .attr("gateway", gateway)
    });
    let ipv6 = card.ipv6.map(|address| {
        El::new("ip")
            .attr("address", address)
            .attr("family", "ipv6")
            .attr("prefix", 64)
    });
    El::new("interface")
        .attr("type", "bridge")
        .child(El::new("mac").attr("address", mac(card.address)))
        .child(El::new("source").attr("bridge", &card.bridge))
        .child(
            El::new("ip")
                .attr("address", card.address)
                .attr("family", "ipv4")
                .attr("prefix", card.prefix),
        )
        .children(ipv6)
        .children(gateway)
        .child(El::new("link").attr("state", "up"))
}

/// A block device of the host, which other machines use too. The machine's device control group
/// allows it, and its /dev has it by this name (libvirt, drvlxc.html).
fn disk(from: &Path, name: &str) -> El {
    El::new("disk")
        .attr("type", "block")
        .attr("device", "disk")
        .child(El::new("source").attr("dev", from.display()))
        .child(El::new("target").attr("dev", name).attr("bus", "virtio"))
        .child(El::new("shareable"))
}

fn device(path: &str) -> El {
    El::new("hostdev")
        .attr("mode", "capabilities")
        .attr("type", "misc")
        .child(El::new("source").child(El::new("char").text(path)))
}

/// A domain that belongs to no set, to test whether this host can start a container at all. It runs
/// `init` over a read-only view of the host's trees, without a network, and ends by itself.
pub fn probe(name: &str, root: &Path, emulator: &Path, trees: &[String], init: &Path) -> El {
    El::new("domain")
        .attr("type", "lxc")
        .child(El::new("name").text(name))
        .child(metadata(root))
        .child(El::new("memory").attr("unit", "MiB").text(64))
        .child(
            El::new("os")
                .child(El::new("type").text("exe"))
                .child(El::new("init").text(init.display()))
                .child(El::new("initarg").text("5")),
        )
        .child(
            El::new("features")
                .child(El::new("privnet"))
                .child(capabilities(Privileges::Least)),
        )
        .child(
            El::new("devices")
                .child(El::new("emulator").text(emulator.display()))
                .child(bind(root, Path::new("/")))
                .children(trees.iter().map(|tree| {
                    let path = Path::new("/").join(tree);
                    read_only(&path, &path)
                }))
                .child(El::new("console").attr("type", "pty")),
        )
}

#[cfg(test)]
mod tests;
