//! The image of a base tree's /usr: a squashfs that all virtual machines over that tree read.

use crate::error::{Error, Result};
use crate::host::command::Cmd;
use crate::host::{Host, files, packages};
use crate::rootfs::Layout;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The program that makes it.
pub const PROGRAM: &str = "mksquashfs";

/// What no node needs of /usr, relative to it: what people read elsewhere, and what programs are built
/// with.
const LEFT_OUT: &[&str] = &[
    // To be read by people.
    "share/doc",
    "share/doc-base",
    "share/info",
    "share/locale",
    "share/man",
    // For screens.
    "share/fonts",
    "share/icons",
    // For this host's own kernel and hardware.
    "lib/firmware",
    "lib/modules",
    // To build programs with, and to look into them.
    "include",
    "lib/debug",
    "lib/gcc",
    "lib/go-*",
    "lib/jvm",
    "lib/llvm-*",
    "lib/rustlib",
    "src",
    // To use clouds with, from elsewhere: 1.9 GB.
    "lib/google-cloud-sdk",
    // Virtual machines' firmware.
    "share/OVMF",
    "share/qemu",
    "share/seabios",
];

/// Where machines have the modules of their own kernel: /usr/lib/modules is a link to it.
pub const MODULES_AT: &str = "/.modules";

/// Directories whose times say that something has come or gone which is of no package.
const WATCHED: &[&str] = &[
    "bin",
    "lib",
    "lib/ocf/resource.d",
    "lib/ocf/resource.d/heartbeat",
    "lib/ocf/resource.d/pacemaker",
    "libexec",
    "local/bin",
    "local/lib",
    "local/sbin",
    "sbin",
];

/// Two marks: one of the tree, and one of what its /usr is like now, by its database of packages and
/// the times of a few directories.
///
/// # Errors
/// When the database cannot be read.
pub(super) fn fingerprint(layout: &Layout) -> Result<(String, String)> {
    let usr = layout.base.join("usr");
    let mut text = layout.packages()?.unwrap_or_default();
    for path in WATCHED.iter().map(|path| usr.join(path)) {
        let seen = path.symlink_metadata().ok().map(|it: Metadata| {
            let (seconds, nanos) = (it.mtime(), it.mtime_nsec());
            format!("{} {seconds}.{nanos}\n", it.ino())
        });
        text.push_str(&seen.unwrap_or_default());
    }
    text.push_str(&LEFT_OUT.concat());
    let short = |text: &str| files::sha256(text.as_bytes())[..12].to_owned();
    Ok((short(&usr.to_string_lossy()), short(&text)))
}

/// Makes the image, of files as they are owned. Compressed by lz4, which takes least time (4.4 s for
/// 1.5 GB, and erofs 7.4 s; uncompressed it is twice as long on the disk).
///
/// # Errors
/// [`crate::error::Kind::Cant`] where mksquashfs is missing; when it fails, as on a full disk.
pub(super) fn pack(host: &Host, base: &Path, to: &Path) -> Result<()> {
    let link = format!("lib/modules s 777 0 0 {MODULES_AT}");
    make(host, &base.join("usr"), to, LEFT_OUT, &["-p", &link])
}

/// Makes a squashfs of a directory.
///
/// # Errors
/// [`crate::error::Kind::Cant`] where mksquashfs is missing; when it fails, as on a full disk.
pub fn squash(host: &Host, from: &Path, to: &Path) -> Result<()> {
    make(host, from, to, &[], &[])
}

/// Without these entries, which may have `*` in them, and with more options (mksquashfs(1)).
fn make(host: &Host, from: &Path, to: &Path, without: &[&str], more: &[&str]) -> Result<()> {
    which::which(PROGRAM).map_err(|_| {
        Error::cant(format!("{PROGRAM} is not installed")).mend(packages::mend_for_tool(PROGRAM))
    })?;
    let listed = (!without.is_empty()).then_some(["-wildcards", "-e"]);
    Cmd::new(PROGRAM)
        .args::<PathBuf>([from.to_owned(), to.to_owned()])
        .args(["-noappend", "-quiet", "-no-progress", "-comp", "lz4"])
        .args(more.iter().copied())
        .args(listed.into_iter().flatten())
        .args(without.iter().copied())
        .timeout(Duration::from_secs(600))
        .ok(host)
        .map(drop)
        .map_err(|e| e.context(format!("make an image of {}", from.display())))
}
