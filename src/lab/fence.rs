//! fence_virtd on this host: the power switch of a lab's nodes.

use crate::change::Daemon;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::command::Cmd;
use crate::host::files::{self, Attributes, Existing};
use crate::host::poll::{Poll, Seen};
use crate::host::processes;
use crate::lab::{FENCE, FENCE_PORT, Lab, config};
use crate::state::State;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

/// Name of the daemon's program.
pub(crate) const PROGRAM: &str = "fence_virtd";

/// Name of the configuration in the lab's directory for fence_virtd.
pub(crate) const CONFIGURATION: &str = "fence_virt.conf";

/// Path of the daemon's configuration, by which the daemon is recognised too.
fn configuration(lab: &Lab) -> PathBuf {
    lab.path(FENCE).join(CONFIGURATION)
}

/// Whether the daemon runs and answers.
pub(crate) fn runs(lab: &Lab) -> bool {
    !processes::here(PROGRAM, &configuration(lab)).is_empty() && listens(lab)
}

fn listens(lab: &Lab) -> bool {
    let address = SocketAddr::from((lab.subnet.host(), FENCE_PORT));
    TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
}

/// Starts the daemon where it does not run; restarts it when the nodes that it may power have
/// changed.
///
/// # Errors
/// When the daemon does not listen within a few seconds.
pub(crate) fn start(context: &Context, state: &mut State, lab: &Lab) -> Result<()> {
    if !lab.spec.fencing {
        return Ok(());
    }
    let path = configuration(lab);
    let open = config::fence_virtd(lab);
    let text = open.clone() + &config::fence_groups(lab);
    state.journal.intend([Daemon {
        program: PROGRAM.to_owned(),
        configuration: path.clone(),
    }])?;
    let there = files::read_optional(&path)?;
    let is = |text: &str| there.as_deref() == Some(text.as_bytes());
    if (is(&text) || is(&open)) && runs(lab) {
        return Ok(());
    }
    run(context, lab, &text)?;
    if denies_everything(context, lab) {
        context.report.warn(
            "this fence_virtd cannot tell who asks (fence-virt 1.0.0 cannot): nodes of the lab \
             could fence any container of this host, not only each other",
        );
        run(context, lab, &open)?;
    }
    Ok(())
}

/// Restarts the daemon with this configuration.
fn run(context: &Context, lab: &Lab, text: &str) -> Result<()> {
    let path = configuration(lab);
    // This ends a daemon that hangs, too.
    processes::end(PROGRAM, &path)?;
    files::write_atomic(
        &path,
        text.as_bytes(),
        Attributes::root(0o600),
        Existing::Replace,
    )?;
    Cmd::new(PROGRAM)
        .arg("-f")
        .arg(&path)
        .arg("-p")
        .arg(lab.path(FENCE).join("pid"))
        .ok(&context.host)?;
    await_listening(lab)
}

/// Whether fence_virtd refuses even clients in its groups, to which this host belongs.
///
/// fence-virt 1.0.0 (Debian 11) compares the groups' addresses with one that it has never asked for
/// (server/tcp.c, do_fence_request_tcp: `ip_addr_src` is not set).
fn denies_everything(context: &Context, lab: &Lab) -> bool {
    let nodes = lab.nodes();
    let Some(node) = nodes.first() else {
        return false;
    };
    let output = Cmd::new("fence_virt")
        .args(["-T", &lab.subnet.host().to_string()])
        .args(["-p", &FENCE_PORT.to_string(), "-k"])
        .arg(lab.path(FENCE).join("key"))
        .args(["-C", "sha256", "-c", "sha256", "-o", "status", "-H"])
        .arg(&node.name)
        .timeout(Duration::from_secs(10))
        .run(&context.host);
    // On a host without this client the nodes still have theirs, from their own tree.
    output.is_ok_and(|said| (said.stdout + &said.stderr).contains("Permission denied"))
}

fn await_listening(lab: &Lab) -> Result<()> {
    let look = |_: &mut Poll| Ok(Seen::ready_if(runs(lab), ()));
    Poll::every(Duration::from_millis(30), Duration::from_secs(5)).until(look, |()| {
        Error::failed(format!(
            "{PROGRAM} does not listen on {}:{FENCE_PORT}",
            lab.subnet.host()
        ))
        .mend(format!(
            "see what it says: {PROGRAM} -F -d 5 -f {}",
            configuration(lab).display()
        ))
    })
}
