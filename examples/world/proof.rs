//! Comparing the machine before and after a world, or a world's inside before and after a command,
//! by `lxc-autogen snapshot`.

use crate::{front, place};
use lxc_autogen::error::Result;
use lxc_autogen::host::command::Cmd;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Of the inside of a world, in which this is run: what lxc-autogen could have changed there
    #[arg(long)]
    inside: bool,
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// The trees of the machine in which a world that leaks leaves files. Other files of the machine
/// are written by the machine's own programs.
const PROVEN: [&str; 22] = [
    "/etc/libvirt",
    "/etc/corosync",
    "/etc/pacemaker",
    "/etc/hosts",
    "/var/lib/libvirt",
    "/var/lib/pacemaker",
    "/var/lib/corosync",
    "/var/log/libvirt",
    "/var/log/pacemaker",
    "/var/log/corosync",
    "/var/lib/lxc-autogen",
    "/var/cache/libvirt",
    "/usr/lib/ocf/resource.d",
    "/dev/shm",
    "/run/libvirt",
    "/run/crm",
    "/run/corosync",
    "/run/pacemaker",
    "/run/resource-agents",
    "/run/lxc-autogen",
    "/run/netns",
    "/run/ocf",
];

/// `world proof-before`: becomes the `lxc-autogen snapshot` that writes the snapshot.
pub fn before(tool: &Path, arguments: &Arguments) -> Result<u8> {
    front::need_root()?;
    let mut cmd = Cmd::new(tool.to_string_lossy())
        .args(["snapshot", "--quiet", "-o"])
        .arg(&arguments.file);
    if !arguments.inside {
        // Otherwise files that an earlier, killed world left would vanish before the comparison.
        place::clear_left_over()?;
        cmd = cmd.arg("--files").arg(PROVEN.join(","));
    }
    Err(cmd.become_it())
}

/// `world proof-after`: becomes the `lxc-autogen snapshot` that compares. The file says which trees
/// to look at.
pub fn after(tool: &Path, arguments: &Arguments) -> Result<u8> {
    front::need_root()?;
    Err(Cmd::new(tool.to_string_lossy())
        .args(["snapshot", "--compare"])
        .arg(&arguments.file)
        .become_it())
}
