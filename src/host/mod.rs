//! The door to the host: programs, files that appear whole, mounts, cgroups, locks, signals. Nothing
//! else starts a program or removes a tree (.clippy.toml keeps it so).

pub mod at;
pub mod cgroups;
pub mod command;
pub mod container_net;
pub mod files;
pub mod forwarding;
pub mod hosts;
pub mod hybrid;
pub mod inside;
pub mod lock;
pub mod memory;
pub mod mounts;
pub mod net;
mod netlink;
pub mod packages;
pub mod pipe;
pub mod poll;
mod proc;
pub mod processes;
pub mod signals;
pub mod users;

use std::time::Instant;

/// The handle that every function that touches the host is given.
#[derive(Debug)]
pub struct Host {
    /// Print every program that is run, with its time, to stderr.
    pub verbose: bool,
    started: Instant,
}

impl Host {
    /// A door to this host.
    pub fn new(verbose: bool) -> Self {
        Host {
            verbose,
            started: Instant::now(),
        }
    }

    /// Time since the program began, for traces.
    pub fn elapsed(&self) -> std::time::Duration {
        self.started.elapsed()
    }

    /// Stops here, when a signal has asked for it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`] after SIGINT, SIGTERM or SIGHUP.
    pub fn check_interrupt(&self) -> crate::error::Result<()> {
        signals::check()
    }
}
