//! libvirt's networks: listed, read, defined, started and removed.

use super::{ok, virsh};
use crate::error::Result;
use crate::host::at::At;
use crate::libvirt::hypervisor::LXC;
use crate::xml::{self, El};
use std::path::Path;

/// Names of all networks, active or not.
///
/// # Errors
/// When virsh fails.
pub fn networks(at: &dyn At) -> Result<Vec<String>> {
    network_names(at, &["--all"])
}

/// Names of active networks.
///
/// # Errors
/// When virsh fails.
pub fn active_networks(at: &dyn At) -> Result<Vec<String>> {
    network_names(at, &[])
}

fn network_names(at: &dyn At, which: &[&str]) -> Result<Vec<String>> {
    let list = virsh(at, &LXC).args(["net-list", "--name"]).args(which);
    let text = ok(at, &LXC, list.run(at.host())?)?;
    let names = text.lines().map(str::trim).filter(|l| !l.is_empty());
    Ok(names.map(str::to_owned).collect())
}

/// The XML of a network, or `None` when there is none of that name.
///
/// # Errors
/// When virsh fails otherwise.
pub fn dump_network(at: &dyn At, name: &str) -> Result<Option<El>> {
    let output = virsh(at, &LXC).args(["net-dumpxml", name]).run(at.host())?;
    if output.code != 0 && output.stderr.contains("Network not found") {
        return Ok(None);
    }
    xml::parse(&ok(at, &LXC, output)?, "virsh net-dumpxml").map(Some)
}

/// Defines a network, sets it to autostart, and starts it unless it is active. `defined` says
/// whether a network of that name can exist already. One virsh runs all commands, since most of its
/// time goes into its own start.
///
/// # Errors
/// When virsh fails.
pub fn raise_network(at: &dyn At, name: &str, xml: &Path, defined: bool) -> Result<()> {
    let active = defined && active_networks(at)?.iter().any(|n| n == name);
    // Name and path are checked values (State::check_path): nothing in them is virsh's syntax.
    let mut commands = format!("net-define {}; net-autostart {name}; ", xml.display());
    if !active {
        commands.push_str(&format!("net-start {name}"));
    }
    let output = virsh(at, &LXC).arg(commands).run(at.host())?;
    // The exit status is that of the last command alone.
    if output.stderr.contains("error:") {
        return Err(output.error());
    }
    ok(at, &LXC, output).map(drop)
}

/// Stops and undefines a network; a network that does not exist is no error. One virsh runs both,
/// as in [`raise_network`].
///
/// # Errors
/// When virsh fails otherwise.
pub fn remove_network(at: &dyn At, name: &str) -> Result<()> {
    let mut commands = format!("net-undefine {name}");
    if active_networks(at)?.iter().any(|n| n == name) {
        commands = format!("net-destroy {name}; {commands}");
    }
    let output = virsh(at, &LXC).arg(commands).run(at.host())?;
    // A transient network is gone as soon as it is stopped.
    let failed = output.code != 0 || output.stderr.contains("error:");
    match failed && !output.stderr.contains("Network not found") {
        true => Err(output.error()),
        false => Ok(()),
    }
}
