//! Files of /proc (proc(5)), parsed by procfs-core. lxc-autogen reads the files itself, so that
//! errors keep their words and name the file.

use crate::error::{Error, Result};
use procfs_core::FromBufRead;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads a whole file of /proc, not in small pieces: the /proc/meminfo of libvirt 7.0's containers
/// loses a character at each further one (seen on Debian 11), and [`std::fs::read`] begins with 32
/// bytes.
///
/// # Errors
/// When the file cannot be read, or procfs-core cannot parse it.
pub(super) fn read<T: FromBufRead>(path: &str) -> Result<T> {
    const ENOUGH: usize = 64 << 10;
    let path = Path::new(path);
    let failed = |e: &dyn std::fmt::Display| Error::io("read", path, e);
    let mut bytes = Vec::with_capacity(ENOUGH);
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|e| failed(&e))?;
    T::from_buf_read(&bytes[..]).map_err(|e| failed(&e))
}
