//! Making a lab's shared disks, and attaching them to loop devices.

use super::{Lab, SharedDisk, sbd, shared_disk};
use crate::change::LoopDevice;
use crate::context::Context;
use crate::error::{Context as _, Error, Result};
use crate::host::files;
use crate::host::{Host, loops};
use crate::state::State;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Makes the disks that are missing, and attaches those that have no loop device: after a reboot of
/// this host none has.
///
/// # Errors
/// When a file cannot be written or a loop device cannot be had; the journal knows what was done.
pub(crate) fn ready(context: &Context, state: &mut State, lab: &Lab) -> Result<()> {
    let disks = shared_disk::of(lab);
    let devices = disks.iter().map(|disk| LoopDevice { file: disk.file() });
    state.journal.intend(devices)?;
    let mut begin = sbd::disk(lab);
    disks.iter().try_for_each(|disk| {
        let what = format!("make the shared disk {}", disk.name);
        let begin = begin.take().unwrap_or_default();
        one(&context.host, disk, &begin).context(what)
    })
}

fn one(host: &Host, disk: &SharedDisk, begin: &[u8]) -> Result<()> {
    let file = disk.file();
    if !files::exists(&file) {
        make(&file, disk.mib, begin)?;
    }
    let device = loops::attach(host, &file)?;
    point(&disk.link(), &device)
}

/// Makes a sparse file that begins with these bytes: it takes room only as far as it is written.
fn make(path: &Path, mib: u32, begin: &[u8]) -> Result<()> {
    let temporary = files::temporary_name(path);
    let failed = |e| Error::io("make", path, e);
    let mut file = File::create(&temporary).map_err(failed)?;
    file.set_len(u64::from(mib) << 20).map_err(failed)?;
    file.write_all(begin).map_err(failed)?;
    fs::rename(&temporary, path).map_err(failed)
}

/// Points a symbolic link at a device.
fn point(link: &Path, device: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|to| to == device) {
        return Ok(());
    }
    let failed = |e| Error::io("link", link, e);
    let temporary = files::temporary_name(link);
    files::remove_file(&temporary)?;
    symlink(device, &temporary).map_err(failed)?;
    fs::rename(&temporary, link).map_err(failed)
}
