//! What nodes that are virtual machines take of this host.

use super::Check;
use crate::boot::{Acceleration, Choice, Store};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::{memory, packages};
use crate::libvirt::hypervisor::QEMU;
use crate::libvirt::virsh;
use crate::machine::vm;
use crate::report::count;
use std::path::{Path, PathBuf};

/// Programs that make and run them: QEMU, images of /usr, their own disks, libvirt's logs, a kernel's
/// modules.
const PROGRAMS: [&str; 6] = [
    "qemu-system-x86_64",
    "mksquashfs",
    "mkfs.ext4",
    "virtlogd",
    "modprobe",
    "depmod",
];
/// libvirt's driver, below a directory of libraries; distributions have it in a package of its own.
const DRIVER: &str = "libvirt/connection-driver/libvirt_driver_qemu.so";
/// The device that makes network cards of programs (Linux, Documentation/networking/tuntap.rst).
pub(crate) const TUN: &str = "/dev/net/tun";
/// What a machine takes besides its own memory, MiB: emulated, one of 512 MiB had about 550 resident.
const MIB_BESIDES: u32 = 40;

/// Whether this host has the device that connects machines.
pub(crate) fn has_tun() -> bool {
    Path::new(TUN).exists()
}

/// What lacks of programs, of devices, and of libvirt.
pub(crate) fn lacking() -> Vec<Error> {
    let absent = PROGRAMS
        .into_iter()
        .filter(|name| which::which(name).is_err());
    let mut all: Vec<Error> = absent
        .map(|name| {
            let what = format!("{name} is not installed, which virtual machines take");
            Error::cant(what).mend(packages::mend_for_tool(name))
        })
        .collect();
    if !has_tun() {
        let what =
            format!("there is no {TUN}, by which virtual machines are connected to a bridge");
        all.push(Error::cant(what).mend(
            "modprobe tun; in a container: docker run --privileged, or --device /dev/net/tun",
        ));
    }
    if !cfg!(target_arch = "x86_64") {
        let what = "virtual machines are made for x86_64 alone, and this is another processor";
        all.push(Error::cant(what).mend("make containers"));
    }
    if !is_in(&libraries(Path::new("/")), DRIVER) {
        let what = "libvirt's QEMU driver is not installed";
        all.push(Error::cant(what).mend(packages::mend_for_tool("libvirt's QEMU driver")));
    }
    all
}

/// Whether this host can have machines: programs, and libvirt's driver, which is asked.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with what is missing first, or when the driver does not answer.
pub(crate) fn check(context: &Context) -> Result<()> {
    if let Some(e) = lacking().into_iter().next() {
        return Err(e);
    }
    virsh::connect(&context.host, &QEMU)
}

/// What lacks, or that nothing does, and by what machines run here.
pub(crate) fn checks(context: &Context) -> Vec<Check> {
    let name = "virtual machines' programs";
    let missing = lacking();
    let mut all: Vec<Check> = match missing.as_slice() {
        [] => vec![Check::from(
            name,
            check(context).map(|()| PROGRAMS.join(", ")),
        )],
        missing => missing.iter().map(|e| Check::of_error(name, e)).collect(),
    };
    all.push(outlook());
    all
}

/// Memory that a machine takes of this host, MiB, of which `mib` are its own.
pub(crate) fn takes(mib: u32) -> u32 {
    mib + MIB_BESIDES
}

/// Refuses machines that this host's memory cannot hold: so many of `mib` MiB each, where there were so
/// many of so many MiB before.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with what they take and what there is.
pub(crate) fn check_memory(now: (u32, u32), before: (u32, u32)) -> Result<()> {
    fits(now, before, memory::available_mib())
}

fn fits(now: (u32, u32), before: (u32, u32), available: Option<u64>) -> Result<()> {
    let take = |(count, mib): (u32, u32)| u64::from(count) * u64::from(takes(mib));
    // Those that are there have their memory already.
    let needed = take(now).saturating_sub(take(before));
    match available {
        Some(available) if available < needed => Err(Error::cant(format!(
            "{} of {} MiB take about {needed} MiB more of this host's memory, and {available} are available",
            count(now.0 as usize, "virtual machine"),
            now.1,
        ))
        .mend("make fewer, -c N, or smaller ones, --memory MIB")),
        _ => Ok(()),
    }
}

/// Directories that libraries can be in, those of multiarch included.
pub(crate) fn libraries(base: &Path) -> Vec<PathBuf> {
    let mut all = vec![base.join("usr/lib64"), base.join("usr/lib")];
    let below = std::fs::read_dir(base.join("usr/lib"));
    all.extend(below.into_iter().flatten().flatten().map(|e| e.path()));
    all
}

/// Whether one of these directories has the file.
pub(crate) fn is_in(places: &[PathBuf], file: &str) -> bool {
    places.iter().any(|place| place.join(file).exists())
}

/// Whether machines run by KVM here. It is tried once with a machine that powers off at once, and
/// remembered; a dry run does not try.
///
/// # Errors
/// When no kernel can be had, or no machine boots at all.
pub(crate) fn kvm(context: &Context, kernel: &Choice) -> Result<bool> {
    if context.options.dry_run {
        return Ok(false);
    }
    let by_kvm = vm::runs_by_kvm(context, kernel)?;
    context.report.line(match by_kvm {
        true => "virtual machines run by KVM",
        false => EMULATED,
    });
    Ok(by_kvm)
}

const EMULATED: &str = "virtual machines are emulated, since KVM does not work here: they take several times as long \
                        to start and to be fenced as containers";

/// By what virtual machines would run here, for `verify`.
pub(crate) fn outlook() -> Check {
    let name = "virtual machines";
    match Store::known() {
        Ok(Some(Acceleration::Kvm)) => Check::ok(name, "by KVM"),
        Ok(Some(Acceleration::Emulated)) => Check::ok(name, EMULATED),
        Ok(None) => Check::ok(
            name,
            "whether KVM works is tried with the first ones; else they are emulated",
        ),
        Err(e) => Check::of_error(name, &e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_of_what_is_new() {
        fits((2, 192), (0, 0), Some(464)).unwrap();
        let e = fits((2, 192), (0, 0), Some(463)).unwrap_err();
        assert_eq!(e.kind, crate::error::Kind::Cant);
        let said = "2 virtual machines of 192 MiB take about 464 MiB more of this host's memory, and 463 are available";
        assert_eq!(e.message(), said);
        fits((2, 192), (1, 192), Some(232)).unwrap();
        fits((2, 256), (2, 192), Some(127)).unwrap_err();
        fits((1, 192), (2, 192), Some(0)).unwrap();
        fits((9, 192), (0, 0), None).unwrap();
    }
}
