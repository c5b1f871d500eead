//! Control groups of a lab's cluster nodes where there is cgroup v2 alone.
//!
//! libvirt_lxc is in the group of its container (libvirt 9.0, src/lxc/lxc_controller.c,
//! virLXCControllerSetupCgroupLimits), and a group with a process of its own cannot hand controllers
//! down (cgroups(7), "no internal processes"): a libvirtd in the node could start no guest. So
//! libvirt_lxc is moved into a leaf beside the node's own.
//!
//! And libvirt attaches its device program to the group for itself alone (src/util/virbpf.c,
//! virBPFAttachProg, without flags), below which the kernel refuses others (bpf(2): "Operation not
//! permitted"): the same program is attached again as one of several, each of which has to agree.
//!
//! The node can do neither, and nodes are started by others than us (by fencing): hence a daemon.

use super::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use crate::host::files::{self, Attributes, Existing};
use crate::host::{cgroups, processes};
use crate::journal::Undo;
use crate::lab::Lab;
use crate::libvirt::virsh;
use crate::state::State;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The daemon's list of domains, in the lab's directory: its identity, too.
const LIST: &str = "grouped-nodes";
/// The leaf for libvirt_lxc, under the one name that a restarted libvirtd accepts when it looks which
/// group its domain is in (libvirt 9.0, src/util/vircgroupv2.c, virCgroupV2ValidateMachineGroup).
const LEAF: &str = "emulator";
/// How long between two looks. A node that starts waits for it.
const PAUSE: Duration = Duration::from_millis(100);

/// Sees to it that the daemon runs where it is needed, and knows the lab's nodes.
///
/// # Errors
/// When it cannot be started.
pub(super) fn start(context: &Context, state: &mut State, lab: &Lab) -> Result<()> {
    if !cgroups::only_v2() {
        return Ok(());
    }
    let ourselves = std::env::current_exe().map_err(|e| Error::failed(format!("find us: {e}")))?;
    let program = ourselves.file_name().unwrap_or_default();
    let program = program.to_string_lossy().into_owned();
    let list = lab.path(LIST);
    let names: Vec<String> = lab.cluster_nodes().iter().map(|n| n.name.clone()).collect();
    state.journal.intend([
        Undo::Daemon {
            program: program.clone(),
            configuration: list.clone(),
        },
        Undo::StateFile {
            name: LIST.to_owned(),
        },
    ])?;
    files::write_atomic(
        &list,
        (names.join("\n") + "\n").as_bytes(),
        Attributes::root(0o600),
        Existing::Replace,
    )?;
    if !processes::here(&program, &list).is_empty() {
        return Ok(());
    }
    Cmd::new("setsid")
        .arg("--fork")
        .arg(&ourselves)
        .arg("node-groups")
        .arg(&list)
        .ok(&context.host)
        .map(drop)
}

/// The daemon. Ends when it is told to, or when its list is gone.
///
/// # Errors
/// When it cannot let go of what it was started with.
pub fn keep(list: &Path) -> Result<()> {
    let failed = |e| Error::failed(format!("detach: {e}"));
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(|e| Error::io("open", Path::new("/dev/null"), e))?;
    nix::unistd::dup2_stdin(&null).map_err(failed)?;
    nix::unistd::dup2_stdout(&null).map_err(failed)?;
    nix::unistd::dup2_stderr(&null).map_err(failed)?;
    let host = Host::new(false);
    while let Ok(names) = std::fs::read_to_string(list) {
        for name in names.lines() {
            // One that ends in this moment has no groups any more.
            let _ = set_apart(&host, name);
        }
        crate::host::signals::sleep(PAUSE)?;
    }
    Ok(())
}

/// Moves a running domain's libvirt_lxc into its leaf, once its container is in the group: before,
/// the container would be made in the leaf.
fn set_apart(host: &Host, domain: &str) -> Option<()> {
    let pid = std::fs::read_to_string(format!("/run/libvirt/lxc/{domain}.pid")).ok()?;
    let pid: u32 = pid.trim().parse().ok()?;
    virsh::child_of(pid)?;
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let leaf = leaf_of(&text)?;
    share_devices(host, leaf.parent()?).ok()?;
    std::fs::create_dir(&leaf)
        .ok()
        .or_else(|| leaf.is_dir().then_some(()))?;
    std::fs::write(leaf.join("cgroup.procs"), pid.to_string()).ok()
}

/// What bpftool says of a program at a group (`bpftool -j cgroup show`).
#[derive(Debug, serde::Deserialize)]
struct Attached {
    id: u32,
    attach_type: String,
    attach_flags: String,
}

/// Lets groups below have device programs of their own, beside those that are there.
fn share_devices(host: &Host, group: &Path) -> Result<()> {
    let bpftool = |arguments: &[&str]| {
        let group = group.to_string_lossy();
        let arguments = arguments.iter().map(|a| a.replace("GROUP", &group));
        Cmd::new("bpftool").args(arguments).ok(host)
    };
    let text = bpftool(&["-j", "cgroup", "show", "GROUP"])?;
    let all: Vec<Attached> = serde_json::from_str(&text)
        .map_err(|e| Error::failed(format!("bpftool cgroup show: {e}")))?;
    let alone = |a: &&Attached| a.attach_type.ends_with("device") && a.attach_flags.is_empty();
    for program in all.iter().filter(alone) {
        let id = program.id.to_string();
        let pin = format!("/sys/fs/bpf/lxc-autogen-{id}");
        // Held by its name, as it would be gone with its last use.
        bpftool(&["prog", "pin", "id", &id, &pin])?;
        let kind = program.attach_type.as_str();
        let moved = bpftool(&["cgroup", "detach", "GROUP", kind, "id", &id])
            .and_then(|_| bpftool(&["cgroup", "attach", "GROUP", kind, "id", &id, "multi"]));
        let unpinned = files::remove_file_or_empty_directory(Path::new(&pin));
        moved.and(unpinned)?;
    }
    Ok(())
}

/// Where it belongs by what /proc/PID/cgroup says; nothing when it is there, or not in its
/// container's group yet: that is `…/libvirt` with machined, else `…/lxc-ID-NAME.libvirt-lxc`.
fn leaf_of(text: &str) -> Option<PathBuf> {
    let group = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    let group = Path::new("/sys/fs/cgroup").join(group.trim_start_matches('/'));
    let name = group.file_name()?.to_str()?;
    (name == "libvirt" || name.ends_with(".libvirt-lxc")).then(|| group.join(LEAF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_and_only_out_of_its_containers_group() {
        let scope = "machine.slice/machine-lxc\\x2d1\\x2dlab\\x2dnode1.scope/libvirt";
        let leaf = format!("/sys/fs/cgroup/{scope}/emulator");
        assert_eq!(leaf_of(&format!("0::/{scope}\n")), Some(leaf.into()));
        assert_eq!(leaf_of(&format!("0::/{scope}/emulator\n")), None);
        assert_eq!(leaf_of("0::/system.slice/libvirtd.service\n"), None);
        assert!(leaf_of("0::/machine/lxc-7-n.libvirt-lxc\n").is_some());
        assert_eq!(leaf_of("4:memory:/machine/x\n"), None);
    }
}
