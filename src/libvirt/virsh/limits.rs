//! Limits of domains that run.

use super::{ok, virsh};
use crate::error::Result;
use crate::host::at::At;
use crate::libvirt::hypervisor::Hypervisor;

/// Gives a running domain another memory limit, in MiB. Of a container libvirt changes neither
/// `setmem` beyond what it was started with nor `setmaxmem` while it runs (libvirt 9.0,
/// src/lxc/lxc_driver.c, lxcDomainSetMemoryFlags); the hard limit is what its control group has,
/// and what its /proc/meminfo shows.
///
/// # Errors
/// When virsh fails, as where the domain uses more.
pub fn limit_memory(at: &dyn At, hypervisor: &Hypervisor, name: &str, mib: u32) -> Result<()> {
    let kib = (u64::from(mib) * 1024).to_string();
    let limit = virsh(at, hypervisor)
        .args(["memtune", name, "--live", "--hard-limit", &kib])
        .run(at.host())?;
    let advice = format!("{name} may use more than {mib} MiB: give it more, or restart it");
    ok(at, hypervisor, limit)
        .map(drop)
        .map_err(|e| e.mend(advice))
}
