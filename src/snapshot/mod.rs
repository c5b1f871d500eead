//! A record of everything on a machine that a run of lxc-autogen could change. It is taken before a
//! run and compared afterwards, and so proves that nothing is left.
//!
//! Each kind of thing has a file here. The things of a kind are a map from a name (of a link, a
//! file, a chain of rules) to their members, so that a comparison needs only two maps. Members that
//! change without anybody's doing (counters, times, handles, the files that [`left_out`] lists) are
//! not recorded.

mod addresses;
mod cgroups;
mod cluster;
mod compare;
mod files;
mod iptables;
pub mod left_out;
mod libvirt;
mod links;
mod looked;
mod mounts;
mod nftables;
mod processes;
mod qdiscs;
mod routes;
mod section;
mod sysctls;
mod taken;
mod tell;
mod tool;

pub use compare::{Change, Difference, count, differences};
pub use looked::{Looked, TREES};
pub use section::Section;
pub use taken::{Snapshot, load};
pub use tell::tell;
