//! The daemons of a node: starting, watching and stopping them.

use super::{Config, Daemon, REPORT, Ready, Report};
use crate::error::{Error, Result};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The directory of the files with the daemons' standard output and error.
const LOGS: &str = "/var/log";

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Waiting,
    Starting(Pid),
    Running(Pid),
    Ended(String),
}

impl State {
    fn pid(&self) -> Option<Pid> {
        match self {
            State::Starting(pid) | State::Running(pid) => Some(*pid),
            State::Waiting | State::Ended(_) => None,
        }
    }
}

/// All daemons of a node, in the order of starting. [`Daemons::reap`] reaps every child of this
/// process, so this is for PID 1 of a container.
#[derive(Debug)]
pub struct Daemons {
    environment: Vec<(String, String)>,
    all: Vec<(Daemon, State)>,
    /// The index of the daemon that is being stopped, and when it is killed.
    stopping: Option<(usize, Instant)>,
    reported: Vec<Report>,
}

impl Daemons {
    /// The daemons of this configuration, none of them started: [`Daemons::advance`] starts them.
    pub fn new(config: Config) -> Self {
        Daemons {
            environment: config.environment,
            all: config
                .daemons
                .into_iter()
                .map(|d| (d, State::Waiting))
                .collect(),
            stopping: None,
            reported: Vec::new(),
        }
    }

    /// Reaps processes that have ended: daemons, and orphans of the whole container. Returns the
    /// name of a daemon that panicked.
    pub fn reap(&mut self) -> Option<String> {
        let mut panicked = None;
        loop {
            let (pid, how, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, status)) => {
                    (pid, format!("exited with {status}"), Some(status))
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) => {
                    (pid, format!("killed by {}", signal.as_str()), None)
                }
                _ => return panicked,
            };
            let Some((daemon, state)) = self.all.iter_mut().find(|(_, s)| s.pid() == Some(pid))
            else {
                continue;
            };
            if status.is_some_and(|s| daemon.panics.contains(&s)) && self.stopping.is_none() {
                panicked = Some(daemon.name.clone());
            }
            *state = State::Ended(how);
        }
    }

    /// Marks daemons as running that are ready, and starts the next stage when all before it are
    /// ready.
    ///
    /// # Errors
    /// None today: a daemon that cannot be started counts as ended, which [`Daemons::are_well`]
    /// tells.
    pub fn advance(&mut self) -> Result<()> {
        for (daemon, state) in &mut self.all {
            if let State::Starting(pid) = *state {
                if daemon.ready.as_ref().is_none_or(is_ready) {
                    *state = State::Running(pid);
                }
            }
        }
        let Some(stage) = self.next_stage() else {
            return Ok(());
        };
        let unready = |(daemon, state): &(Daemon, State)| {
            daemon.stage < stage && !matches!(state, State::Running(_))
        };
        if self.all.iter().any(unready) {
            return Ok(());
        }
        for (daemon, state) in &mut self.all {
            if daemon.stage == stage && *state == State::Waiting {
                *state = start(daemon, &self.environment);
            }
        }
        Ok(())
    }

    fn next_stage(&self) -> Option<u32> {
        let waiting = self.all.iter().filter(|(_, s)| *s == State::Waiting);
        waiting.map(|(d, _)| d.stage).min()
    }

    /// Whether no daemon has ended.
    pub fn are_well(&self) -> bool {
        let ended = |(_, state): &(Daemon, State)| matches!(state, State::Ended(_));
        !self.all.iter().any(ended)
    }

    /// Whether only the end of a process, or a signal, can change a daemon's state.
    pub(super) fn are_settled(&self) -> bool {
        let busy = |s: &State| matches!(s, State::Starting(_));
        let blocked = self.all.iter().any(|(_, s)| matches!(s, State::Ended(_)));
        !self.all.iter().any(|(_, s)| busy(s)) && (self.next_stage().is_none() || blocked)
    }

    /// Marks the daemons that have ended as waiting, so that they are started again.
    pub(super) fn start_dead_again(&mut self) {
        for (_, state) in &mut self.all {
            if matches!(state, State::Ended(_)) {
                *state = State::Waiting;
            }
        }
    }

    /// Goes on with stopping the daemons, the last one started first. Returns whether one still
    /// runs.
    pub(super) fn stop_next(&mut self) -> bool {
        let Some(index) = self.all.iter().rposition(|(_, s)| s.pid().is_some()) else {
            return false;
        };
        let (daemon, state) = &self.all[index];
        let Some(pid) = state.pid() else {
            return false;
        };
        match self.stopping {
            Some((now, until)) if now == index => {
                if Instant::now() > until {
                    let _ = kill(pid, Signal::SIGKILL);
                }
            }
            _ => {
                let _ = kill(pid, Signal::SIGTERM);
                let until = Instant::now() + Duration::from_secs(daemon.stop_s);
                self.stopping = Some((index, until));
            }
        }
        true
    }

    /// Writes the daemons' states to [`REPORT`] when they have changed.
    pub(super) fn report(&mut self) -> Result<()> {
        let now: Vec<Report> = self.all.iter().map(|(d, s)| report(d, s)).collect();
        if now == self.reported {
            return Ok(());
        }
        let text =
            serde_json::to_string(&now).map_err(|e| Error::failed(format!("report: {e}")))?;
        let path = Path::new(REPORT);
        let new = path.with_extension("new");
        fs::write(&new, text + "\n")
            .and_then(|()| fs::rename(&new, path))
            .map_err(|e| Error::io("write", path, e))?;
        self.reported = now;
        Ok(())
    }
}

fn report(daemon: &Daemon, state: &State) -> Report {
    let state = match state {
        State::Waiting => "waiting".to_owned(),
        State::Starting(_) => "starting".to_owned(),
        State::Running(_) => "running".to_owned(),
        State::Ended(how) => how.clone(),
    };
    Report {
        name: daemon.name.clone(),
        state,
    }
}

// Not by host::command, which waits for the programs it starts; in a node this function is the one
// that starts programs.
#[allow(clippy::disallowed_methods)]
fn start(daemon: &Daemon, environment: &[(String, String)]) -> State {
    let Some((program, arguments)) = daemon.command.split_first() else {
        return State::Ended("has no command".to_owned());
    };
    if let Some(Ready::Path(stale)) = &daemon.ready {
        // A socket of a daemon that was killed must not count as the sign of the new one.
        let _ = fs::remove_file(stale);
    }
    let log = Path::new(LOGS).join(format!("{}.out", daemon.name));
    let output = || File::options().create(true).append(true).open(&log);
    let (stdout, stderr) = match (output(), output()) {
        (Ok(stdout), Ok(stderr)) => (Stdio::from(stdout), Stdio::from(stderr)),
        _ => (Stdio::null(), Stdio::null()),
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().map(|(n, v)| (n, v)))
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr);
    let child = with_signals_unblocked(|| command.spawn());
    match child.map(|c| i32::try_from(c.id())) {
        Ok(Ok(pid)) => State::Starting(Pid::from_raw(pid)),
        Ok(Err(_)) => State::Ended("has no pid".to_owned()),
        Err(e) => State::Ended(format!("cannot be started: {e}")),
    }
}

/// Runs `act` with no signal blocked, since a child inherits blocked signals, and with SIGCHLD
/// blocked Pacemaker's daemons never learn that their children have ended. A signal for us that
/// comes during this time is lost. The end of a child is still seen, since the next look follows
/// within a tick of every start.
fn with_signals_unblocked<T>(act: impl FnOnce() -> T) -> T {
    let before = SigSet::thread_get_mask();
    let _ = SigSet::empty().thread_set_mask();
    let result = act();
    if let Ok(mask) = before {
        let _ = mask.thread_set_mask();
    }
    result
}

fn is_ready(sign: &Ready) -> bool {
    match sign {
        Ready::Path(path) => path.exists(),
        Ready::Abstract(name) => fs::read_to_string("/proc/net/unix")
            .is_ok_and(|text| text.lines().any(|l| listens_at(l, name))),
    }
}

/// Whether a line of /proc/net/unix is of a socket with this name. The line ends with the name,
/// with each NUL shown as `@`; libqb fills its names up with NULs.
fn listens_at(line: &str, name: &str) -> bool {
    line.rsplit(' ')
        .next()
        .and_then(|path| path.strip_prefix('@'))
        .is_some_and(|path| path.trim_end_matches('@') == name)
}

pub(super) fn make_directories(all: &[(PathBuf, u32)]) -> Result<()> {
    let report = Path::new(REPORT).parent().map(|p| (p.to_owned(), 0o755));
    for (path, mode) in all.iter().chain(report.iter()) {
        let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
        made.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(*mode)))
            .map_err(|e| Error::io("make directory", path, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abstract_name_as_the_kernel_shows_it() {
        let line = "0000000000000000: 00000002 00000000 00010000 0001 01 98765 @quorum@@@@@@";
        assert!(listens_at(line, "quorum"));
        assert!(!listens_at(line, "votequorum") && !listens_at(line, "quo"));
        assert!(!listens_at("…: 1 2 /run/quorum", "quorum"));
    }
}
