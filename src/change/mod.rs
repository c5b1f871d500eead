//! Changes of the host: how each is written down, undone, named, and found without a journal.
//!
//! The journal is undone backwards: a change that depends on another one goes first. Undoing goes
//! on past a failure, and says at the end which changes stay.

mod agent;
mod allowed;
pub mod authkey;
mod daemon;
mod domain;
mod file;
mod find;
#[cfg(test)]
mod forged;
#[cfg(test)]
mod golden;
mod history;
mod hosts_block;
mod in_cib;
mod inside;
mod kernel;
mod kinds;
mod loop_device;
mod lost;
mod network;
mod node;
mod outcome;
mod outside;
pub(crate) mod peers;
pub(crate) mod prestop;
mod property;
mod put_back;
mod replay;
mod shared_daemon;
mod state_dir;
mod stop;
#[cfg(test)]
mod table;
mod traces;

pub use agent::Agent;
pub use authkey::Authkey;
pub use daemon::{Daemon, Daemons};
pub use domain::Domain;
pub use file::{EmptyDir, File};
pub use find::{found, found_in_cib};
pub use hosts_block::HostsBlock;
pub use in_cib::{CibObject, InCib, Resource};
pub use inside::{Container, InState, StateFile};
pub use kernel::{Cgroup, Forwarding, Kernel};
pub use kinds::{About, Change, Kind, Rank};
pub use loop_device::{DISKS, LoopDevice};
pub use lost::is_made_for;
pub use network::Network;
pub use node::Node;
pub use outcome::Outcome;
use outcome::{Batch, Item};
pub use outside::Outside;
pub use peers::Peer;
pub use property::{Joining, Monitors, Properties, Property, Throttle};
pub use replay::Undoer;
pub use shared_daemon::SharedDaemon;
pub use state_dir::{
    LOCK_FILE, OwnFiles, SET_FILE, StateDir, StateDirectory, check_foreign, remove_empty_state,
};
pub use traces::Traces;

/// The journal of our changes.
pub type Journal = crate::journal::Journal<Change>;
