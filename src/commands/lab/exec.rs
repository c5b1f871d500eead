//! `lab exec` and `lab shell`: into a node, also one nested in another.

use super::nodes::Running;
use super::{Context, all, existing};
use crate::error::{Error, Result};
use crate::host::inside::{self, Inside};
use crate::host::{processes, users};
use crate::lab::{Lab, config};
use crate::libvirt::virsh;
use std::ffi::OsString;
use std::path::Path;

/// Becomes the command in the node: its exit status is ours.
///
/// # Errors
/// When the node does not run, or the command cannot be started.
pub(super) fn run(context: &Context, node: &str, command: &[OsString]) -> Result<()> {
    users::require_root("lab exec")?;
    let mut inside = find(context, node)?;
    for name in ["TERM", "LANG"] {
        if let Ok(value) = std::env::var(name) {
            inside = inside.with_environment(name, &value);
        }
    }
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::usage("no command is given"));
    };
    let program = program
        .to_str()
        .ok_or_else(|| Error::usage("the command's name is not UTF-8"))?;
    Err(inside
        .cmd(program)
        .args(arguments.iter().cloned())
        .become_it())
}

/// A login shell in the node.
///
/// # Errors
/// As [`run`].
pub(super) fn shell(context: &Context, node: &str) -> Result<()> {
    let shell = ["bash", "-l"].map(OsString::from);
    run(context, node, &shell)
}

/// A node by its full name, by its name without the lab's (`node1` in the default lab), or a guest
/// node by the name it has in its cluster, with `LAB/` in front when it is not the default lab.
fn find(context: &Context, wanted: &str) -> Result<Inside> {
    let (lab, name) = match wanted.split_once('/') {
        Some((lab, name)) => (lab.to_owned(), name),
        None => (owner(context, wanted), wanted),
    };
    let (context, lab) = existing(context, Some(&lab))?;
    let running = Running::of(&context, &lab)?;
    for full in [name.to_owned(), format!("{}-{name}", lab.spec.name)] {
        if lab.nodes().iter().any(|n| n.name == full) {
            return running.need(&full).cloned();
        }
    }
    guest(&lab, &running, name)?.ok_or_else(|| {
        let known: Vec<String> = lab.nodes().into_iter().map(|n| n.name).collect();
        Error::cant(format!("no node {name} runs in lab {}", lab.spec.name)).mend(format!(
            "its nodes are {}; its guests are shown by lxc-autogen lab status",
            known.join(", ")
        ))
    })
}

/// The lab whose node this is by its full name, or else the default one.
fn owner(context: &Context, node: &str) -> String {
    all(context)
        .into_iter()
        .find(|name| {
            let rest = node
                .strip_prefix(name.as_str())
                .and_then(|r| r.strip_prefix('-'));
            let number = rest.and_then(|r| r.strip_prefix("node").or(r.strip_prefix("remote")));
            number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
        .unwrap_or_else(|| super::DEFAULT_NAME.to_owned())
}

/// A guest in whichever of the cluster nodes it runs.
fn guest(lab: &Lab, running: &Running, name: &str) -> Result<Option<Inside>> {
    let found = running
        .cluster(lab)
        .into_iter()
        .find_map(|(_, node)| nested(node, name));
    match found {
        Some(pid) if inside::is_frozen(pid) => {
            Err(Error::cant(format!("{name} is paused")).mend(format!(
                "virsh -c {} resume {name}, in the node that lxc-autogen lab status shows it on",
                virsh::URI
            )))
        }
        Some(pid) => Inside::of(name, pid, config::environment(lab)).map(Some),
        None => Ok(None),
    }
}

/// PID 1 of a container in a node, as this host numbers it: its libvirt_lxc is found by its
/// arguments, among the processes of the node's own pid namespace.
pub(super) fn nested(node: &Inside, name: &str) -> Option<u32> {
    processes::of("libvirt_lxc", Path::new(name))
        .into_iter()
        .filter_map(|pid| u32::try_from(pid.as_raw()).ok())
        .find(|pid| processes::same_namespace(*pid, node.pid()))
        .and_then(virsh::child_of)
}
