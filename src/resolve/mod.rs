//! What this host has decides what options leave open: a free subnet, the daemon and its
//! environment. Looks, and changes nothing.

mod programs;
mod subnet;

pub(crate) use programs::{environment, version_mismatch, wanted_version};
pub(crate) use subnet::{Elsewhere, candidates, free_subnet, networks, used};
