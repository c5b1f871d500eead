//! What nodes that are virtual machines take of this host.

use super::{Lab, LabSpec};
use crate::boot::{Acceleration, Store};
use crate::checks::Check;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::{packages, virtiofsd};
use crate::libvirt::hypervisor::QEMU;
use crate::libvirt::virsh;
use crate::machine::vm;
use crate::plan::Usr;

/// Programs that make and run them: QEMU, images of /usr, libvirt's logs, a kernel's modules.
const PROGRAMS: [&str; 5] = [
    "qemu-system-x86_64",
    "mksquashfs",
    "virtlogd",
    "modprobe",
    "depmod",
];
/// libvirt's driver, below a directory of libraries; distributions have it in a package of its own.
pub(super) const DRIVER: &str = "libvirt/connection-driver/libvirt_driver_qemu.so";

/// What lacks of programs, where the lab has such nodes; `has_driver` says whether libvirt's is there.
pub(super) fn lacking(spec: &LabSpec, has_driver: bool) -> Vec<Error> {
    if !spec.has_vms() {
        return Vec::new();
    }
    let absent = PROGRAMS
        .into_iter()
        .filter(|name| which::which(name).is_err());
    let mut all: Vec<Error> = absent
        .map(|name| {
            let what = format!("{name} is not installed, which virtual machines take");
            Error::cant(what).mend(packages::mend_for_tool(name))
        })
        .collect();
    if !cfg!(target_arch = "x86_64") {
        let what = "virtual machines are made for x86_64 alone, and this is another processor";
        all.push(Error::cant(what).mend("make containers: --cluster-nodes, --remote-nodes"));
    }
    if takes_virtiofs(spec) && virtiofsd::find().is_none() {
        let name = virtiofsd::PROGRAM;
        let what = format!(
            "{name} is not installed, by which virtual machines see directories of this host"
        );
        all.push(Error::cant(what).mend(packages::mend_for_tool(name)));
    }
    if !has_driver {
        let what = "libvirt's QEMU driver is not installed";
        all.push(Error::cant(what).mend(packages::mend_for_tool("libvirt's QEMU driver")));
    }
    all
}

/// Whether a virtual machine sees a directory of this host live.
fn takes_virtiofs(spec: &LabSpec) -> bool {
    let is_shown = !spec.share.is_empty() || !spec.agents.is_empty() || spec.overlay.is_some();
    let has_guests = spec.cluster_vms > 0 && spec.containers > 0;
    is_shown || has_guests || spec.vms.usr == Usr::Virtiofs
}

/// Asks libvirt's driver, where the lab has such nodes.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when it does not answer.
pub(super) fn check(context: &Context, lab: &Lab) -> Result<()> {
    match lab.spec.has_vms() {
        true => virsh::connect(&context.host, &QEMU),
        false => Ok(()),
    }
}

/// Whether machines run by KVM here. It is tried once with a machine that powers off at once, and
/// remembered; a dry run does not try.
///
/// # Errors
/// When no kernel can be had, or no machine boots at all.
pub(super) fn kvm(context: &Context, spec: &LabSpec) -> Result<bool> {
    if !spec.has_vms() || context.options.dry_run {
        return Ok(false);
    }
    let by_kvm = vm::runs_by_kvm(context, &spec.vms.kernel, spec.vms.watchdog)?;
    context.report.line(match by_kvm {
        true => "virtual machines run by KVM",
        false => EMULATED,
    });
    Ok(by_kvm)
}

const EMULATED: &str = "virtual machines are emulated, since KVM does not work here: they take several times as long \
                        to start and to be fenced as containers";

/// By what virtual machines would run here, for `verify`; nothing where none are wanted.
pub(super) fn outlook(spec: &LabSpec) -> Option<Check> {
    let name = "virtual machines";
    spec.has_vms().then(|| match Store::known() {
        Ok(Some(Acceleration::Kvm)) => Check::ok(name, "by KVM"),
        Ok(Some(Acceleration::Emulated)) => Check::ok(name, EMULATED),
        Ok(None) => Check::ok(
            name,
            "lab up tries whether KVM works; else they are emulated",
        ),
        Err(e) => Check::of_error(name, &e),
    })
}
