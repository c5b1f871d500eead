//! The plug of a node whose PID 1 is systemd: a small process beside it.
//!
//! `virsh destroy` and a fence agent begin with SIGTERM to every process at once, and SIGKILL comes
//! 1.6 s later (libvirt 9.0, virCgroupKillPainfully). Corosync and Pacemaker would take leave of
//! their cluster in that time, as no machine does whose plug is pulled. So the first signal from
//! outside makes this process kill all others. PID 1 is left; nothing in the node can kill it.
//!
//! It is the reset button, too: a reboot in good order ends with systemd's last program, which needs
//! reboot(2) to have the node started again. In a PID namespace reboot(2) ends that namespace's PID
//! 1 with SIGHUP, by which libvirt knows that the container is to start again (reboot(2); libvirt
//! 9.0, src/lxc/lxc_controller.c, virLXCControllerSignalChildIO). But the capability for it is also
//! the one for kexec_load(2), which nothing confines. So this process alone has it.

use super::meminfo;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use crate::host::poll::{Poll, Seen};
use caps::{CapSet, Capability};
use nix::errno::Errno;
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use std::time::Duration;

/// Path of this program in a node.
const OURSELVES: &str = "/opt/lxc-autogen/lxc-autogen";

/// How long other processes may take to end before the node is started again. systemd ends this one,
/// too, when its own time is over (90 s).
const LAST_PROCESSES: Duration = Duration::from_secs(10);

/// Starts the plug, and leaves it to the PID 1 that this process becomes. From then on nothing that
/// this process starts or becomes can call reboot(2) or kexec_load(2).
///
/// # Errors
/// When it cannot be started, or the right cannot be given up.
pub(super) fn leave_behind() -> Result<()> {
    Cmd::new(OURSELVES).arg("node-plug").start()?;
    for set in [CapSet::Ambient, CapSet::Bounding, CapSet::Inheritable] {
        caps::drop(None, set, Capability::CAP_SYS_BOOT)
            .map_err(|e| Error::failed(format!("give up the right to reboot(2): {e}")))?;
    }
    Ok(())
}

/// Kills every process of the node but PID 1, for as long as there are any: when the host wants the
/// node to end, or, for a unit's `ExecStopPost=`, when the unit has ended with one of the exit
/// statuses `panics`, which systemd says in the environment (systemd.exec(5)).
///
/// # Errors
/// When signals cannot be watched.
pub fn watch_plug(panics: &[i32]) -> Result<()> {
    if panics.is_empty() {
        match next_signal()? {
            Sender::Outside => {}
            Sender::Reboot => return start_again(),
            Sender::Inside => return Ok(()),
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

/// Who sent SIGTERM, and why.
enum Sender {
    /// The host: a sender without a pid in here has pid 0 (pid_namespaces(7)).
    Outside,
    /// The node's systemd, at a reboot in good order.
    Reboot,
    /// Anybody else in the node: systemd at another shutdown, for one.
    Inside,
}

fn next_signal() -> Result<Sender> {
    let failed = |e| Error::failed(format!("watch signals: {e}"));
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.thread_block().map_err(failed)?;
    // A thread that takes no signal from here, beside which this process has nothing else to do.
    meminfo::keep();
    let signals = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC).map_err(failed)?;
    Ok(match signals.read_signal().map_err(failed)? {
        Some(info) if info.ssi_pid == 0 => Sender::Outside,
        Some(info) if info.ssi_pid == 1 && is_rebooting() => Sender::Reboot,
        _ => Sender::Inside,
    })
}

/// Whether PID 1 is systemd's last program, and is to reboot: its first argument is a word for the
/// way in which the system ends (systemd 252, src/core/main.c, become_shutdown).
fn is_rebooting() -> bool {
    let line = std::fs::read("/proc/1/cmdline").unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0);
    let program = words.next().unwrap_or_default();
    program.ends_with(b"systemd-shutdown") && words.next() == Some(b"reboot")
}

/// Has the node started again, once all other processes have ended.
fn start_again() -> Result<()> {
    // What does not end in time ends with the node.
    let mut poll = Poll::every(Duration::from_millis(20), LAST_PROCESSES).uninterrupted();
    let _ = poll.look(|_| Ok(Seen::ready_if(is_alone(), ())));
    nix::unistd::sync();
    let Err(e) = reboot(RebootMode::RB_AUTOBOOT);
    Err(Error::failed(format!("have this node started again: {e}")))
}

/// Whether the node has no process besides PID 1 and this one: no other can be sent a signal
/// (kill(2)).
fn is_alone() -> bool {
    kill(Pid::from_raw(-1), None) == Err(Errno::ESRCH)
}

/// Tells systemd to power off at once, without stopping a unit (systemd(1), SIGRTMIN+14).
fn end_systemd() {
    let kill = Cmd::new("kill").args(["-s", "RTMIN+14", "1"]);
    let _ = kill.run(&Host::new(false));
}
