//! The domain XML of virtual machines (libvirt, formatdomain.html), and where their images are.

use super::metadata;
use crate::channel::{PORT, PORTS, socket};
use crate::host::virtiofsd::READ_ONLY;
use crate::plan::{Blueprint, Board, Card, Live, Usr, Virtual, Watchdog};
use crate::spec::mac;
use crate::supervisor::switch::MODULES_AT;
use crate::supervisor::{boot, switch};
use crate::xml::El;
use std::path::{Path, PathBuf};

/// Path of the emulator, by the distributions' packages.
pub const EMULATOR: &str = "/usr/bin/qemu-system-x86_64";
/// The directory of what all virtual machines of a set or lab share, in the state directory.
pub const IMAGES: &str = "images";
/// The kernel, in that directory.
pub const KERNEL: &str = "kernel";
/// The initramfs, in the same place.
pub const INITRAMFS: &str = "initramfs";
/// The image of the base tree's /usr, in the same place.
pub const USR: &str = "usr.squashfs";
/// The image of the kernel's modules, in the same place.
pub const MODULES: &str = "modules.squashfs";
/// The image of what else of this host the machines see, in the same place.
pub const HOST: &str = "host.squashfs";
/// The disk with a machine's own root, in the directory of its files.
pub const DISK: &str = "disk.ext4";
/// What its serial console has said, in the same place.
pub const CONSOLE: &str = "console.log";

/// QEMU's cache of translated code where it emulates, MiB. Without a limit it took up to 1.6 GiB for a
/// machine of 512 MiB (measured with QEMU 7.2).
const TRANSLATED_MIB: u32 = 128;

/// Path of an image of a set or lab.
pub fn image(state_dir: &Path, name: &str) -> PathBuf {
    state_dir.join(IMAGES).join(name)
}

/// The `<domain>` of a virtual machine.
pub fn domain(blueprint: &Blueprint) -> El {
    let how = &blueprint.vm;
    let machine = &blueprint.machine;
    let live = blueprint.live();
    let memory = El::new("memory").attr("unit", "MiB");
    El::new("domain")
        .attr("type", if how.kvm { "kvm" } else { "qemu" })
        .child(El::new("name").text(&machine.name))
        .child(El::new("uuid").text(&machine.uuid))
        .child(metadata(&blueprint.state_dir))
        .child(memory.text(machine.memory_mib))
        .children(shared_memory(&live))
        .child(El::new("vcpu").text(how.cpus))
        .child(os(&blueprint.state_dir, how.board))
        .child(features(how))
        .child(El::new("cpu").attr("mode", "maximum"))
        .child(El::new("on_poweroff").text("destroy"))
        .child(El::new("on_reboot").text("restart"))
        // So that libvirt shows it as crashed, and it stays so until it is fenced.
        .child(El::new("on_crash").text("destroy"))
        .child(devices(blueprint, &live))
        // Or else libvirt gives the kernel, the images and the disk another owner (libvirt 9.0,
        // src/security/security_dac.c).
        .child(
            El::new("seclabel")
                .attr("type", "static")
                .attr("model", "dac")
                .attr("relabel", "no")
                .child(El::new("label").text("+0:+0")),
        )
}

fn os(state_dir: &Path, board: Board) -> El {
    let path = |name| image(state_dir, name).display().to_string();
    El::new("os")
        .child(
            El::new("type")
                .attr("arch", "x86_64")
                .attr("machine", board.name())
                .text("hvm"),
        )
        .child(El::new("kernel").text(path(KERNEL)))
        .child(El::new("initrd").text(path(INITRAMFS)))
        .child(El::new("cmdline").text(boot::command_line()))
}

fn features(how: &Virtual) -> El {
    let cache = El::new("tb-cache").attr("unit", "MiB");
    let emulation = El::new("tcg").child(cache.text(TRANSLATED_MIB));
    let features = El::new("features");
    features
        .child(El::new("acpi"))
        .child(El::new("apic"))
        .children((!how.kvm).then_some(emulation))
}

/// virtiofsd reads and writes the machine's memory.
fn shared_memory(live: &[Live]) -> Option<El> {
    let source = El::new("source").attr("type", "memfd");
    let access = El::new("access").attr("mode", "shared");
    let backing = El::new("memoryBacking").child(source).child(access);
    (!live.is_empty()).then_some(backing)
}

fn devices(blueprint: &Blueprint, live: &[Live]) -> El {
    let of_machine = |name: &str| blueprint.directory.join(name);
    let shared = |name| image(&blueprint.state_dir, name);
    let others = blueprint.disks.iter();
    let others: Vec<El> = others.map(|(from, name)| of_lab(from, name)).collect();
    // No more than eight are shared (`lab up --shared-disk`).
    let next = u8::try_from(others.len()).unwrap_or(u8::MAX);
    let own = disk(next, switch::ROOT_DISK, &of_machine(DISK), false);
    let images = (next + 1..).zip(images(&blueprint.vm));
    let images = images.map(|(n, (serial, name, _))| disk(n, serial, &shared(name), true));
    let console = of_machine(CONSOLE).display().to_string();
    let console = El::new("source").attr("path", console).attr("append", "on");
    El::new("devices")
        // On a line of its own, since VirtualDomain greps for it.
        .child(El::new("emulator").text(blueprint.emulator.display()))
        .children(others)
        .child(own)
        .children(images)
        .children(live.iter().map(|it| seen_live(&blueprint.state_dir, it)))
        .children(blueprint.cards.iter().map(interface))
        .child(
            El::new("serial")
                .attr("type", "file")
                .child(console)
                .child(El::new("target").attr("port", 0)),
        )
        .children((0..PORTS).map(|number| port(&blueprint.directory, number)))
        .child(
            El::new("controller")
                .attr("type", "usb")
                .attr("model", "none"),
        )
        .child(El::new("memballoon").attr("model", "none"))
        .child(El::new("panic").attr("model", "isa"))
        .children(watchdog(&blueprint.vm))
}

/// The images that are disks of a machine: serial number, name among the images, and where the machine
/// mounts them.
pub fn images(how: &Virtual) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let usr = (how.usr != Usr::Virtiofs).then_some(("usr", USR, "/usr"));
    let others = [("modules", MODULES, MODULES_AT), ("host", HOST, HOST_AT)];
    usr.into_iter().chain(others)
}

/// Where machines see what of this host is in an image of its own, each at its own path below.
pub const HOST_AT: &str = "/.host";

/// A disk that holds nothing which a power cut of this host must spare: writes need not wait for the
/// platter.
fn disk(number: u8, serial: &str, file: &Path, read_only: bool) -> El {
    let name = format!("vd{}", char::from(b'a' + number));
    let driver = El::new("driver").attr("name", "qemu").attr("type", "raw");
    let shared = [El::new("readonly"), El::new("shareable")];
    El::new("disk")
        .attr("type", "file")
        .attr("device", "disk")
        .child(driver.attr("cache", "unsafe"))
        .child(El::new("source").attr("file", file.display()))
        .child(El::new("target").attr("dev", name).attr("bus", "virtio"))
        .children(shared.into_iter().filter(|_| read_only))
        .child(El::new("serial").text(serial))
}

/// A block device of this host that nodes of other kinds use too. They stand first: the kernel names
/// disks in the order in which it finds them, and so they have the names that they have in containers.
fn of_lab(from: &Path, name: &str) -> El {
    let driver = El::new("driver").attr("name", "qemu").attr("type", "raw");
    El::new("disk")
        .attr("type", "block")
        .attr("device", "disk")
        // What one node has written the others read.
        .child(driver.attr("cache", "none"))
        .child(El::new("source").attr("dev", from.display()))
        .child(El::new("target").attr("dev", name).attr("bus", "virtio"))
        .child(El::new("shareable"))
}

fn seen_live(state_dir: &Path, live: &Live) -> El {
    let driver = El::new("driver")
        .attr("type", "virtiofs")
        .attr("queue", 1024);
    let read_only = image(state_dir, READ_ONLY).display().to_string();
    let binary = El::new("binary").attr("path", read_only);
    El::new("filesystem")
        .attr("type", "mount")
        .attr("accessmode", "passthrough")
        .child(driver)
        .children(live.read_only.then_some(binary))
        .child(El::new("source").attr("dir", live.source.display()))
        .child(El::new("target").attr("dir", &live.tag))
}

fn interface(card: &Card) -> El {
    El::new("interface")
        .attr("type", "bridge")
        .child(El::new("mac").attr("address", mac(card.address)))
        .child(El::new("source").attr("bridge", &card.bridge))
        .child(El::new("model").attr("type", "virtio"))
}

/// One that is a device; the kernel's own is none.
fn watchdog(how: &Virtual) -> Option<El> {
    let device = how.watchdog.filter(|it| *it == Watchdog::I6300esb)?;
    let device = El::new("watchdog").attr("model", device.name());
    Some(device.attr("action", "reset"))
}

fn port(directory: &Path, number: u32) -> El {
    let path = socket(directory, number).display().to_string();
    El::new("channel")
        .attr("type", "unix")
        .child(El::new("source").attr("mode", "bind").attr("path", path))
        .child(
            El::new("target")
                .attr("type", "virtio")
                .attr("name", format!("{PORT}.{number}")),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::domain::blueprint;
    use crate::lab::tests::with_two_links;

    #[test]
    fn a_machine_boots_its_own_kernel_and_owns_no_file_of_this_hosts() {
        let mut lab = with_two_links(1, 0);
        lab.spec.cluster_vms = 1;
        lab.spec.shared_disks_mib = vec![64];
        lab.vm.cpus = 2;
        let node = lab.cluster_nodes().pop().unwrap();
        let xml = |lab: &crate::lab::Lab| domain(&blueprint(lab, &node));
        let emulated = xml(&lab);
        assert_eq!(emulated.get("type"), Some("qemu"));
        assert_eq!(emulated.find("name").unwrap().text, "lab-vm1");
        let serials = emulated
            .all("serial")
            .into_iter()
            .map(|it| it.text.as_str());
        // The last one is the console's.
        let serials: Vec<&str> = serials.collect();
        assert_eq!(serials, ["root", "usr", "modules", "host", ""]);
        let names = emulated.all("disk").into_iter().map(|disk| {
            let target = disk.find("target").and_then(|it| it.get("dev"));
            (
                target.unwrap_or_default().to_owned(),
                disk.find("readonly").is_some(),
            )
        });
        let is = |name: &str, read_only| (name.to_owned(), read_only);
        // Shared ones come first, so that they have the names that they have in containers.
        assert!(names.eq([
            is("vda", false),
            is("vdb", false),
            is("vdc", true),
            is("vdd", true),
            is("vde", true)
        ]));
        assert_eq!(emulated.all("interface").len(), 2);
        assert_eq!(emulated.all("channel").len(), PORTS as usize);
        assert_eq!(
            emulated.find("seclabel").unwrap().get("relabel"),
            Some("no")
        );
        assert_eq!(emulated.all("tb-cache").len(), 1);
        lab.vm.kvm = true;
        let by_kvm = xml(&lab);
        assert_eq!(by_kvm.get("type"), Some("kvm"));
        assert_eq!(by_kvm.all("tb-cache").len(), 0);
    }
}
