//! Values that depend on this host and that the options leave open: a free subnet, the daemon and
//! its environment. The code here only looks and changes nothing.

mod programs;
mod subnet;

pub(crate) use programs::{environment, remoted, version_mismatch, wanted_version};
pub(crate) use subnet::{Elsewhere, candidates, free_subnet, networks, used};
