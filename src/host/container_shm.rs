//! The size of a running container's /dev/shm.

use crate::error::{Error, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use std::fs::File;
use std::io;

/// Gives the /dev/shm of a container another size; `pid` is that of its PID 1 as the host numbers
/// it. No program is run in the container, which may be anybody's by now.
///
/// # Errors
/// When the kernel refuses it: more is used than the new size.
pub fn resize(name: &str, pid: u32, mib: u32) -> Result<()> {
    // A thread can enter a mount namespace that shares nothing of its file system with others.
    let resized = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .spawn_scoped(scope, || remount(pid, mib))
            .map_err(|e| Error::failed(format!("start a thread: {e}")))?;
        let ended = thread.join();
        ended.map_err(|_| Error::failed("a thread ended"))
    })?;
    resized.map_err(|e| {
        Error::failed(format!("{name}: /dev/shm cannot be {mib} MiB: {e}"))
            .mend("more may be in it than that")
    })
}

fn remount(pid: u32, mib: u32) -> io::Result<()> {
    let namespace = File::open(format!("/proc/{pid}/ns/mnt"))?;
    unshare(CloneFlags::CLONE_FS)?;
    setns(&namespace, CloneFlags::CLONE_NEWNS)?;
    // As libvirt mounts it (libvirt 9.0, src/lxc/lxc_container.c, lxcContainerMountFSTmpfs).
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let size = format!("size={}k", u64::from(mib) * 1024);
    let (none, shm) = (None::<&str>, "/dev/shm");
    mount(none, shm, none, flags, Some(size.as_str()))?;
    Ok(())
}
