//! The plug of a node whose PID 1 is systemd: a small process beside it.
//!
//! `virsh destroy` and a fence agent begin with SIGTERM to every process at once, and SIGKILL comes
//! 1.6 s later (libvirt 9.0, virCgroupKillPainfully). Corosync and Pacemaker would take leave of
//! their cluster in that time, as no machine does whose plug is pulled. So the first signal from
//! outside makes this process kill all others. PID 1 is left; nothing in the node can kill it.

use super::meminfo;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use std::time::Duration;

/// Path of this program in a node.
const OURSELVES: &str = "/opt/lxc-autogen/lxc-autogen";

/// Starts the plug, and leaves it to the PID 1 that this process becomes.
///
/// # Errors
/// When it cannot be started.
pub(super) fn leave_behind() -> Result<()> {
    Cmd::new(OURSELVES).arg("node-plug").start().map(drop)
}

/// Kills every process of the node but PID 1, for as long as there are any: when the host wants the
/// node to end, or, for a unit's `ExecStopPost=`, when the unit has ended with one of the exit
/// statuses `panics`, which systemd says in the environment (systemd.exec(5)).
///
/// # Errors
/// When signals cannot be watched.
pub fn watch_plug(panics: &[i32]) -> Result<()> {
    if panics.is_empty() {
        if !signal_from_outside()? {
            return Ok(());
        }
    } else {
        let status = std::env::var("EXIT_STATUS").unwrap_or_default();
        if !status.parse().is_ok_and(|status| panics.contains(&status)) {
            return Ok(());
        }
        end_systemd();
    }
    loop {
        // What this process may signal is what is in the node, itself and PID 1 excepted (kill(2)).
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for SIGTERM. Whether it came from outside: a sender without a pid in here has pid 0
/// (pid_namespaces(7)). systemd sends it at a shutdown in good order.
fn signal_from_outside() -> Result<bool> {
    let failed = |e| Error::failed(format!("watch signals: {e}"));
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.thread_block().map_err(failed)?;
    // A thread that takes no signal from here, beside which this process has nothing else to do.
    meminfo::keep();
    let signals = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC).map_err(failed)?;
    let info = signals.read_signal().map_err(failed)?;
    Ok(info.is_some_and(|info| info.ssi_pid == 0))
}

/// Tells systemd to power off at once, without stopping a unit (systemd(1), SIGRTMIN+14).
fn end_systemd() {
    let kill = Cmd::new("kill").args(["-s", "RTMIN+14", "1"]);
    let _ = kill.run(&Host::new(false));
}
