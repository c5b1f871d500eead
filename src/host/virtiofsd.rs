//! virtiofsd, by which virtual machines see directories of this host; read-only too, for which libvirt 9.0
//! has no means (src/qemu/qemu_validate.c, "virtiofs does not yet support read-only mode").
//!
//! libvirt starts the daemon of a read-only directory by a link to this program. It makes the directory
//! read-only where it alone sees it, in a mount namespace of its own, and becomes the daemon.

use super::command::Cmd;
use super::mounts;
use crate::error::{Context, Error, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde::Deserialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The program's name.
pub const PROGRAM: &str = "virtiofsd";
/// Name of a link to this program, for a directory that is to be read-only.
pub const READ_ONLY: &str = "virtiofsd-read-only";

/// Where QEMU's distributions say which daemons there are, the administrator's first (QEMU,
/// docs/interop/vhost-user.json).
const DESCRIBED: [&str; 2] = ["/etc/qemu/vhost-user", "/usr/share/qemu/vhost-user"];
/// Where it is by its packages.
const PLACES: [&str; 3] = [
    "/usr/libexec/virtiofsd",
    "/usr/lib/qemu/virtiofsd",
    "/usr/lib/virtiofsd",
];

/// What such a file says of one.
#[derive(Deserialize)]
struct Described {
    r#type: String,
    binary: PathBuf,
}

/// Path of the daemon's program, as libvirt finds it, if it is installed.
pub fn find() -> Option<PathBuf> {
    let files = DESCRIBED.into_iter().flat_map(|directory| {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    });
    let described = files.filter_map(|path| {
        let text = std::fs::read(path).ok()?;
        let it: Described = serde_json::from_slice(&text).ok()?;
        (it.r#type == "fs").then_some(it.binary)
    });
    let mut all = described.chain(PLACES.map(PathBuf::from));
    all.find(|path| path.is_file())
}

/// Whether this process was started by the link, and is to become the daemon.
pub fn is_asked(args: &[OsString]) -> bool {
    let program = args.first().map(Path::new);
    program.and_then(Path::file_name) == Some(READ_ONLY.as_ref())
}

/// Becomes the daemon, with these arguments of libvirt's.
///
/// # Errors
/// When there is none, or the directory cannot be made read-only. Does not return otherwise.
pub fn become_read_only(args: &[OsString]) -> Result<()> {
    let daemon = find().ok_or_else(|| {
        Error::cant(format!("{PROGRAM} is not installed"))
            .mend(super::packages::mend_for_tool(PROGRAM))
    })?;
    let args = args.get(1..).unwrap_or_default();
    let source = source(args).ok_or_else(|| {
        Error::usage(format!(
            "{READ_ONLY} is started by libvirt, with a directory"
        ))
    })?;
    read_only(&source).context(format!("make {} read-only", source.display()))?;
    Err(Cmd::new(daemon.display().to_string())
        .args(args.iter().cloned())
        .become_it())
}

/// The directory in its arguments: `-o source=DIR,…` of QEMU's virtiofsd, which later ones know too, and
/// their own `--shared-dir DIR`.
fn source(args: &[OsString]) -> Option<PathBuf> {
    let texts: Vec<&str> = args.iter().filter_map(|it| it.to_str()).collect();
    let options = texts.iter().flat_map(|text| text.split(','));
    let short = options
        .filter_map(|option| option.strip_prefix("source="))
        .map(PathBuf::from);
    let long = texts
        .iter()
        .filter_map(|it| it.strip_prefix("--shared-dir="));
    let next = texts.windows(2).filter(|two| two[0] == "--shared-dir");
    let mut all = short
        .chain(long.map(PathBuf::from))
        .chain(next.map(|two| PathBuf::from(two[1])));
    all.find(|path| path.is_absolute())
}

fn read_only(directory: &Path) -> Result<()> {
    let failed = |e: nix::Error| Error::failed(e.to_string());
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS).map_err(failed)?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, private, none).map_err(failed)?;
    let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(directory), directory, none, bind, none).map_err(failed)?;
    for point in mounts::points()? {
        if point.starts_with(directory) {
            let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
            mount(none, &point, none, flags, none).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_found_in_the_arguments_of_every_version() {
        let of = |line: &str| {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            source(&args)
        };
        let srv = Some(PathBuf::from("/srv/data"));
        // libvirt 9.0, src/qemu/qemu_virtiofs.c.
        assert_eq!(of("--fd=21 -o source=/srv/data,xattr,flock"), srv);
        assert_eq!(of("--fd=21 --shared-dir /srv/data"), srv);
        assert_eq!(of("--fd=21 --shared-dir=/srv/data"), srv);
        assert_eq!(of("--fd=21"), None);
        assert!(is_asked(&["/lab/images/virtiofsd-read-only".into()]));
        assert!(!is_asked(&["/usr/sbin/lxc-autogen".into()]));
    }
}
