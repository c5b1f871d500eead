//! What nodes that are virtual machines take of this host.

use super::Check;
use crate::boot::{Acceleration, Choice, Store};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::{apt, memory, packages, virtiofsd};
use crate::libvirt::hypervisor::QEMU;
use crate::libvirt::virsh;
use crate::machine::vm;
use crate::plan::Watchdog;
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

/// What lacks of programs, of devices, and of libvirt, where machines see directories of this host live
/// or do not.
pub(crate) fn lacking(has_live: bool) -> Vec<Error> {
    let absent = PROGRAMS
        .into_iter()
        .filter(|name| which::which(name).is_err());
    let mut all: Vec<Error> = absent
        .map(|name| {
            let what = format!("{name} is not installed, which virtual machines take");
            let conflict = (name == PROGRAMS[0]).then(backported).flatten();
            Error::cant(what).mend(conflict.unwrap_or_else(|| packages::mend_for_tool(name)))
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
    if has_live && virtiofsd::find().is_none() {
        let name = virtiofsd::PROGRAM;
        let what = format!(
            "{name} is not installed, by which virtual machines see directories of this host"
        );
        all.push(Error::cant(what).mend(packages::mend_for_tool(name)));
    }
    if !is_in(&libraries(Path::new("/")), DRIVER) {
        let what = "libvirt's QEMU driver is not installed";
        all.push(Error::cant(what).mend(packages::mend_for_tool("libvirt's QEMU driver")));
    }
    all
}

/// The mend where QEMU's tools are installed from Debian's backports: the release's own QEMU conflicts
/// with them, and apt-get would remove them.
fn backported() -> Option<String> {
    let version = apt::installed("qemu-utils")?;
    let release = std::fs::read_to_string("/etc/os-release").ok()?;
    of_backports(&version, &release)
}

fn of_backports(version: &str, os_release: &str) -> Option<String> {
    let lines = os_release.lines();
    let mut names = lines.filter_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let name = names.next().filter(|_| version.contains("~bpo"))?;
    Some(format!(
        "apt-get install -t {name}-backports qemu-system-x86: qemu-utils {version} is installed, which \
         that of {name} itself would have apt-get remove"
    ))
}

/// Whether this host can have machines: programs, and libvirt's driver, which is asked.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with what is missing first, or when the driver does not answer.
pub(crate) fn check(context: &Context, has_live: bool) -> Result<()> {
    if let Some(e) = lacking(has_live).into_iter().next() {
        return Err(e);
    }
    virsh::connect(&context.host, &QEMU)
}

/// What lacks, or that nothing does, and by what machines run here.
pub(crate) fn checks(context: &Context, has_live: bool) -> Vec<Check> {
    let name = "virtual machines' programs";
    let missing = lacking(has_live);
    let mut all: Vec<Check> = match missing.as_slice() {
        [] => vec![Check::from(
            name,
            check(context, has_live).map(|()| PROGRAMS.join(", ")),
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
/// When no kernel can be had, it has no such watchdog, or no machine boots at all.
pub(crate) fn kvm(context: &Context, kernel: &Choice, watchdog: Option<Watchdog>) -> Result<bool> {
    if context.options.dry_run {
        return Ok(false);
    }
    let by_kvm = vm::runs_by_kvm(context, kernel, watchdog)?;
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
    fn tools_of_backports_keep_their_place() {
        let bookworm = "ID=debian\nVERSION_CODENAME=bookworm\n";
        let mend = of_backports("1:10.0.2+ds-2+deb13u1~bpo12+1", bookworm).unwrap();
        assert!(mend.starts_with("apt-get install -t bookworm-backports qemu-system-x86: "));
        assert_eq!(of_backports("1:7.2+dfsg-7+deb12u16", bookworm), None);
    }

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
