//! PID 1 of a lab's cluster node: starts its daemons in order, reaps, says how they are, and stops
//! them in order.
//!
//! An init of our own, since systemd in a container without a control group namespace takes the
//! host's groups for its own, and those of the distributions that run no systemd (runit, dinit …)
//! are not everywhere at hand. There is no restarting by itself: a dead daemon is what people come
//! to a lab to see. SIGHUP starts dead daemons again.

mod daemons;
mod groups;

pub use daemons::Daemons;

use crate::error::{Error, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use serde::{Deserialize, Serialize};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where the node's own configuration is, in the node.
pub const CONFIG: &str = "/etc/lxc-autogen/node.json";
/// Where it says how its daemons are.
pub const REPORT: &str = "/run/lxc-autogen/daemons.json";

/// What runs in a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Directories to make first, below /run, which is empty at each start: path and mode.
    pub directories: Vec<(PathBuf, u32)>,
    /// Environment of all daemons.
    pub environment: Vec<(String, String)>,
    /// In the order of starting; those of one stage start together, and a stage starts when all of
    /// the one before are ready.
    pub daemons: Vec<Daemon>,
}

impl Config {
    /// How long it can take until all daemons have stopped, one after the other.
    pub fn longest_stop(&self) -> Duration {
        Duration::from_secs(self.daemons.iter().map(|d| d.stop_s).sum())
    }
}

/// One daemon, in the foreground.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// Its name, also of its log.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// When it is started, from 0.
    pub stage: u32,
    /// How to tell that it is ready; at once without.
    pub ready: Option<Ready>,
    /// Exit statuses by which it says that the node must go down at once.
    pub panics: Vec<i32>,
    /// How long it may take to stop.
    pub stop_s: u64,
}

/// A sign that a daemon is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// A file or socket is there.
    Path(PathBuf),
    /// A unix socket of this name in the abstract namespace.
    Abstract(String),
}

/// How a daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which.
    pub name: String,
    /// `waiting`, `starting`, `running`, `exited with N` or `killed by SIGNAL`.
    pub state: String,
}

impl Report {
    /// Whether it is as it should be.
    pub fn is_well(&self) -> bool {
        self.state == "running"
    }
}

/// How long between two looks at daemons that are to become ready or to end.
const TICK: u16 = 20;

/// Runs the node until it is stopped. For PID 1 of a container only.
///
/// # Errors
/// When it is not PID 1, or its configuration cannot be used.
pub fn run(config: &Path) -> Result<()> {
    if std::process::id() != 1 {
        return Err(
            Error::usage("node-init is PID 1 of a lab's node, and nothing else")
                .mend("lxc-autogen lab up"),
        );
    }
    let text = std::fs::read_to_string(config).map_err(|e| Error::io("read", config, e))?;
    let config: Config = serde_json::from_str(&text)
        .map_err(|e| Error::failed(format!("{}: {e}", config.display())))?;
    groups::isolate()?;
    let mut signals = blocked_signals()?;
    daemons::make_directories(&config.directories)?;
    let mut daemons = Daemons::new(config);
    let ending = serve(&mut daemons, &mut signals)?;
    if ending == Ending::Orderly {
        stop(&mut daemons, &mut signals)?;
    }
    // With PID 1 ends everything in the container.
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Asked for in here: daemons are stopped one after the other.
    Orderly,
    /// The plug pulled: asked for by the host, or a panic.
    Hard,
}

fn serve(daemons: &mut Daemons, signals: &mut SignalFd) -> Result<Ending> {
    loop {
        let panicked = daemons.reap();
        if let Some(name) = panicked {
            crate::report::say(format!("{name} panicked: this node goes down"));
            return Ok(Ending::Hard);
        }
        daemons.advance()?;
        daemons.report()?;
        let timeout = if daemons.are_settled() {
            PollTimeout::NONE
        } else {
            PollTimeout::from(TICK)
        };
        wait(signals, timeout)?;
        while let Some((signal, from_inside)) = next(signals)? {
            match signal {
                // `virsh destroy` and a fence agent begin with SIGTERM to every process at once
                // (libvirt 9.0, virCgroupKillPainfully). A node that is powered off does not say
                // goodbye to its cluster; to leave in good order is asked for inside.
                Signal::SIGTERM | Signal::SIGINT | Signal::SIGPWR if !from_inside => {
                    return Ok(Ending::Hard);
                }
                Signal::SIGTERM | Signal::SIGINT | Signal::SIGPWR => return Ok(Ending::Orderly),
                Signal::SIGHUP => daemons.start_dead_again(),
                _ => {}
            }
        }
    }
}

fn stop(daemons: &mut Daemons, signals: &mut SignalFd) -> Result<()> {
    while daemons.stop_next() {
        daemons.report()?;
        wait(signals, PollTimeout::from(TICK))?;
        while let Some((signal, from_inside)) = next(signals)? {
            if signal == Signal::SIGTERM && !from_inside {
                return Ok(());
            }
        }
        daemons.reap();
    }
    Ok(())
}

/// Signals to be read rather than delivered.
///
/// Whoever started us may have had some ignored (`nohup libvirtd`, util-linux 2.36's unshare), which
/// daemons would inherit, and bash cannot trap. What has a handler is the default again in them
/// (execve(2)); it never runs, as they are blocked.
fn blocked_signals() -> Result<SignalFd> {
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGCHLD,
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGPWR,
        Signal::SIGHUP,
    ] {
        set.add(signal);
        signal_hook::flag::register(signal as i32, Arc::default())
            .map_err(|e| Error::failed(format!("handle {signal}: {e}")))?;
    }
    set.thread_block()
        .and_then(|()| SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK))
        .map_err(|e| Error::failed(format!("block signals: {e}")))
}

fn wait(signals: &SignalFd, timeout: PollTimeout) -> Result<()> {
    let mut on = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    match poll(&mut on, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(e) => Err(Error::failed(format!("wait for a signal: {e}"))),
    }
}

/// The next signal, and whether a process of this container sent it: the kernel gives one from
/// outside no pid that could be named in here (signal(7), pid_namespaces(7)).
fn next(signals: &mut SignalFd) -> Result<Option<(Signal, bool)>> {
    let info = signals
        .read_signal()
        .map_err(|e| Error::failed(format!("read a signal: {e}")))?;
    Ok(info.and_then(|info| {
        let number = i32::try_from(info.ssi_signo).ok()?;
        Some((Signal::try_from(number).ok()?, info.ssi_pid != 0))
    }))
}
