//! Writing files of this host as an archive.

use super::{Copied, Exactly};
use crate::error::Error;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use tar::{Builder, EntryType, Header};
use walkdir::WalkDir;

/// Why packing stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// A file of this host cannot be read.
    Here(Error),
    /// The archive is not taken any more.
    There(io::Error),
}

/// Writes a file, or a directory with all that is in it, as an archive in which it has this name.
/// Owners are not in it: the ids of this host's users mean nothing in a node.
pub(super) fn pack(to: &mut dyn Write, source: &Path, name: &OsStr) -> Result<Copied, Stop> {
    let mut builder = Builder::new(BufWriter::with_capacity(1 << 16, to));
    let mut copied = Copied::default();
    for entry in WalkDir::new(source) {
        let entry = entry.map_err(|e| Stop::Here(Error::failed(format!("read {e}"))))?;
        let path = entry.path();
        let member = match path.strip_prefix(source) {
            Ok(below) if below.as_os_str().is_empty() => name.into(),
            Ok(below) => Path::new(name).join(below),
            Err(_) => continue,
        };
        let seen = path
            .symlink_metadata()
            .map_err(|e| here("look at", path, e))?;
        let kind = seen.file_type();
        if kind.is_dir() {
            let mut header = header(&seen, EntryType::Directory);
            builder
                .append_data(&mut header, &member, io::empty())
                .map_err(Stop::There)?;
        } else if kind.is_symlink() {
            let target = path.read_link().map_err(|e| here("read", path, e))?;
            let mut header = header(&seen, EntryType::Symlink);
            builder
                .append_link(&mut header, &member, target)
                .map_err(Stop::There)?;
        } else if kind.is_file() {
            copied.bytes += file(&mut builder, path, &member)?;
            copied.files += 1;
        } else {
            copied.leave_out(path, "neither a file nor a directory");
        }
    }
    builder
        .into_inner()
        .and_then(|mut buffered| buffered.flush())
        .map_err(Stop::There)?;
    Ok(copied)
}

fn here(doing: &str, path: &Path, cause: io::Error) -> Stop {
    Stop::Here(Error::io(doing, path, cause))
}

fn header(seen: &Metadata, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(seen.mode() & 0o777);
    header.set_mtime(u64::try_from(seen.mtime()).unwrap_or(0));
    header.set_size(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn file<W: Write>(builder: &mut Builder<W>, path: &Path, member: &Path) -> Result<u64, Stop> {
    // It may have become something else since it was looked at.
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let opened = File::options()
        .read(true)
        .custom_flags(flags.bits())
        .open(path);
    let file = opened.map_err(|e| here("open", path, e))?;
    let seen = file.metadata().map_err(|e| here("look at", path, e))?;
    let mut header = header(&seen, EntryType::Regular);
    header.set_size(seen.len());
    let mut content = Told {
        from: Exactly {
            from: file,
            left: seen.len(),
        },
        failed: false,
    };
    match builder.append_data(&mut header, member, &mut content) {
        Ok(()) => Ok(seen.len()),
        Err(e) if content.failed => Err(here("read", path, e)),
        Err(e) => Err(Stop::There(e)),
    }
}

/// Remembers that it was the reading that failed.
struct Told<R> {
    from: R,
    failed: bool,
}

impl<R: Read> Read for Told<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer);
        self.failed |= read.is_err();
        read
    }
}
