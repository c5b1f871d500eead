//! From our PID 1 to systemd's.

use super::{groups, plug};
use crate::error::Result;
use crate::host::command::Cmd;
use std::path::Path;

/// What systemd is told as the kernel tells it elsewhere; in a container it reads its own arguments
/// (systemd 252, src/basic/proc-cmdline.c). Since 256 it runs on cgroup v1 only when asked to.
const ARGUMENTS: &[&str] = &["SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"];

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
    plug::leave_behind()?;
    let init = Cmd::new(init.to_string_lossy()).args(ARGUMENTS);
    Err(init.env("container", "lxc-libvirt").become_it())
}
