//! Loop devices of a world's labs. The kernel keeps them, and with them the world's private files,
//! when a world ends before its labs are taken down.

use crate::place::Place;
use lxc_autogen::error::{Error, Result};
use lxc_autogen::host::{Host, files, loops};
use lxc_autogen::report;
use std::path::Path;

/// Name of the file with the number of the file system that the private files are on.
pub const FILE: &str = "file-system";

/// Writes down the number of the file system that is mounted here.
pub fn note(place: &Place, at: &Path) -> Result<()> {
    let (major, minor) = loops::file_system(at)
        .ok_or_else(|| Error::failed(format!("{} is on no file system", at.display())))?;
    place.write(FILE, &format!("{major}:{minor}\n"))
}

/// Detaches the loop devices of files on the world's file system. Once nobody has it mounted any
/// more, and no loop device its files, the kernel gives its number to another one: so what somebody
/// has mounted is left alone.
pub fn detach_left(place: &Place) {
    let number = files::read_trimmed(place.file(FILE)).unwrap_or_default();
    let Some(file_system) = parse(&number) else {
        return;
    };
    if loops::lacking().is_some() || is_mounted(&number) {
        return;
    }
    if let Err(e) = loops::detach_on(&Host::new(false), file_system) {
        report::say(format!("loop devices of a world are left: {}", e.message()));
    }
}

fn parse(number: &str) -> Option<(u64, u64)> {
    let (major, minor) = number.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether any process has a file system of this number mounted (proc_pid_mountinfo(5), third
/// field).
fn is_mounted(number: &str) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mounts = processes.filter_map(|p| std::fs::read_to_string(p.path().join("mountinfo")).ok());
    mounts.into_iter().any(|text| has(&text, number))
}

fn has(mountinfo: &str, number: &str) -> bool {
    let mut lines = mountinfo.lines();
    lines.any(|line| line.split(' ').nth(2) == Some(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_by_its_number() {
        assert_eq!(parse("0:45"), Some((0, 45)));
        assert_eq!(parse(""), None);
        let line = "41 40 0:45 / /tmp/world/fs rw - tmpfs tmpfs rw,mode=755\n";
        assert!(has(line, "0:45"));
        assert!(!has(line, "0:4") && !has(line, "40"));
    }

    #[test]
    fn what_is_mounted_here_is_seen() {
        let (major, minor) = loops::file_system(Path::new("/proc")).unwrap();
        assert!(is_mounted(&format!("{major}:{minor}")));
        assert!(!is_mounted("0:0"));
    }
}
