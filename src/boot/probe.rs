//! What virtual machines run with here: the processor's own means, or emulation.

use super::{Initramfs, Kernel};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use crate::supervisor::boot::{self, Task};
use std::path::Path;
use std::time::Duration;

/// Modules that every machine needs: its disks with their file systems, its network and its ports to
/// this host.
pub const MODULES: &[&str] = &[
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "virtio_console",
    "ext4",
    "squashfs",
    "overlay",
];

/// Modules that a machine has where its kernel has them: those of the device by which a panic is told,
/// by their names since Linux 5.13 and before.
pub const WHERE_THERE: &[&str] = &["pvpanic-mmio", "pvpanic"];

/// The emulator.
pub(super) const QEMU: &str = "qemu-system-x86_64";

/// By what a virtual machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Acceleration {
    /// KVM.
    Kvm,
    /// QEMU's emulation (TCG), which is slower.
    Emulated,
}

impl Acceleration {
    /// As qemu(1) -accel has it.
    fn name(self) -> &'static str {
        match self {
            Acceleration::Kvm => "kvm",
            Acceleration::Emulated => "tcg",
        }
    }

    /// How long a machine may take to boot and power off; emulated it took 7 s beside other work.
    fn patience(self) -> Duration {
        match self {
            Acceleration::Kvm => Duration::from_secs(10),
            Acceleration::Emulated => Duration::from_secs(90),
        }
    }
}

/// Boots a machine with lxc-autogen's `program` as PID 1, which loads the modules and powers off:
/// with KVM where /dev/kvm is there and a machine boots by it in time, else emulated. That /dev/kvm
/// opens does not say that it works: on some hosts guests hang.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when no machine boots, with what its console said.
pub fn probe(host: &Host, kernel: &Kernel, program: &Path, scratch: &Path) -> Result<Acceleration> {
    let initramfs = scratch.join("initramfs");
    let modules = kernel.modules(host, MODULES)?;
    Initramfs::write(host, &initramfs, program, &modules, Task::PowerOff)?;
    if Path::new("/dev/kvm").exists() && boots(host, kernel, &initramfs, Acceleration::Kvm).is_ok()
    {
        return Ok(Acceleration::Kvm);
    }
    boots(host, kernel, &initramfs, Acceleration::Emulated).map(|()| Acceleration::Emulated)
}

fn boots(host: &Host, kernel: &Kernel, initramfs: &Path, by: Acceleration) -> Result<()> {
    let console = Cmd::new(QEMU)
        .args(["-accel", by.name(), "-cpu", "max", "-machine", "q35"])
        .args(["-m", "256", "-nodefaults", "-no-user-config"])
        .args(["-display", "none", "-serial", "stdio", "-no-reboot"])
        .arg("-kernel")
        .arg(&kernel.image)
        .arg("-initrd")
        .arg(initramfs)
        .args(["-append", &boot::command_line()])
        .timeout(by.patience())
        .ok(host)?;
    match console.contains(boot::REACHED) {
        true => Ok(()),
        false => {
            // With "quiet" the cause stands first, and the kernel's trace comes after it.
            let first = console.lines().take(12).map(str::to_owned);
            Err(Error::cant("a virtual machine does not boot here").details(first))
        }
    }
}
