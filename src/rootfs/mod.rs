//! The parts of a container's root: the base tree, pacemaker-remoted, and the skeleton on disk.

mod entry;
pub mod etc;
mod layout;
pub mod left_out;
mod remoted;
mod trees;
mod write;

pub use entry::{Content, Entry, Owner};
pub use layout::{Layout, RESOURCE_AGENTS};
pub use remoted::{Remoted, UNPACKED, fetch, fetch_version, find, to_fetch, version};
pub use write::{Owners, SHARED, Writer};
