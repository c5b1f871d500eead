//! PID 1 of a lab's cluster node. It starts the node's daemons in order, reaps processes, reports
//! the daemons' states, and stops the daemons in order.
//!
//! We have an init of our own for two reasons. systemd in a container without a control group
//! namespace takes the host's groups for its own, and the inits of distributions without systemd
//! (runit, dinit …) are not at hand everywhere. It never restarts a daemon by itself: a dead daemon
//! is what people come to a lab to see. SIGHUP starts dead daemons again.

pub mod boot;
mod daemons;
mod groups;
mod meminfo;
mod overlay;
mod plug;
pub mod switch;
mod systemd;

pub use daemons::Daemons;
pub use overlay::Overlay;
pub use plug::watch_plug;

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

/// Path of the node's configuration, in the node.
pub const CONFIG: &str = "/etc/lxc-autogen/node.json";
/// Path of the report on the daemons' states, in the node.
pub const REPORT: &str = "/run/lxc-autogen/daemons.json";

/// Everything that the init of a node needs to know: directories, environment and daemons.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Directories to make first, as (path, mode). They are below /run, which is empty at each
    /// start.
    pub directories: Vec<(PathBuf, u32)>,
    /// Environment variables of all daemons, as (name, value).
    pub environment: Vec<(String, String)>,
    /// The daemons in the order of starting. Daemons of one stage start together, and a stage
    /// starts when all daemons of the stages before are ready.
    pub daemons: Vec<Daemon>,
    /// Directories that become writable copies, in this order.
    #[serde(default)]
    pub overlays: Vec<Overlay>,
    /// The systemd that PID 1 becomes when it has prepared the node, in place of an init of our own;
    /// the daemons are its units then.
    #[serde(default)]
    pub systemd: Option<PathBuf>,
}

impl Config {
    /// The longest time until all daemons have stopped, one after the other.
    pub fn longest_stop(&self) -> Duration {
        Duration::from_secs(self.daemons.iter().map(|d| d.stop_s).sum())
    }
}

/// One daemon, which must stay in the foreground.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// The daemon's name; its output goes to a file of this name.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The stage in which the daemon is started, from 0.
    pub stage: u32,
    /// The sign that the daemon is ready; without one it is ready as soon as it is started.
    pub ready: Option<Ready>,
    /// Exit statuses that mean a panic: the node must go down at once.
    pub panics: Vec<i32>,
    /// How many seconds the daemon may take to stop, before SIGKILL.
    pub stop_s: u64,
}

/// A sign that a daemon is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// A file or socket at this path exists.
    Path(PathBuf),
    /// A unix socket of this name exists in the abstract namespace.
    Abstract(String),
}

/// The state of one daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The daemon's name.
    pub name: String,
    /// `waiting`, `starting`, `running`, `exited with N` or `killed by SIGNAL`.
    pub state: String,
}

impl Report {
    /// Whether the daemon is running.
    pub fn is_well(&self) -> bool {
        self.state == "running"
    }
}

/// Milliseconds between two looks while a daemon is starting or being stopped.
const TICK: u16 = 20;

/// Runs the node until it is stopped. For PID 1 only, of a container or of a virtual machine.
///
/// # Errors
/// When this process is not PID 1, or the configuration cannot be read.
pub fn run(config: &Path, of: Of) -> Result<()> {
    if std::process::id() != 1 {
        return Err(
            Error::usage("node-init is PID 1 of a lab's node, and nothing else")
                .mend("lxc-autogen lab up"),
        );
    }
    let text = std::fs::read_to_string(config).map_err(|e| Error::io("read", config, e))?;
    let config: Config = serde_json::from_str(&text)
        .map_err(|e| Error::failed(format!("{}: {e}", config.display())))?;
    overlay::mount_all(&config.overlays)?;
    if let Some(init) = &config.systemd {
        return match of {
            Of::Container => systemd::become_it(init),
            Of::Machine => systemd::become_it_in_machine(init),
        };
    }
    match of {
        Of::Container => groups::isolate(groups::LEAF)?,
        Of::Machine => groups::hand_down_in_machine(groups::LEAF)?,
    }
    let mut signals = blocked_signals()?;
    daemons::make_directories(&config.directories)?;
    meminfo::keep();
    let mut daemons = Daemons::new(config);
    let ending = serve(&mut daemons, &mut signals)?;
    if ending == Ending::Orderly {
        stop(&mut daemons, &mut signals)?;
    }
    match of {
        // Everything else in the container ends with PID 1.
        Of::Container => Ok(()),
        Of::Machine => boot::power_off(),
    }
}

/// What PID 1 is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A container, which ends with PID 1.
    Container,
    /// A virtual machine, whose kernel would panic when PID 1 ends.
    Machine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Asked for inside the node: the daemons are stopped one after the other.
    Orderly,
    /// Asked for by the host, or a panic: PID 1 ends at once, as if the plug were pulled.
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
                // (libvirt 9.0, virCgroupKillPainfully). A node that is powered off does not take
                // leave of its cluster; an orderly stop is asked for inside the node.
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

/// Blocks the signals that the init handles and returns a descriptor to read them from.
///
/// The program that started us may have had some of them ignored (`nohup libvirtd`, util-linux
/// 2.36's unshare). Daemons would inherit that, and bash cannot trap a signal that was ignored at
/// its start. So each signal gets a handler, since execve(2) resets handled signals to the default.
/// The handlers never run, because the signals are blocked.
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

/// The next signal, and whether a process of this container sent it: a signal from outside has
/// sender pid 0, since that process has no pid in here (signal(7), pid_namespaces(7)).
fn next(signals: &mut SignalFd) -> Result<Option<(Signal, bool)>> {
    let info = signals
        .read_signal()
        .map_err(|e| Error::failed(format!("read a signal: {e}")))?;
    Ok(info.and_then(|info| {
        let number = i32::try_from(info.ssi_signo).ok()?;
        Some((Signal::try_from(number).ok()?, info.ssi_pid != 0))
    }))
}
