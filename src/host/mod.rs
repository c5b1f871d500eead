//! Everything that touches the host: programs, files that appear whole, mounts, cgroups, locks,
//! signals. No other room starts a program or removes a tree (.clippy.toml keeps it so).

pub mod apt;
pub mod at;
pub mod beside;
pub mod cgroups;
pub mod command;
pub mod container_net;
pub mod container_shm;
pub mod disk;
pub mod enter;
pub mod files;
pub mod forwarding;
pub mod hosts;
pub mod hybrid;
pub mod inside;
pub mod ipv6;
pub mod lock;
pub mod loops;
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
pub mod stream;
pub mod users;
pub mod virtiofsd;

use std::time::Instant;

/// The handle to this host. Every function that touches the host takes it.
#[derive(Debug)]
pub struct Host {
    /// Whether to print every program that is run, with its time, to stderr.
    pub verbose: bool,
    started: Instant,
}

impl Host {
    /// A handle to this host; its clock starts now.
    pub fn new(verbose: bool) -> Self {
        Host {
            verbose,
            started: Instant::now(),
        }
    }

    /// Time since this handle was made, for traces.
    pub fn elapsed(&self) -> std::time::Duration {
        self.started.elapsed()
    }

    /// Fails when a signal has asked this process to end.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`] after SIGINT, SIGTERM or SIGHUP.
    pub fn check_interrupt(&self) -> crate::error::Result<()> {
        signals::check()
    }
}
