//! virtlogd, by which libvirt's QEMU driver writes logs and consoles: started where none runs, for all
//! sets and labs with virtual machines, and ended by the last of them.

use crate::change::SharedDaemon;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::command::Cmd;
use crate::host::files;
use crate::host::poll::{Poll, Seen};
use crate::state::State;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const PROGRAM: &str = "virtlogd";
/// The directory of one that we start.
const DIRECTORY: &str = "/run/lxc-autogen-virtlogd";
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
    let daemon = SharedDaemon {
        program: PROGRAM.to_owned(),
        directory: DIRECTORY.into(),
        files: SOCKETS.map(Into::into).into(),
    };
    if answers() && !daemon.runs() {
        return Ok(());
    }
    state.journal.intend([daemon.clone()])?;
    daemon.share(&state.dir, answers, |configuration| {
        start_with(context, configuration)
    })
}

fn start_with(context: &Context, configuration: &Path) -> Result<()> {
    Cmd::new(PROGRAM)
        .args(["--daemon", "--config"])
        .arg(configuration)
        .arg("--pid-file")
        .arg(configuration.with_extension("pid"))
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
