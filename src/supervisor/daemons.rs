//! The daemons of a node: starting, watching, stopping.

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

/// Where daemons' own output goes.
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

/// All of a node's daemons, in the order of starting. For a process that takes the ends of all its
/// children by it: PID 1 of a container.
#[derive(Debug)]
pub struct Daemons {
    environment: Vec<(String, String)>,
    all: Vec<(Daemon, State)>,
    /// Which one is being stopped, and until when it may take.
    stopping: Option<(usize, Instant)>,
    reported: Vec<Report>,
}

impl Daemons {
    /// None of them is started yet: see [`Daemons::advance`].
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

    /// Takes the ends of processes: daemons, and orphans of the whole container. Gives back the
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

    /// Marks those ready that are, and starts the next stage when all before it are ready.
    ///
    /// # Errors
    /// None today. That a daemon cannot be started is how it is, and shown by [`Daemons::are_well`].
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

    /// Whether none of them has ended.
    pub fn are_well(&self) -> bool {
        let ended = |(_, state): &(Daemon, State)| matches!(state, State::Ended(_));
        !self.all.iter().any(ended)
    }

    /// Whether nothing but the end of a process can change anything.
    pub(super) fn are_settled(&self) -> bool {
        let busy = |s: &State| matches!(s, State::Starting(_));
        let blocked = self.all.iter().any(|(_, s)| matches!(s, State::Ended(_)));
        !self.all.iter().any(|(_, s)| busy(s)) && (self.next_stage().is_none() || blocked)
    }

    /// Those that ended are to be started anew.
    pub(super) fn start_dead_again(&mut self) {
        for (_, state) in &mut self.all {
            if matches!(state, State::Ended(_)) {
                *state = State::Waiting;
            }
        }
    }

    /// Goes on with stopping, last started first. Gives back whether something still runs.
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

    /// Writes down how the daemons are, when that has changed.
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

// Not by host::command: that one waits for what it starts, and this is the door of the node.
#[allow(clippy::disallowed_methods)]
fn start(daemon: &Daemon, environment: &[(String, String)]) -> State {
    let Some((program, arguments)) = daemon.command.split_first() else {
        return State::Ended("has no command".to_owned());
    };
    if let Some(Ready::Path(stale)) = &daemon.ready {
        // Of one that was killed: it must not stand for the new one.
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

/// A child inherits which signals are blocked, and with SIGCHLD blocked Pacemaker's daemons never
/// learn of the ends of theirs. A signal for us that comes in this moment is lost: an end of a
/// child is seen at the next look, which follows within a tick of every start.
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

/// A line of /proc/net/unix ends with the name, each NUL of it shown as `@`; libqb fills its names
/// up with NULs.
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
