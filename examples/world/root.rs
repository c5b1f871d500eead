//! A world in another root than this machine's, with file systems of the kernel's and this
//! machine's network.

use crate::files::{bind, control_groups, directory, kernels, mask_sysrq, rbind, tmpfs, write};
use crate::place::Place;
use lxc_autogen::error::{Error, Result};
use lxc_autogen::host::cgroups::Own;
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::unistd::pivot_root;
use std::fs;
use std::path::{Path, PathBuf};

/// Makes a directory the root of this process. The paths `binds` of this machine are bound into it.
pub fn enter(root: &Path, binds: &[PathBuf], own: &[Own], place: &Place) -> Result<()> {
    bind(root, root)?;
    kernels("proc", &root.join("proc"), None)?;
    mask_sysrq(&root.join("proc"))?;
    rbind(Path::new("/dev"), &root.join("dev"))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    tmpfs(&root.join("dev/shm"), "mode=1777", flags)?;
    tmpfs(&root.join("run"), "mode=755", MsFlags::empty())?;
    directory(&root.join("run/lock"), 0o755)?;
    copy_resolver(root)?;
    binds.iter().try_for_each(|path| show(root, path))?;
    place.write("ready", "")?;
    let sys = root.join("sys");
    kernels("sysfs", &sys, None).or_else(|_| rbind(Path::new("/sys"), &sys))?;
    let name = root.file_name().unwrap_or_default();
    nix::unistd::sethostname(name).map_err(|e| Error::failed(format!("set the host name: {e}")))?;
    become_root(root)?;
    control_groups(own)
}

fn copy_resolver(root: &Path) -> Result<()> {
    let from = Path::new("/etc/resolv.conf");
    let text = fs::read_to_string(from).map_err(|e| Error::io("read", from, e))?;
    write(&root.join("etc/resolv.conf"), &text)
}

/// Binds a path of this machine to the same place in the root.
fn show(root: &Path, path: &Path) -> Result<()> {
    let at = root.join(path.strip_prefix("/").unwrap_or(path));
    if path.is_dir() {
        directory(&at, 0o755)?;
    } else {
        directory(at.parent().unwrap_or(root), 0o755)?;
        let made = fs::File::options().append(true).create(true).open(&at);
        made.map_err(|e| Error::io("make", &at, e))?;
    }
    rbind(path, &at)
}

/// Calls pivot_root(2) with the new root for both paths: the old root is then mounted over it, and
/// is unmounted.
fn become_root(root: &Path) -> Result<()> {
    let failed = |e| Error::io("make the root of", root, e);
    std::env::set_current_dir(root).map_err(|e| Error::io("enter", root, e))?;
    pivot_root(".", ".").map_err(failed)?;
    umount2(".", MntFlags::MNT_DETACH).map_err(failed)?;
    std::env::set_current_dir("/").map_err(|e| Error::io("enter", Path::new("/"), e))
}
