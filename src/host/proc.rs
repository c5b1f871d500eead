//! Files of /proc (proc(5)), taken apart by procfs-core. We read them ourselves, so that an error says
//! what it has always said, and which file.

use crate::error::{Error, Result};
use procfs_core::FromBufRead;
use std::path::Path;

/// Reads a whole file of /proc.
///
/// # Errors
/// When it cannot be read, or is not what it is in the kernels that procfs-core knows.
pub(super) fn read<T: FromBufRead>(path: &str) -> Result<T> {
    let path = Path::new(path);
    let failed = |e: &dyn std::fmt::Display| Error::io("read", path, e);
    let bytes = std::fs::read(path).map_err(|e| failed(&e))?;
    T::from_buf_read(&bytes[..]).map_err(|e| failed(&e))
}
