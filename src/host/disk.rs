//! Disks: files with a file system of their own.

use super::command::Cmd;
use super::{Host, loops, packages};
use crate::error::{Error, Result};
use std::path::Path;

/// The program that makes them.
const PROGRAM: &str = "mkfs.ext4";

/// Why disks cannot be had here, and the mend; `None` where they can.
pub fn lacking() -> Option<(String, String)> {
    let program = || {
        let what = format!("{PROGRAM} is not installed");
        which::which(PROGRAM)
            .err()
            .map(|_| (what, packages::mend_for_tool(PROGRAM)))
    };
    loops::kernel_lacks().or_else(program)
}

/// Makes a disk of this size in MiB, with the files of a directory on it. The file takes room only
/// as far as it is written (mke2fs(8), `-d`, and `lazy_*`).
///
/// # Errors
/// When mkfs.ext4 cannot make it; its words say whether room was lacking.
pub fn make(host: &Host, from: &Path, to: &Path, mib: u32) -> Result<()> {
    Cmd::new(PROGRAM)
        .args(["-q", "-F", "-m", "0"])
        .args(["-E", "lazy_itable_init=1,lazy_journal_init=1"])
        .arg("-d")
        .arg(from)
        .arg(to)
        .arg(format!("{mib}M"))
        .ok(host)
        .map(drop)
        .map_err(|e: Error| e.context(format!("make a disk of {mib} MiB")))
}
