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

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The handle to this host. Every function that touches the host takes it.
#[derive(Debug)]
pub struct Host {
    /// Whether to print every program that is run, with its time, to stderr.
    pub verbose: bool,
    /// Whether to say which program is waited for that should have answered by now.
    tells_waits: bool,
    /// Whether programs are only asked, and their answers not worth a long wait.
    is_hasty: bool,
    /// Programs that did not end in time.
    hung: Mutex<HashSet<String>>,
    started: Instant,
}

impl Host {
    /// A handle to this host; its clock starts now.
    pub fn new(verbose: bool) -> Self {
        Host {
            verbose,
            tells_waits: false,
            is_hasty: false,
            hung: Mutex::default(),
            started: Instant::now(),
        }
    }

    /// Says which program it waits for, or not; and does not wait for long, where it is `hasty`.
    pub fn waits(self, told: bool, hasty: bool) -> Self {
        Host {
            tells_waits: told,
            is_hasty: hasty,
            ..self
        }
    }

    /// How long to wait for a program: less where it is only asked, less still where another has not
    /// answered before, and least where itself has not.
    fn patience(&self, program: &str, timeout: Duration) -> Duration {
        const ASKED: Duration = Duration::from_secs(15);
        const ANOTHER: Duration = Duration::from_secs(5);
        const ITSELF: Duration = Duration::from_secs(2);
        if !self.is_hasty {
            return timeout;
        }
        let hung = self.hung.lock().unwrap_or_else(PoisonError::into_inner);
        timeout.min(match (hung.contains(program), hung.is_empty()) {
            (true, _) => ITSELF,
            (false, false) => ANOTHER,
            (false, true) => ASKED,
        })
    }

    fn has_hung(&self, program: &str) {
        let mut hung = self.hung.lock().unwrap_or_else(PoisonError::into_inner);
        hung.insert(program.to_owned());
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
