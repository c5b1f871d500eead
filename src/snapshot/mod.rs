//! What a machine looks like, as far as a run of this program could change it: taken before,
//! compared after, and so a proof that nothing is left.
//!
//! There is a file for each kind of thing. What is there is a map from a name (of a link, a file, a
//! chain of rules) to what is known of it, so that a comparison needs no more than two maps. What
//! changes without anybody's doing (counters, times, handles, what [`left_out`] lists) is not
//! written down at all.

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
