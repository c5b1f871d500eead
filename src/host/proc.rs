//! Files of /proc (proc(5)), parsed by procfs-core. lxc-autogen reads the files itself, so that
//! errors keep their words and name the file.

use crate::error::{Error, Result};
use procfs_core::FromBufRead;
use std::path::Path;

/// Reads a whole file of /proc.
///
/// # Errors
/// When the file cannot be read, or procfs-core cannot parse it.
pub(super) fn read<T: FromBufRead>(path: &str) -> Result<T> {
    let path = Path::new(path);
    let failed = |e: &dyn std::fmt::Display| Error::io("read", path, e);
    let bytes = std::fs::read(path).map_err(|e| failed(&e))?;
    T::from_buf_read(&bytes[..]).map_err(|e| failed(&e))
}
