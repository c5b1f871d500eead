//! Loop devices: block devices whose content is a file (loop(4), losetup(8)).

use super::command::Cmd;
use super::poll::{Poll, Seen};
use super::{Host, packages};
use crate::error::{Context as _, Error, Result};
use nix::sys::stat::{major, minor};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The program that attaches and detaches them.
const PROGRAM: &str = "losetup";
/// There is one where the kernel has loop devices (loop(4)).
const CONTROL: &str = "/dev/loop-control";
/// Blanks in losetup's raw output.
const BLANK: &str = "\\x20";

/// Why the kernel has no loop devices, and the mend; `None` where it has.
pub fn kernel_lacks() -> Option<(String, String)> {
    (!Path::new(CONTROL).exists()).then(|| {
        let what = format!("there is no {CONTROL}, and so no loop devices");
        (
            what,
            "modprobe loop; in a container: docker run --privileged".to_owned(),
        )
    })
}

/// Why none can be attached here, and the mend; `None` where they can.
pub fn lacking() -> Option<(String, String)> {
    let program = || {
        let absent = which::which(PROGRAM).is_err();
        absent.then(|| {
            let what = format!("{PROGRAM} is not installed");
            (what, packages::mend_for_tool(PROGRAM))
        })
    };
    kernel_lacks().or_else(program)
}

/// A loop device that has a file.
#[derive(Debug, PartialEq, Eq)]
struct Attached {
    device: PathBuf,
    /// Inode number of the file.
    inode: u64,
    /// Number of the file system that the file is on.
    on: (u64, u64),
    /// The file's path in the mount namespace of whoever attached it.
    file: PathBuf,
}

fn all(host: &Host) -> Result<Vec<Attached>> {
    let columns = "NAME,BACK-INO,BACK-MAJ:MIN,BACK-FILE";
    let said = Cmd::new(PROGRAM)
        .args(["--list", "--noheadings", "--raw", "--output", columns])
        .ok(host)
        .context("list the loop devices")?;
    Ok(said.lines().filter_map(parse).collect())
}

/// A line of losetup's. A file that is deleted has that word behind its path (the kernel's
/// d_path()).
fn parse(line: &str) -> Option<Attached> {
    let mut columns = line.splitn(4, ' ');
    let mut next = || Some(columns.next()?.replace(BLANK, " ").trim().to_owned());
    let (device, inode, on, file) = (next()?, next()?, next()?, next()?);
    let (major, minor) = on.split_once(':')?;
    Some(Attached {
        device: device.into(),
        inode: inode.parse().ok()?,
        on: (major.parse().ok()?, minor.parse().ok()?),
        file: file.strip_suffix(" (deleted)").unwrap_or(&file).into(),
    })
}

/// Number of the file system that a path is, or would be, on: major and minor.
pub fn file_system(path: &Path) -> Option<(u64, u64)> {
    let there = path.ancestors().find_map(|p| p.metadata().ok())?;
    Some((major(there.dev()), minor(there.dev())))
}

/// The loop devices of a file: by its inode, or, where it is gone, by its path and file system.
/// Another mount namespace may have another file of that path.
///
/// # Errors
/// When losetup cannot list them.
pub fn of(host: &Host, file: &Path) -> Result<Vec<PathBuf>> {
    let inode = file.metadata().map(|m| m.ino()).ok();
    let on = file_system(file);
    let is_its = |it: &Attached| match inode {
        Some(inode) => it.inode == inode,
        None => it.file == file,
    };
    let mut all = all(host)?;
    all.retain(|it| Some(it.on) == on && is_its(it));
    Ok(all.into_iter().map(|it| it.device).collect())
}

/// Files below a directory that have loop devices, also files that are deleted.
///
/// # Errors
/// As [`of`].
pub fn below(host: &Host, directory: &Path) -> Result<Vec<PathBuf>> {
    let on = file_system(directory);
    let mut all = all(host)?;
    all.retain(|it| Some(it.on) == on && it.file.starts_with(directory));
    Ok(all.into_iter().map(|it| it.file).collect())
}

/// The loop device of a file, attached where there was none.
///
/// # Errors
/// When losetup cannot attach one.
pub fn attach(host: &Host, file: &Path) -> Result<PathBuf> {
    if let Some(device) = of(host, file)?.into_iter().next() {
        return Ok(device);
    }
    let said = Cmd::new(PROGRAM)
        .args(["--find", "--show"])
        .arg(file)
        .ok(host)
        .context("attach a loop device")?;
    Ok(said.trim().into())
}

/// Detaches the loop devices of all files on a file system, by its number.
///
/// # Errors
/// When losetup fails.
pub fn detach_on(host: &Host, file_system: (u64, u64)) -> Result<()> {
    let mut all = all(host)?;
    all.retain(|it| it.on == file_system);
    all.iter()
        .try_for_each(|it| detach_device(host, &it.device))
}

fn detach_device(host: &Host, device: &Path) -> Result<()> {
    let cmd = Cmd::new(PROGRAM).arg("--detach").arg(device);
    cmd.ok(host).map(drop)
}

/// Detaches a file's loop devices. The kernel lets go of one when nobody has it open any longer.
///
/// # Errors
/// When losetup fails, or somebody still has a device open 10 s later.
pub fn detach(host: &Host, file: &Path) -> Result<()> {
    for device in of(host, file)? {
        detach_device(host, &device)?;
    }
    let poll = Poll::every(Duration::from_millis(50), Duration::from_secs(10)).uninterrupted();
    let look = |_: &mut Poll| {
        let left = of(host, file)?;
        Ok(Seen::ready_if(left.is_empty(), left))
    };
    poll.until(look, |left| {
        let names: Vec<String> = left.iter().map(|d| d.display().to_string()).collect();
        Error::failed(format!("{} is still in use", names.join(", ")))
            .mend("end what has it open or mounted")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as of util-linux 2.38.1.
    #[test]
    fn lines_of_losetup() {
        let deleted =
            r"/dev/loop2 22020 \x20\x20\x20\x20\x20\x20\x200:45\x20 /srv/a\x20b\x20(deleted)";
        let (device, file) = ("/dev/loop2".into(), "/srv/a b".into());
        let (inode, on) = (22020, (0, 45));
        let found = Attached {
            device,
            inode,
            on,
            file,
        };
        assert_eq!(parse(deleted), Some(found));
        assert_eq!(parse("/dev/loop0"), None);
    }
}
