//! `lab exec` and `lab shell`: into a node, also one nested in another.

use super::nodes::Running;
use super::{Context, all, existing};
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::host::users;
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
    let inside = find(context, node)?;
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
            rest.is_some_and(|r| r.starts_with("node") || r.starts_with("remote"))
        })
        .unwrap_or_else(|| super::DEFAULT_NAME.to_owned())
}

/// A guest runs under a libvirt_lxc of one of the cluster nodes: found by that process's arguments,
/// among those of the node's own pid namespace.
fn guest(lab: &Lab, running: &Running, name: &str) -> Result<Option<Inside>> {
    for (_, node) in running.cluster(lab) {
        let namespace = pid_namespace(node.pid());
        let controller = crate::host::processes::of("libvirt_lxc", Path::new(name))
            .into_iter()
            .filter_map(|pid| u32::try_from(pid.as_raw()).ok())
            .find(|pid| namespace.is_some() && pid_namespace(*pid) == namespace);
        if let Some(pid) = controller.and_then(virsh::child_of) {
            return Inside::of(name, pid, config::environment(lab)).map(Some);
        }
    }
    Ok(None)
}

fn pid_namespace(pid: u32) -> Option<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}
