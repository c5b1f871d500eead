//! From our PID 1 to systemd's.

use super::{groups, plug};
use crate::error::{Error, Result};
use crate::host::cgroups;
use crate::host::command::Cmd;
use nix::mount::{MsFlags, mount};
use std::path::Path;

/// What systemd is told as the kernel's command line tells it elsewhere; in a container it reads its
/// own arguments (systemd 252, src/basic/proc-cmdline.c). Both are for cgroup v1: since version 256
/// systemd runs on it only when asked to, and it must not keep its units in v2's groups beside it,
/// where libvirt makes none.
const ARGUMENTS: &[&str] = &[
    "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
    "systemd.legacy_systemd_cgroup_controller=1",
];

/// By this file libvirt knows that machined can be asked (libvirt 9.0, src/util/virsystemd.c,
/// virSystemdHasMachined).
const MACHINED: &str = "/usr/share/dbus-1/system-services/org.freedesktop.machine1.service";

/// Keeps libvirt from machined where there is cgroup v1: machined does not find the pid that
/// libvirt 9.0 asks for, since libvirt_lxc is not in the container's group of systemd's hierarchy
/// ("NoMachineForPID"), and no guest starts.
fn hide_machined() -> Result<()> {
    if cgroups::only_v2() || !Path::new(MACHINED).exists() {
        return Ok(());
    }
    mount(
        Some("/dev/null"),
        MACHINED,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )
    .map_err(|e| Error::failed(format!("hide {MACHINED}: {e}")))
}

/// The group that systemd itself is in, below the root of the node's groups.
const SCOPE: &str = "init.scope";

/// Becomes systemd. `container` tells it that it is in one, and in which kind
/// (systemd-detect-virt(1), systemd's "Container Interface").
///
/// # Errors
/// When groups cannot be made, or it cannot be started. Does not return otherwise.
pub(super) fn become_it(init: &Path) -> Result<()> {
    groups::enter_own()?;
    groups::isolate(SCOPE)?;
    hide_machined()?;
    plug::leave_behind()?;
    let init = Cmd::new(init.to_string_lossy()).args(ARGUMENTS);
    Err(init.env("container", "lxc-libvirt").become_it())
}

/// The same in a virtual machine, which is systemd's own.
///
/// # Errors
/// When it cannot be started. Does not return otherwise.
pub(super) fn become_it_in_machine(init: &Path) -> Result<()> {
    Err(Cmd::new(init.to_string_lossy()).become_it())
}
