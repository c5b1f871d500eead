//! The image of a base tree's /usr: a squashfs that all virtual machines over that tree read.

use crate::error::{Error, Result};
use crate::host::command::Cmd;
use crate::host::stream::Stream;
use crate::host::{Host, files, packages};
use crate::rootfs::Layout;
use crate::supervisor::switch::MODULES_AT;
use std::fs::Metadata;
use std::io::Read;
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

/// The modules of a machine's own kernel are there instead.
const LEFT_OUT_OF_ALL: &[&str] = &["lib/modules"];

fn left_out(whole: bool) -> &'static [&'static str] {
    match whole {
        true => LEFT_OUT_OF_ALL,
        false => LEFT_OUT,
    }
}

/// Two marks: one of the tree, and one of what its /usr is like now, by its database of packages and
/// the times of a few directories.
///
/// # Errors
/// When the database cannot be read.
pub(super) fn fingerprint(layout: &Layout, whole: bool) -> Result<(String, String)> {
    let usr = layout.base.join("usr");
    let mut text = layout.packages()?.unwrap_or_default();
    for path in WATCHED.iter().map(|path| usr.join(path)) {
        let seen = path.symlink_metadata().ok().map(|it: Metadata| {
            let (seconds, nanos) = (it.mtime(), it.mtime_nsec());
            format!("{} {seconds}.{nanos}\n", it.ino())
        });
        text.push_str(&seen.unwrap_or_default());
    }
    text.push_str(&left_out(whole).concat());
    let short = |text: &str| files::sha256(text.as_bytes())[..12].to_owned();
    Ok((short(&usr.to_string_lossy()), short(&text)))
}

/// Makes the image, of files as they are owned; `seen` is told how many per cent are made. Compressed by lz4, which takes least time (4.4 s for
/// 1.5 GB, and erofs 7.4 s; uncompressed it is twice as long on the disk).
///
/// # Errors
/// [`crate::error::Kind::Cant`] where mksquashfs is missing; when it fails, as on a full disk.
pub(super) fn pack(
    host: &Host,
    base: &Path,
    whole: bool,
    to: &Path,
    seen: &mut dyn FnMut(usize),
) -> Result<()> {
    let link = format!("lib/modules s 777 0 0 {MODULES_AT}");
    let more = ["-progress", "-p", &link];
    let cmd = command(&base.join("usr"), to, left_out(whole), &more)?;
    let mut stream = Stream::from(host, &cmd)?;
    let mut said = String::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream
            .read(&mut buffer)
            .map_err(|e| Error::failed(format!("make an image of /usr: {e}")))?;
        if length == 0 {
            break;
        }
        said.push_str(&String::from_utf8_lossy(&buffer[..length]));
        if let Some(percent) = percent(&said) {
            seen(percent);
            said.clear();
        }
    }
    let output = stream.end()?;
    match output.code {
        0 => Ok(()),
        _ => Err(output.error().context("make an image of /usr")),
    }
}

/// The last number with a per cent sign: a progress bar is drawn over itself.
fn percent(said: &str) -> Option<usize> {
    let (before, _) = said.rsplit_once('%')?;
    let number = before.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    number.parse().ok()
}

/// Makes a squashfs of a directory.
///
/// # Errors
/// [`crate::error::Kind::Cant`] where mksquashfs is missing; when it fails, as on a full disk.
pub fn squash(host: &Host, from: &Path, to: &Path) -> Result<()> {
    let cmd = command(from, to, &[], &["-no-progress"])?;
    cmd.ok(host)
        .map(drop)
        .map_err(|e| e.context(format!("make an image of {}", from.display())))
}

/// Without these entries, which may have `*` in them, and with more options (mksquashfs(1)).
fn command(from: &Path, to: &Path, without: &[&str], more: &[&str]) -> Result<Cmd> {
    which::which(PROGRAM).map_err(|_| {
        Error::cant(format!("{PROGRAM} is not installed")).mend(packages::mend_for_tool(PROGRAM))
    })?;
    let listed = (!without.is_empty()).then_some(["-wildcards", "-e"]);
    Ok(Cmd::new(PROGRAM)
        .args::<PathBuf>([from.to_owned(), to.to_owned()])
        .args(["-noappend", "-quiet", "-comp", "lz4"])
        .args(more.iter().copied())
        .args(listed.into_iter().flatten())
        .args(without.iter().copied())
        .timeout(Duration::from_secs(600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_bar_is_read_where_it_is_now() {
        // As mksquashfs 4.5.1 draws it.
        let bar = "\r[=/      ]  100/6193   1%\r[====-     ] 3427/6193  55%";
        assert_eq!(percent(bar), Some(55));
        assert_eq!(percent("\r[===|] 6193/6193 100%\n"), Some(100));
        assert_eq!(percent("\r[=/      ]  100/61"), None);
    }

    #[test]
    fn the_image_is_made_and_told_of() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        std::fs::create_dir_all(base.join("usr/share/doc")).unwrap();
        std::fs::write(base.join("usr/share/doc/readme"), "read").unwrap();
        std::fs::write(base.join("usr/file"), vec![1; 1 << 20]).unwrap();
        let image = base.join("image");
        let mut told = Vec::new();
        let host = Host::new(false);
        pack(&host, base, false, &image, &mut |percent| {
            told.push(percent)
        })
        .unwrap();
        assert_eq!(told.last(), Some(&100));
        let list = |image: &Path| {
            let unsquash = Cmd::new("unsquashfs").arg("-l").arg(image);
            unsquash.ok(&host).unwrap()
        };
        let lean = list(&image);
        assert!(
            lean.contains("usr/file") || lean.contains("root/file"),
            "{lean}"
        );
        assert!(!lean.contains("readme"), "{lean}");
        let whole = base.join("whole");
        pack(&host, base, true, &whole, &mut |_| {}).unwrap();
        assert!(list(&whole).contains("readme"));
        // Where it cannot be written, the cause is said.
        let nowhere = base.join("none/image");
        let e = pack(&host, base, false, &nowhere, &mut |_| {}).unwrap_err();
        assert!(e.to_string().contains("make an image of /usr"), "{e}");
    }
}
