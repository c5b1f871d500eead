//! virtlogd, by which libvirt's QEMU driver writes logs and consoles: started where none runs, and
//! ended with what it was started for.

use crate::change::{Change, Daemon, File};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::command::Cmd;
use crate::host::files;
use crate::host::poll::{Poll, Seen};
use crate::libvirt::qemu::IMAGES;
use crate::state::State;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PROGRAM: &str = "virtlogd";
/// Name of its configuration, beside the images; it is as libvirt has it.
const CONFIGURATION: &str = "virtlogd.conf";
/// Its sockets (libvirt 9.0, src/logging/log_daemon.c).
const SOCKETS: [&str; 2] = [
    "/run/libvirt/virtlogd-sock",
    "/run/libvirt/virtlogd-admin-sock",
];

/// Starts it where none answers.
///
/// # Errors
/// When it does not listen within a few seconds.
pub(super) fn start(context: &Context, state: &mut State) -> Result<()> {
    if answers() {
        return Ok(());
    }
    let directory = state.dir.join(IMAGES);
    let configuration = directory.join(CONFIGURATION);
    std::fs::write(&configuration, "").map_err(|e| Error::io("write", &configuration, e))?;
    let mut undo: Vec<Change> = SOCKETS
        .map(|path| {
            let (path, container) = (PathBuf::from(path), None);
            Change::from(File { path, container })
        })
        .into();
    undo.push(
        Daemon {
            program: PROGRAM.to_owned(),
            configuration: configuration.clone(),
        }
        .into(),
    );
    state.journal.intend(undo)?;
    Cmd::new(PROGRAM)
        .args(["--daemon", "--config"])
        .arg(&configuration)
        .arg("--pid-file")
        .arg(directory.join("virtlogd.pid"))
        .ok(&context.host)?;
    let look = |_: &mut Poll| Ok(Seen::ready_if(answers(), ()));
    Poll::every(Duration::from_millis(30), Duration::from_secs(5)).until(look, |()| {
        Error::failed(format!("{PROGRAM} does not listen at {}", SOCKETS[0]))
            .mend(format!("see what it says: {PROGRAM} --verbose"))
    })
}

fn answers() -> bool {
    files::exists(Path::new(SOCKETS[0])) && UnixStream::connect(SOCKETS[0]).is_ok()
}
