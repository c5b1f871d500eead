//! The domain XML of a container (libvirt, formatdomain.html; drvlxc.html).

use super::metadata;
use crate::plan::{Guest, Set};
use crate::spec::Authkey;
use crate::xml::El;
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
    "mknod",
    "sys_boot",
    "sys_module",
    "sys_rawio",
    "sys_time",
    "syslog",
];
/// Dropped unless --allow-mounts: with it root in a container could remount /usr writable.
const MOUNTING: &str = "sys_admin";

/// The domain of one container of a set.
pub fn domain(set: &Set, guest: &Guest) -> El {
    El::new("domain")
        .attr("type", "lxc")
        .child(El::new("name").text(&guest.name))
        .child(El::new("uuid").text(&guest.uuid))
        .child(metadata(&set.state_dir))
        .child(
            El::new("memory")
                .attr("unit", "MiB")
                .text(set.spec.memory_mib),
        )
        .child(El::new("vcpu").text(1))
        .child(os(set))
        .child(features(set))
        .child(
            El::new("devices")
                // Alone on one line: VirtualDomain greps for it.
                .child(El::new("emulator").text(set.emulator.display()))
                .children(filesystems(set, guest))
                .child(interface(set, guest))
                .child(El::new("console").attr("type", "pty")),
        )
}

fn os(set: &Set) -> El {
    El::new("os")
        .child(El::new("type").text("exe"))
        .child(El::new("init").text(set.remoted.inside().display()))
        .children(
            set.environment
                .iter()
                .map(|(name, value)| El::new("initenv").attr("name", name).text(value)),
        )
}

fn features(set: &Set) -> El {
    let mounting = (!set.spec.allow_mounts).then_some(&MOUNTING);
    El::new("features").child(capabilities(mounting))
}

fn capabilities(mounting: Option<&&str>) -> El {
    let dropped = DROPPED
        .iter()
        .chain(mounting)
        .map(|name| El::new(*name).attr("state", "off"));
    El::new("capabilities")
        .attr("policy", "allow")
        .children(dropped)
}

fn filesystems(set: &Set, guest: &Guest) -> Vec<El> {
    let base = &set.layout.base;
    let mut all = vec![bind(
        &set.container_dir(&guest.name).join("rootfs"),
        Path::new("/"),
    )];
    all.extend(
        set.layout
            .trees
            .iter()
            .map(|tree| read_only(&base.join(tree), &Path::new("/").join(tree))),
    );
    if let Some(remoted) = set.remoted.bind_source() {
        all.push(read_only(remoted, set.remoted.inside()));
    }
    if set.spec.authkey == Authkey::Bind {
        let directory = Path::new(crate::pacemaker::authkey::DIRECTORY);
        all.push(read_only(directory, directory));
    }
    if set.mask_sysrq {
        // Pacemaker panics by writing to it; from a container that would reboot the host.
        all.push(bind(
            Path::new("/dev/null"),
            Path::new("/proc/sysrq-trigger"),
        ));
    }
    all.push(
        El::new("filesystem")
            .attr("type", "ram")
            .child(
                El::new("source")
                    .attr("usage", u64::from(set.spec.shm_mib) * 1024)
                    .attr("units", "KiB"),
            )
            .child(El::new("target").attr("dir", "/dev/shm")),
    );
    all
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

/// On the bridge by its name, not through libvirt's network: one call less at each start, and no
/// file of dnsmasq's is needed. libvirt itself sets address, route and link state.
fn interface(set: &Set, guest: &Guest) -> El {
    El::new("interface")
        .attr("type", "bridge")
        .child(El::new("mac").attr("address", &guest.mac))
        .child(El::new("source").attr("bridge", &set.network))
        .child(
            El::new("ip")
                .attr("address", guest.address)
                .attr("family", "ipv4")
                .attr("prefix", set.subnet.prefix()),
        )
        .child(
            El::new("route")
                .attr("family", "ipv4")
                .attr("address", "0.0.0.0")
                .attr("prefix", 0)
                .attr("gateway", set.subnet.host()),
        )
        .child(El::new("link").attr("state", "up"))
}

/// A domain of no set, to see whether this host can start a container at all: it runs `init` over
/// a read-only view of the host's root without a network and ends by itself.
pub fn probe(name: &str, root: &Path, emulator: &Path, init: &str) -> El {
    El::new("domain")
        .attr("type", "lxc")
        .child(El::new("name").text(name))
        .child(metadata(root))
        .child(El::new("memory").attr("unit", "MiB").text(64))
        .child(
            El::new("os")
                .child(El::new("type").text("exe"))
                .child(El::new("init").text(init))
                .child(El::new("initarg").text("5")),
        )
        .child(
            El::new("features")
                .child(El::new("privnet"))
                .child(capabilities(Some(&MOUNTING))),
        )
        .child(
            El::new("devices")
                .child(El::new("emulator").text(emulator.display()))
                .child(bind(root, Path::new("/")))
                .child(read_only(Path::new("/usr"), Path::new("/usr")))
                .child(El::new("console").attr("type", "pty")),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;

    #[test]
    fn the_text_virtual_domain_greps_for_stands_on_lines_of_its_own() {
        let set = sample(1);
        let text = domain(&set, &set.guests()[0]).render();
        assert_eq!(text.matches("<name>").count(), 1);
        assert!(text.contains("\n  <name>lxc1</name>\n"), "{text}");
        let emulator = "\n    <emulator>/usr/lib/libvirt/libvirt_lxc</emulator>\n";
        assert!(text.contains(emulator), "{text}");
    }

    #[test]
    fn only_the_skeleton_is_writable_and_the_host_stays_out_of_reach() {
        let set = sample(1);
        let xml = domain(&set, &set.guests()[0]);
        let writable: Vec<&str> = xml
            .all("filesystem")
            .into_iter()
            .filter(|f| f.get("type") == Some("mount") && f.find("readonly").is_none())
            .filter_map(|f| f.find("source")?.get("dir"))
            .collect();
        assert_eq!(writable, ["/var/lib/lxc-autogen/lxc1/rootfs", "/dev/null"]);
        for capability in ["sys_boot", "sys_admin", "dac_read_search"] {
            assert_eq!(xml.all(capability)[0].get("state"), Some("off"));
        }
    }

    #[test]
    fn a_copied_key_needs_no_bind_and_mounts_are_allowed_on_request() {
        let mut set = sample(1);
        set.spec.authkey = Authkey::Copy;
        set.spec.allow_mounts = true;
        let text = domain(&set, &set.guests()[0]).render();
        assert!(!text.contains("/etc/pacemaker"), "{text}");
        assert!(!text.contains("sys_admin"), "{text}");
    }
}
