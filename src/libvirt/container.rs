//! The domain XML that every kind of container has (libvirt, formatdomain.html; drvlxc.html).

use super::metadata;
use crate::spec::Subnet;
use crate::xml::El;
use std::net::Ipv4Addr;
use std::path::Path;

/// Capabilities that no container keeps.
///
/// With policy `allow` libvirt drops just what is named, and so all of it is named here. Its
/// policy `default` drops audit_control, mac_admin, mknod, sys_module and sys_time, but ignores
/// sys_boot where the kernel confines reboot(2) to the container (libvirt 9.0,
/// src/lxc/lxc_container.c, lxcContainerDropCapabilities).
///
/// - sys_boot: reboot(2) is for the host alone.
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

/// What may be dropped besides, or is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privileges {
    /// The least: no mounting (with it root in a container could remount /usr writable), no
    /// device nodes.
    Least,
    /// Mounting is allowed.
    Mounting,
    /// What a libvirtd needs to start containers in this one: mounting and device nodes. Which
    /// devices can be opened is still up to the devices control group.
    Nesting,
}

impl Privileges {
    fn dropped(self) -> &'static [&'static str] {
        match self {
            Privileges::Least => &["mknod", "sys_admin"],
            Privileges::Mounting => &["mknod"],
            Privileges::Nesting => &[],
        }
    }
}

/// The `<capabilities>` of a container.
pub fn capabilities(privileges: Privileges) -> El {
    let mut dropped = [DROPPED, privileges.dropped()].concat();
    dropped.sort_unstable();
    El::new("capabilities")
        .attr("policy", "allow")
        .children(dropped.into_iter().map(|c| El::new(c).attr("state", "off")))
}

/// One card on a bridge.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    /// The bridge.
    pub bridge: &'a str,
    /// MAC address.
    pub mac: &'a str,
    /// IPv4 address in the container.
    pub address: Ipv4Addr,
    /// The subnet, whose host address is the container's gateway.
    pub subnet: &'a Subnet,
    /// What the link is called on the host; libvirt's own choice without one.
    pub host_side: Option<&'a str>,
}

/// A container.
#[derive(Debug)]
pub struct Container<'a> {
    /// Domain and host name.
    pub name: &'a str,
    /// Its uuid.
    pub uuid: &'a str,
    /// The state directory, for our mark.
    pub state_dir: &'a Path,
    /// Memory limit.
    pub memory_mib: u32,
    /// PID 1 and its arguments.
    pub init: Vec<String>,
    /// Its environment.
    pub environment: &'a [(String, String)],
    /// What it may do.
    pub privileges: Privileges,
    /// libvirt's container emulator.
    pub emulator: &'a Path,
    /// `<filesystem>` elements, the root first.
    pub filesystems: Vec<El>,
    /// The network card.
    pub card: Card<'a>,
    /// Character devices of the host that it gets.
    pub devices: &'a [&'a str],
}

impl Container<'_> {
    /// The `<domain>`.
    pub fn domain(&self) -> El {
        El::new("domain")
            .attr("type", "lxc")
            .child(El::new("name").text(self.name))
            .child(El::new("uuid").text(self.uuid))
            .child(metadata(self.state_dir))
            .child(El::new("memory").attr("unit", "MiB").text(self.memory_mib))
            .child(El::new("vcpu").text(1))
            .child(self.os())
            .child(El::new("features").child(capabilities(self.privileges)))
            .child(
                El::new("devices")
                    // Alone on one line: VirtualDomain greps for it.
                    .child(El::new("emulator").text(self.emulator.display()))
                    .children(self.filesystems.iter().cloned())
                    .child(interface(&self.card))
                    .child(El::new("console").attr("type", "pty"))
                    .children(self.devices.iter().map(|path| device(path))),
            )
    }

    fn os(&self) -> El {
        let (init, arguments) = self
            .init
            .split_first()
            .map_or(("", &[][..]), |(i, a)| (i, a));
        El::new("os")
            .child(El::new("type").text("exe"))
            .child(El::new("init").text(init))
            .children(arguments.iter().map(|a| El::new("initarg").text(a)))
            .children(
                self.environment
                    .iter()
                    .map(|(name, value)| El::new("initenv").attr("name", name).text(value)),
            )
    }
}

/// A directory or file of the host at a place in the container.
pub fn bind(source: &Path, target: &Path) -> El {
    El::new("filesystem")
        .attr("type", "mount")
        .child(El::new("source").attr("dir", source.display()))
        .child(El::new("target").attr("dir", target.display()))
}

/// The same, read-only.
pub fn read_only(source: &Path, target: &Path) -> El {
    bind(source, target).child(El::new("readonly"))
}

/// Memory as a file system.
pub fn in_memory(mib: u32, target: &str) -> El {
    El::new("filesystem")
        .attr("type", "ram")
        .child(
            El::new("source")
                .attr("usage", u64::from(mib) * 1024)
                .attr("units", "KiB"),
        )
        .child(El::new("target").attr("dir", target))
}

/// libvirt mounts the host's cgroup v1 hierarchies into every container, writable. Nothing in a
/// guest or remote node needs them: they are covered.
pub fn covered_groups() -> El {
    in_memory(1, "/sys/fs/cgroup")
}

/// Pacemaker panics by writing to this file; from a container that would reboot the host.
pub fn masked_sysrq() -> El {
    masked(Path::new(SYSRQ))
}

/// The file that makes the kernel reboot at once, where it was built with it.
pub const SYSRQ: &str = "/proc/sysrq-trigger";

/// A file of a container's /proc that is the null device instead. Without such a file the container
/// would not start.
pub fn masked(file: &Path) -> El {
    bind(Path::new("/dev/null"), file)
}

/// On the bridge by its name, not through libvirt's network: one call less at each start, and no
/// file of dnsmasq's is needed. libvirt itself sets address, route and link state.
fn interface(card: &Card<'_>) -> El {
    El::new("interface")
        .attr("type", "bridge")
        .child(El::new("mac").attr("address", card.mac))
        .child(El::new("source").attr("bridge", card.bridge))
        .children(
            card.host_side
                .map(|name| El::new("target").attr("dev", name)),
        )
        .child(
            El::new("ip")
                .attr("address", card.address)
                .attr("family", "ipv4")
                .attr("prefix", card.subnet.prefix()),
        )
        .child(
            El::new("route")
                .attr("family", "ipv4")
                .attr("address", "0.0.0.0")
                .attr("prefix", 0)
                .attr("gateway", card.subnet.host()),
        )
        .child(El::new("link").attr("state", "up"))
}

fn device(path: &str) -> El {
    El::new("hostdev")
        .attr("mode", "capabilities")
        .attr("type", "misc")
        .child(El::new("source").child(El::new("char").text(path)))
}
