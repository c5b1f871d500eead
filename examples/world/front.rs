//! The commands that people type: run, start, exec, stop.

use crate::hidden::may_lie_in;
use crate::place::{Place, clear_left_over};
use crate::{Plan, daemons, groups, owner};
use lxc_autogen::error::{Error, Result};
use lxc_autogen::host::command::Cmd;
use lxc_autogen::host::users;
use lxc_autogen::report;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::process::Child;
use std::time::Duration;
use wait_timeout::ChildExt;

/// `world run`: returns the command's exit status.
pub fn run(plan: Plan, command: &[OsString]) -> Result<u8> {
    check_means(&plan)?;
    clear_left_over()?;
    let asked = owner::signals()?;
    let place = Place::temporary()?;
    let begun =
        owner::cmd(&place, &plan, Some(std::process::id()), command).and_then(|c| c.start());
    let status = begun.map(|mut child| {
        let status = owner::wait(&mut child, &asked);
        end(&mut child);
        status
    });
    // The owner has removed everything already, unless it was killed.
    place.end()?;
    status
}

/// Asks an owner to end its world, and waits for up to 15 s.
fn end(owner: &mut Child) {
    if let Ok(pid) = i32::try_from(owner.id()) {
        // An owner that has ended was reaped, and its pid may be another process's by now.
        if matches!(owner.try_wait(), Ok(None)) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
    let _ = owner.wait_timeout(Duration::from_secs(15));
}

/// `world start`: returns when the world is ready, or with 3 when it cannot be made.
pub fn start(plan: Plan, directory: &Path) -> Result<u8> {
    let directory = absolute(directory);
    check_means(&plan)?;
    may_lie_in(&directory)?;
    clear_left_over()?;
    let place = Place::new(&directory);
    make_empty(&directory)?;
    let log = place.file("log");
    let forever = ["sleep", "infinity"].map(OsString::from);
    let cmd = owner::cmd(&place, &plan, None, &forever)?;
    let mut child = cmd.output_to(&log).start()?;
    // Opened now, since an owner that fails removes the file.
    let mut said = File::open(&log).map_err(|e| Error::io("read", &log, e))?;
    while !place.file("ready").exists() {
        let ended = child.wait_timeout(Duration::from_millis(20));
        if !matches!(ended, Ok(None)) {
            let mut text = String::new();
            let _ = said.read_to_string(&mut text);
            report::say(text.trim_end());
            place.end()?;
            return Ok(3);
        }
    }
    Ok(0)
}

fn make_empty(directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).map_err(|e| Error::io("make", directory, e))?;
    let entries = std::fs::read_dir(directory).map_err(|e| Error::io("read", directory, e))?;
    if entries.count() == 0 {
        return Ok(());
    }
    Err(
        Error::cant(format!("{} is not empty", directory.display())).mend(format!(
            "world stop {}, or another DIR",
            directory.display()
        )),
    )
}

/// `world exec`: becomes the command.
pub fn exec(directory: &Path, command: &[OsString]) -> Result<u8> {
    need_root()?;
    let place = Place::new(&absolute(directory));
    let init = place.init().filter(|_| place.runs());
    let Some(init) = init else {
        let path = place.path().display();
        return Err(Error::cant(format!("no world is running in {path}"))
            .mend(format!("scripts/world start {path}")));
    };
    // The world's limits then hold for the command, and the world's end also ends the command's
    // processes.
    place.groups().iter().try_for_each(|g| groups::join(g))?;
    let here = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let cmd = Cmd::new("nsenter")
        .args(["--target", &init.pid().to_string()])
        .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"])
        // The command gets SIGTERM when nsenter is killed. nsenter leaves it at /, so env changes
        // the directory.
        .args(["setpriv", "--pdeathsig", "TERM", "env", "-C"])
        .arg(&here)
        .arg("--");
    let inside = match std::fs::read_to_string(place.file("cluster")) {
        Ok(tool) => daemons::in_node(tool.trim(), &here, place.path(), command),
        Err(_) => command.to_vec(),
    };
    Err(cmd
        .args(inside)
        .env("LXC_AUTOGEN_WORLD", place.path())
        .become_it())
}

/// `world stop`: ends the world, and removes what killed worlds have left.
pub fn stop(directory: &Path) -> Result<u8> {
    need_root()?;
    Place::new(&absolute(directory)).end()?;
    clear_left_over()?;
    Ok(0)
}

/// Fails unless this user is root.
pub fn need_root() -> Result<()> {
    if users::is_root() {
        return Ok(());
    }
    Err(Error::cant("not root: namespaces, mounts and cgroups need it").mend("run it with sudo"))
}

fn check_means(plan: &Plan) -> Result<()> {
    need_root()?;
    let mut tools = vec!["nsenter", "setpriv", "ip"];
    if plan.libvirt {
        tools.push("virsh");
    }
    if plan.cluster {
        tools.extend(["corosync", "pacemakerd", "crm_mon", "cibadmin"]);
        if !plan.tool.is_file() {
            return Err(Error::cant(format!("{} is not there", plan.tool.display()))
                .mend("cargo build, or --no-cluster"));
        }
    }
    match tools.into_iter().find(|t| which::which(t).is_err()) {
        None => Ok(()),
        Some(tool) => Err(Error::cant(format!("{tool} is not installed"))
            .mend("scripts/test or scripts/demo installs what is missing")),
    }
}

/// A path from the root. Links in those of its parents that exist are resolved.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            part => clean.push(part),
        }
        clean = clean.canonicalize().unwrap_or(clean);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_through_links_and_need_not_be_there() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("a")).unwrap();
        std::os::unix::fs::symlink("a", real.join("link")).unwrap();
        assert_eq!(
            absolute(&real.join("link/no/./such")),
            real.join("a/no/such")
        );
        assert_eq!(absolute(&real.join("link/../b")), real.join("b"));
    }

    #[test]
    fn only_an_empty_directory_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        make_empty(&directory.path().join("a/b")).unwrap();
        let refused = make_empty(directory.path()).unwrap_err();
        assert!(refused.message().ends_with("is not empty"));
    }
}
