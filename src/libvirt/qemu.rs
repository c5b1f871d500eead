//! The domain XML of virtual machines (libvirt, formatdomain.html), and where their images are.

use super::metadata;
use crate::channel::{PORT, PORTS, socket};
use crate::plan::{Blueprint, Card, Virtual};
use crate::spec::mac;
use crate::supervisor::{boot, switch};
use crate::xml::El;
use std::path::{Path, PathBuf};

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
    let memory = El::new("memory").attr("unit", "MiB");
    El::new("domain")
        .attr("type", if how.kvm { "kvm" } else { "qemu" })
        .child(El::new("name").text(&machine.name))
        .child(El::new("uuid").text(&machine.uuid))
        .child(metadata(&blueprint.state_dir))
        .child(memory.text(machine.memory_mib))
        .child(El::new("vcpu").text(how.cpus))
        .child(os(&blueprint.state_dir))
        .child(features(how))
        .child(El::new("cpu").attr("mode", "maximum"))
        .child(El::new("on_poweroff").text("destroy"))
        .child(El::new("on_reboot").text("restart"))
        // So that libvirt shows it as crashed, and it stays so until it is fenced.
        .child(El::new("on_crash").text("destroy"))
        .child(devices(blueprint))
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

fn os(state_dir: &Path) -> El {
    let path = |name| image(state_dir, name).display().to_string();
    El::new("os")
        .child(
            El::new("type")
                .attr("arch", "x86_64")
                .attr("machine", "q35")
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

fn devices(blueprint: &Blueprint) -> El {
    let of_machine = |name: &str| blueprint.directory.join(name);
    let shared = |name| image(&blueprint.state_dir, name);
    let own = disk(0, switch::ROOT_DISK, &of_machine(DISK), false);
    let images = (1..).zip(IMAGE_DISKS);
    let images = images.map(|(n, (serial, name))| disk(n, serial, &shared(name), true));
    let console = of_machine(CONSOLE).display().to_string();
    let console = El::new("source").attr("path", console).attr("append", "on");
    El::new("devices")
        // On a line of its own, since VirtualDomain greps for it.
        .child(El::new("emulator").text(blueprint.emulator.display()))
        .child(own)
        .children(images)
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
}

/// The images that are disks of a machine: serial number, and name among the images.
pub const IMAGE_DISKS: [(&str, &str); 3] = [("usr", USR), ("modules", MODULES), ("host", HOST)];

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

fn interface(card: &Card) -> El {
    El::new("interface")
        .attr("type", "bridge")
        .child(El::new("mac").attr("address", mac(card.address)))
        .child(El::new("source").attr("bridge", &card.bridge))
        .child(El::new("model").attr("type", "virtio"))
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
