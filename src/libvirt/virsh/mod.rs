//! virsh, and parsers of its output. It exits only with 0 or 1, so that its messages, in the C
//! locale, are the only way to tell what went wrong (libvirt 9.0, tools/virsh-*.c).
//!
//! The functions take the place where virsh runs. Functions that also look at the domains'
//! processes take this host, since the process ids that virsh prints are valid only where it runs.

mod domains;
mod lifecycle;
mod limits;
mod networks;

pub use domains::{
    DomainRow, child_of, domains, domains_in, domains_of, dump_domains, marked_domains, marks,
};
pub use lifecycle::{create, create_all, define, define_and_start, destroy_domains, end_all};
pub use limits::limit_memory;
pub use networks::{active_networks, dump_network, networks, raise_network, remove_network};

use super::hypervisor::Hypervisor;
use crate::error::{Error, Result};
use crate::host::at::At;
use crate::host::command::{Cmd, Output};
use crate::spec::valid_node_name;
use std::time::Duration;

/// Longest command line in bytes for one virsh; the kernel takes 128 KiB per argument.
const BATCH_BYTES: usize = 60_000;

fn virsh(at: &dyn At, hypervisor: &Hypervisor) -> Cmd {
    at.cmd("virsh").args(["-q", "-c", hypervisor.uri])
}

fn ok(at: &dyn At, hypervisor: &Hypervisor, output: Output) -> Result<String> {
    if output.code == 0 {
        return Ok(output.stdout);
    }
    let e = output.error();
    let said = &output.stderr;
    // For a container no advice is given: the user did not start the libvirtd in it.
    if at.place().is_none() && said.contains("failed to connect to the hypervisor") {
        let mend =
            if said.contains("Failed to connect socket") || said.contains("Connection refused") {
                format!(
                    "start libvirtd (or {}), for example: systemctl start libvirtd",
                    hypervisor.daemon
                )
            } else {
                format!(
                    "{}, then restart libvirtd",
                    crate::host::packages::mend_for_tool(hypervisor.emulator)
                )
            };
        return Err(Error::cant(format!(
            "libvirt's {} driver does not answer at {}",
            hypervisor.driver, hypervisor.uri
        ))
        .details(e.detail_lines().to_vec())
        .mend(mend));
    }
    Err(e)
}

/// Whether libvirt's driver answers.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the mend when it does not.
pub fn connect(at: &dyn At, hypervisor: &Hypervisor) -> Result<()> {
    version(at, hypervisor).map(drop)
}

/// The output of `virsh version`.
///
/// # Errors
/// As [`connect`].
pub fn version(at: &dyn At, hypervisor: &Hypervisor) -> Result<String> {
    ok(
        at,
        hypervisor,
        virsh(at, hypervisor)
            .arg("version")
            .timeout(Duration::from_secs(20))
            .run(at.host())?,
    )
}

/// The output of virsh commands that change nothing; they are separated by semicolons.
///
/// # Errors
/// When one of them fails.
pub fn ask(at: &dyn At, hypervisor: &Hypervisor, commands: &str) -> Result<String> {
    let output = virsh(at, hypervisor).arg(commands).run(at.host())?;
    // The exit status is that of the last command alone.
    if output.code == 0 && output.stderr.contains("error:") {
        return Err(output.error());
    }
    ok(at, hypervisor, output)
}

/// `verb name; verb name; …` in arguments of bounded length. Only valid node names go in, since
/// virsh itself splits such an argument.
fn batches(verb: &str, names: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names.iter().filter(|n| valid_node_name(n)) {
        let command = format!("{verb} {name}; ");
        match all.last_mut() {
            Some(last) if last.len() + command.len() < BATCH_BYTES => last.push_str(&command),
            _ => all.push(command),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_checked_names_only_and_stay_short() {
        let names = ["lxc1", "a; destroy b", "lxc2"].map(String::from);
        assert_eq!(batches("destroy", &names), ["destroy lxc1; destroy lxc2; "]);
        let many: Vec<String> = (1..10_000).map(|n| format!("lxc{n}")).collect();
        let all = batches("destroy", &many);
        assert!(all.len() > 1 && all.iter().all(|b| b.len() < BATCH_BYTES));
        assert_eq!(all.concat().matches("destroy ").count(), many.len());
    }
}
