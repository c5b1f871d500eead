//! PID 1 of a world: makes the world's file systems, runs one command, and ends the world by
//! ending.

use crate::place::{Identity, Place};
use crate::{Plan, daemons, files, groups, owner, parse_plan, root};
use lxc_autogen::error::{Error, Kind, Result};
use lxc_autogen::host::cgroups::{self, Own};
use lxc_autogen::host::command::Cmd;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::path::PathBuf;

/// The advice of every error in making a world.
pub const MEND: &str = "in a container it must be a privileged one";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    directory: PathBuf,
    #[arg(value_parser = parse_plan)]
    plan: Plan,
    owner: String,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Makes the world and runs its command; returns the command's exit status.
pub fn run(arguments: &Arguments) -> Result<u8> {
    end_with(&arguments.owner)?;
    let place = Place::new(&arguments.directory);
    let plan = &arguments.plan;
    let command = match &plan.root {
        Some(path) => {
            begin(&place, plan, |own| {
                root::enter(path, &plan.binds, own, &place)
            })
            .map_err(|e| e.context(format!("cannot enter {}", path.display())))?;
            in_root(&arguments.command)
        }
        None => {
            begin(&place, plan, |own| files::make(&place, plan, own))
                .map_err(|e| e.context("cannot make the world").mend(MEND))?;
            furnish(&place, plan, &arguments.command)?
        }
    };
    if plan.root.is_none() {
        // In a root of its own the world's directory cannot be seen: there root::enter has written
        // the file.
        place.write("ready", "")?;
    }
    run_to_its_end(command)
}

/// Makes this process end with the owner; everything in the world ends with this process, PID 1.
fn end_with(owner: &str) -> Result<()> {
    set_pdeathsig(Signal::SIGKILL).map_err(|e| Error::failed(format!("prctl: {e}")))?;
    let alive = owner.parse::<Identity>().is_ok_and(Identity::is_alive);
    // The owner may have ended before set_pdeathsig. /proc still shows this machine's pids.
    if std::process::id() == 1 && alive {
        return Ok(());
    }
    Err(Error::usage(
        "world init is PID 1 of a world, and nothing else",
    ))
}

/// Enters the world's groups and namespaces, and makes the file systems there.
fn begin(place: &Place, plan: &Plan, make: impl FnOnce(&[Own]) -> Result<()>) -> Result<()> {
    let cant = |e: Error| e.with_kind(Kind::Cant);
    let own = cgroups::own()?;
    let groups = place.groups();
    for group in &groups {
        groups::join(&groups::top(&own, group)).map_err(cant)?;
    }
    let mut namespaces = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    if plan.root.is_none() {
        namespaces |= CloneFlags::CLONE_NEWNET;
    }
    unshare(namespaces).map_err(|e| Error::cant(format!("make namespaces: {e}")))?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .map_err(|e| Error::cant(format!("make mounts private: {e}")))?;
    if groups::is_v2_alone(&own) {
        for leaf in &groups {
            groups::join(leaf).map_err(cant)?;
            groups::hand_down_inside(&groups::top(&own, leaf))?;
        }
    }
    make(&own).map_err(cant)
}

/// The command for a world in another root. It must not see that it runs in a world.
fn in_root(command: &[OsString]) -> Cmd {
    Cmd::new("env")
        .args(["-u", "LXC_AUTOGEN_WORLD", "-u", "LXC_AUTOGEN_WORLD_TREE"])
        .args(["-u", "TMPDIR", "--", "HOME=/root"])
        .args(command)
}

/// Starts the daemons that the command needs, and returns the command that runs it.
fn furnish(place: &Place, plan: &Plan, command: &[OsString]) -> Result<Cmd> {
    if plan.libvirt {
        daemons::start_libvirt()?;
    }
    if !plan.cluster {
        return Ok(Cmd::new("env").arg("--").args(command));
    }
    daemons::start_cluster(plan)?;
    let tool = plan.tool.to_string_lossy();
    place.write("cluster", &tool)?;
    let here = daemons::directory_in_node(&tool, &plan.directory);
    let inside = daemons::in_node(&tool, &here, place.path(), command);
    Ok(Cmd::new("env").arg("--").args(inside))
}

/// Runs the command, and meanwhile reaps all orphans of the world.
fn run_to_its_end(cmd: Cmd) -> Result<u8> {
    let child = cmd.start()?;
    let ours = i32::try_from(child.id()).map(Pid::from_raw);
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if Ok(pid) == ours => {
                return Ok(u8::try_from(code).unwrap_or(1));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if Ok(pid) == ours => {
                return Ok(u8::try_from(128 + signal as i32).unwrap_or(1));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(e) => return Err(Error::failed(format!("wait for the command: {e}"))),
        }
    }
}

/// Runs a program to its end, with our terminal and standard streams; returns its exit status.
pub fn wait_for(cmd: &Cmd) -> Result<u8> {
    let status = cmd.start()?.wait();
    let status = status.map_err(|e| Error::failed(format!("wait for {}: {e}", cmd.line())))?;
    Ok(owner::code(status))
}
