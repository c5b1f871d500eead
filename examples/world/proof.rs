//! The machine before and after a world, or a world's inside before and after something: by
//! `lxc-autogen snapshot`.

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

/// Where a world that leaks leaves files on the machine. The machine's other files are its own
/// programs' to write.
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

/// `world proof-before`: becomes the program that writes it down.
pub fn before(tool: &Path, arguments: &Arguments) -> Result<u8> {
    front::need_root()?;
    let mut cmd = Cmd::new(tool.to_string_lossy())
        .args(["snapshot", "--quiet", "-o"])
        .arg(&arguments.file);
    if !arguments.inside {
        // Else what an earlier, killed world left would vanish meanwhile.
        place::clear_left_over()?;
        cmd = cmd.arg("--files").arg(PROVEN.join(","));
    }
    Err(cmd.become_it())
}

/// `world proof-after`: the same with the one that compares. What was looked at is in the file.
pub fn after(tool: &Path, arguments: &Arguments) -> Result<u8> {
    front::need_root()?;
    Err(Cmd::new(tool.to_string_lossy())
        .args(["snapshot", "--compare"])
        .arg(&arguments.file)
        .become_it())
}
