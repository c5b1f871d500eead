//! A /proc/meminfo that programs can read.
//!
//! libvirt shows each container its own memory there, by FUSE; but one cannot seek in that file
//! (libvirt 9.0, src/lxc/lxc_fuse.c), and free(1) and top(1) of procps 4 begin by seeking. So a copy
//! lies over it, which is written anew every second.

use nix::mount::{MsFlags, mount};
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

const SHOWN: &str = "/proc/meminfo";
const COPY: &str = "/run/lxc-autogen/meminfo";
const EVERY: Duration = Duration::from_secs(1);

/// Lays the copy over the file, where that is needed, and keeps writing it in a thread. Where it
/// cannot be had the node does without.
pub(super) fn keep() {
    let Ok(Some((mut from, to))) = lay_over() else {
        return;
    };
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(EVERY);
            // What is read from the beginning again is new; libvirt_lxc's end is the node's.
            let Ok(text) = reopened(&from).and_then(|mut new| {
                let text = read(&mut new)?;
                from = new;
                Ok(text)
            }) else {
                return;
            };
            let length = text.len() as u64;
            let written = to.write_all_at(&text, 0).and_then(|()| to.set_len(length));
            if written.is_err() {
                return;
            }
        }
    });
}

/// The file that is shown by libvirt, and the copy over it; `None` where one can seek.
fn lay_over() -> io::Result<Option<(File, File)>> {
    let mut from = File::open(SHOWN)?;
    if from.rewind().is_ok() {
        return Ok(None);
    }
    let text = read(&mut from)?;
    if let Some(directory) = Path::new(COPY).parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(COPY, text)?;
    let to = File::options().write(true).open(COPY)?;
    let (nothing, flags) = (None::<&str>, MsFlags::MS_BIND);
    mount(Some(COPY), SHOWN, nothing, flags, nothing)?;
    // It is there by its mount alone: a file that is always another would be a difference to
    // whoever compares.
    fs::remove_file(COPY)?;
    Ok(Some((from, to)))
}

/// The same file anew, though another lies over its path.
fn reopened(file: &File) -> io::Result<File> {
    use std::os::fd::AsRawFd;
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Not in small pieces, at which libvirt 7.0's loses characters.
fn read(file: &mut File) -> io::Result<Vec<u8>> {
    const ENOUGH: usize = 16 << 10;
    let mut text = Vec::with_capacity(ENOUGH);
    file.read_to_end(&mut text)?;
    Ok(text)
}
