//! The owner of a world: makes the world's control groups and its PID 1, and removes the groups and
//! files when PID 1 has ended. For this it stays outside of the world's namespaces and groups.

use crate::place::{Identity, Place};
use crate::{Plan, groups, parse_plan};
use lxc_autogen::error::{Error, Result};
use lxc_autogen::host::cgroups;
use lxc_autogen::host::command::Cmd;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{getppid, setsid};
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wait_timeout::ChildExt;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    directory: PathBuf,
    #[arg(value_parser = parse_plan)]
    plan: Plan,
    /// Ends the world with this process, our parent; without it the world stays.
    #[arg(long)]
    front: Option<i32>,
    /// This process is alone in a scope that systemd has made for it.
    #[arg(long)]
    scope: bool,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// The command that starts an owner.
pub fn cmd(place: &Place, plan: &Plan, front: Option<u32>, command: &[OsString]) -> Result<Cmd> {
    let scope = groups::is_v2_alone(&cgroups::own()?)
        && std::path::Path::new("/run/systemd/system").is_dir();
    // With v2 alone the groups are systemd's, which delegates a part only when it is asked.
    // systemd-run executes the command in its own process (systemd-run(1), --scope).
    let cmd = if scope {
        Cmd::new("systemd-run")
            .args(["--quiet", "--scope", "--property=Delegate=yes", "--"])
            .arg(ourselves()?)
    } else {
        Cmd::new(ourselves()?)
    };
    let flags = [
        scope.then(|| "--scope".to_owned()),
        front.map(|p| format!("--front={p}")),
    ];
    Ok(cmd
        .arg("own")
        .args(flags.into_iter().flatten())
        .args([place.path().as_os_str().to_owned(), text(plan)?.into()])
        .arg("--")
        .args(command))
}

/// A plan as a command-line argument, in JSON.
fn text(plan: &Plan) -> Result<String> {
    serde_json::to_string(plan).map_err(|e| Error::usage(format!("a path is not UTF-8: {e}")))
}

fn ourselves() -> Result<String> {
    let path =
        std::env::current_exe().map_err(|e| Error::failed(format!("find ourselves: {e}")))?;
    Ok(path.to_string_lossy().into_owned())
}

/// Owns a world until it has ended; returns the exit status of the world's command.
pub fn run(arguments: &Arguments) -> Result<u8> {
    let place = Place::new(&arguments.directory);
    let asked = signals()?;
    match arguments.front {
        Some(front) => end_with(front)?,
        None => drop(setsid()),
    }
    let owner = ours()?;
    // Written before there is anything that could be left over.
    place.write_identity("owner", owner)?;
    let status = begin(&place, arguments, owner).map(|mut child| wait(&mut child, &asked));
    leave_namespace()?;
    place.remove_what_is_left()?;
    status
}

/// Makes further children those of this process's own pid namespace. In the world's no process can
/// be started once PID 1 has ended (pid_namespaces(7)).
fn leave_namespace() -> Result<()> {
    let path = std::path::Path::new("/proc/self/ns/pid");
    let own = std::fs::File::open(path).map_err(|e| Error::io("open", path, e))?;
    setns(own, CloneFlags::CLONE_NEWPID)
        .map_err(|e| Error::failed(format!("enter our own pid namespace: {e}")))
}

fn begin(place: &Place, arguments: &Arguments, owner: Identity) -> Result<Child> {
    let own = cgroups::own()?;
    if arguments.scope {
        groups::step_aside(&own, owner)?;
    }
    let groups =
        groups::make(&own, owner).map_err(|e| e.with_kind(lxc_autogen::error::Kind::Cant))?;
    let lines: String = groups
        .iter()
        .map(|g| format!("{}\n", g.display()))
        .collect();
    place.write("groups", &lines)?;
    // The next child is PID 1 of the new pid namespace; this process itself does not move.
    unshare(CloneFlags::CLONE_NEWPID)
        .map_err(|e| Error::cant(format!("make a pid namespace: {e}")).mend(crate::init::MEND))?;
    let child = Cmd::new(ourselves()?)
        .arg("init")
        .args([
            place.path().as_os_str().to_owned(),
            text(&arguments.plan)?.into(),
        ])
        .arg(owner.to_string())
        .arg("--")
        .args(arguments.command.iter())
        .env("LXC_AUTOGEN_WORLD", place.path())
        .start()?;
    if let Some(init) = Identity::of(child.id()) {
        place.write_identity("init", init)?;
    }
    Ok(child)
}

fn ours() -> Result<Identity> {
    Identity::of(std::process::id()).ok_or_else(|| Error::failed("/proc is of another namespace"))
}

/// Makes the kernel send this process SIGTERM when its parent ends, in whatever way.
fn end_with(front: i32) -> Result<()> {
    set_pdeathsig(Signal::SIGTERM).map_err(|e| Error::failed(format!("prctl: {e}")))?;
    if getppid().as_raw() != front {
        return Err(Error::failed("who wanted this world is gone"));
    }
    Ok(())
}

/// Listens for signals to end. A terminal's interrupt reaches the command in the world too, and the
/// world ends with the command, so this process does nothing on it. (It has a handler, since an
/// ignored signal would be ignored in the world too, as in a script's background job.)
pub fn signals() -> Result<Arc<AtomicBool>> {
    let (asked, nothing) = (Arc::new(AtomicBool::new(false)), Arc::default());
    for (signal, flag) in [
        (Signal::SIGTERM, &asked),
        (Signal::SIGHUP, &asked),
        (Signal::SIGINT, &nothing),
        (Signal::SIGQUIT, &nothing),
    ] {
        signal_hook::flag::register(signal as i32, Arc::clone(flag))
            .map_err(|e| Error::failed(format!("handle {signal}: {e}")))?;
    }
    Ok(asked)
}

/// Waits for a child's end and returns its exit status; when this process is asked to end, returns
/// 143 without waiting any longer.
pub fn wait(child: &mut Child, asked: &AtomicBool) -> u8 {
    while !asked.load(Ordering::Relaxed) {
        // A wait that a signal interrupts returns at once.
        if let Ok(Some(status)) = child.wait_timeout(Duration::from_millis(100)) {
            return code(status);
        }
    }
    143
}

/// An exit status as a shell has it: 128 and the signal's number for a signal.
pub fn code(status: ExitStatus) -> u8 {
    let of_signal = || status.signal().map_or(1, |s| 128 + s);
    u8::try_from(status.code().unwrap_or_else(of_signal)).unwrap_or(1)
}
