//! Control groups of a lab's cluster nodes where there is cgroup v2 alone.
//!
//! libvirt_lxc is in the group of its container (libvirt 9.0, src/lxc/lxc_controller.c,
//! virLXCControllerSetupCgroupLimits), and a group with a process of its own cannot hand
//! controllers down (cgroups(7), "no internal processes"): a libvirtd in the node could start no
//! guest. So libvirt_lxc is moved into a leaf beside the node's own.
//!
//! And libvirt attaches its device program to the group for itself alone (src/util/virbpf.c,
//! virBPFAttachProg, without flags), below which the kernel refuses others (bpf(2): "Operation not
//! permitted"): the same program is attached again as one of several, each of which has to agree.
//!
//! The node can do neither, and nodes are started by others than us (by fencing): so a daemon on
//! this host does it.

use crate::change::{Change, Daemon, File, Journal, StateFile};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use crate::host::files::{self, Attributes, Existing};
use crate::host::{cgroups, processes, signals};
use crate::lab::Lab;
use crate::libvirt::virsh;
use crate::report;
use crate::state::State;
use procfs_core::ProcessCGroups;
use std::ffi::OsStr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the daemon's list of domains, in the lab's directory; the daemon is recognised by it,
/// too.
const LIST: &str = "grouped-nodes";
/// Name of the daemon's log, beside the list.
const LOG: &str = "grouped-nodes.log";
/// The leaf for libvirt_lxc, under the one name that a restarted libvirtd accepts when it looks
/// which group its domain is in (libvirt 9.0, src/util/vircgroupv2.c,
/// virCgroupV2ValidateMachineGroup).
const LEAF: &str = "emulator";
/// Time between two looks, for which a node that starts waits; and the time after a look that
/// failed.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// Sees to it that the daemon runs where it is needed, and knows the lab's nodes.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn start(context: &Context, state: &mut State, lab: &Lab) -> Result<()> {
    if !cgroups::only_v2() {
        return Ok(());
    }
    let ourselves = std::env::current_exe().map_err(|e| Error::failed(format!("find us: {e}")))?;
    let program = ourselves.file_name().unwrap_or_default();
    let program = program.to_string_lossy().into_owned();
    let list = lab.path(LIST);
    let names: Vec<String> = lab.systems().iter().map(|n| n.name.clone()).collect();
    let files = [LIST, LOG].map(|name| Change::from(StateFile::named(name)));
    // The pin holds a program by a name only for a moment, but the daemon could be killed then.
    let pins = names.iter().map(|name| File {
        path: pin_of(name),
        container: Some(name.clone()),
    });
    let daemon = Daemon {
        program: program.clone(),
        configuration: list.clone(),
    };
    let undos = files
        .into_iter()
        .chain(pins.map(Change::from))
        .chain([daemon.into()]);
    state.journal.intend(undos)?;
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

/// Runs the daemon. It ends when it is told to, or when its list is gone.
///
/// # Errors
/// When it cannot detach from the terminal and the pipes that it was started with.
pub fn keep(list: &Path) -> Result<()> {
    check_list(list)?;
    detach(&list.with_file_name(LOG))?;
    let host = Host::new(false);
    let mut said = String::new();
    // Not a [`crate::host::poll`]: this waits for no result, and goes on until the list is gone.
    while let Ok(names) = std::fs::read_to_string(list) {
        let looks = names.lines().map(|name| set_apart(&host, name));
        let failures: Vec<String> = looks
            .filter_map(|look| look.err().map(|e| e.to_string()))
            .collect();
        let pause = PAUSES[usize::from(!failures.is_empty())];
        let complaint = failures.join("\n");
        // Logged once, however often the same complaint comes again.
        if complaint != said && !complaint.is_empty() {
            report::say(&complaint);
        }
        said = complaint;
        signals::sleep(pause)?;
    }
    Ok(())
}

/// Refuses what is not the list of a lab: the daemon writes a log beside it.
fn check_list(list: &Path) -> Result<()> {
    let lab = list.parent().unwrap_or(Path::new("/"));
    let is_ours = list.file_name().is_some_and(|name| name == LIST)
        && files::is_real_file(list)
        && Journal::peek(lab)?
            .iter()
            .any(|it| matches!(it, Change::Inside(it) if it.name() == LOG));
    match is_ours {
        true => Ok(()),
        false => Err(Error::usage(format!("{} is no lab's list", list.display()))
            .mend("lab up runs this by itself")),
    }
}

/// Detaches from the terminal and the pipes that the daemon was started with; its output goes to
/// the log.
fn detach(log: &Path) -> Result<()> {
    let failed = |e| Error::failed(format!("detach: {e}"));
    let open = |path: &Path| {
        let mut options = std::fs::OpenOptions::new();
        let options = options.read(true).append(true).create(true).mode(0o600);
        let options = options.custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits());
        options.open(path).map_err(|e| Error::io("open", path, e))
    };
    let null = open(Path::new("/dev/null"))?;
    nix::unistd::dup2_stdin(&null).map_err(failed)?;
    nix::unistd::dup2_stdout(&null).map_err(failed)?;
    nix::unistd::dup2_stderr(open(log)?).map_err(failed)
}

/// Moves a running domain's libvirt_lxc into its leaf, once its container is in the group: earlier,
/// the container would be made in the leaf. A domain that does not run, or ends meanwhile, is left
/// alone.
fn set_apart(host: &Host, domain: &str) -> Result<()> {
    let Some((pid, leaf)) = misplaced(domain) else {
        return Ok(());
    };
    let group = leaf.parent().unwrap_or(&leaf);
    let moved = share_devices(host, group, &pin_of(domain)).and_then(|()| {
        if !leaf.is_dir() {
            std::fs::create_dir(&leaf).map_err(|e| Error::io("make", &leaf, e))?;
        }
        let procs = leaf.join("cgroup.procs");
        std::fs::write(&procs, pid.to_string()).map_err(|e| Error::io("write", &procs, e))
    });
    moved.or_else(|e| misplaced(domain).map_or(Ok(()), |_| Err(e.context(domain))))
}

/// PID of a running domain's libvirt_lxc, and the leaf that it should be in and is not.
fn misplaced(domain: &str) -> Option<(u32, PathBuf)> {
    let pid = std::fs::read_to_string(format!("/run/libvirt/lxc/{domain}.pid")).ok()?;
    let pid: u32 = pid.trim().parse().ok()?;
    virsh::child_of(pid)?;
    Some((pid, leaf_of(&cgroups::of(pid).ok()?)?))
}

/// bpftool's record of a program that is attached to a group (`bpftool -j cgroup show`).
#[derive(Debug, serde::Deserialize)]
struct Attached {
    id: u32,
    attach_type: String,
    attach_flags: String,
}

/// Path that a node's device program is pinned at while it is attached nowhere.
fn pin_of(domain: &str) -> PathBuf {
    Path::new("/sys/fs/bpf").join(format!("lxc-autogen-{domain}"))
}

/// Attaches the group's device program again so that groups below may have programs of their own.
///
/// If the daemon is killed in the middle, the program is at its pin alone: the next look attaches
/// it.
fn share_devices(host: &Host, group: &Path, pin: &Path) -> Result<()> {
    let bpftool = |arguments: &[&OsStr]| Cmd::new("bpftool").args(arguments).ok(host);
    let word = OsStr::new;
    let group = group.as_os_str();
    let text = bpftool(&[word("-j"), word("cgroup"), word("show"), group])?;
    let all = parse_attached(&text)?;
    let program = all.iter().find(|a| a.attach_type.ends_with("device"));
    if let Some(program) = program {
        // The pin may be left of a container that is gone.
        files::remove_file_or_empty_directory(pin)?;
        if !program.attach_flags.is_empty() {
            return Ok(());
        }
        let (id, kind) = (program.id.to_string(), &program.attach_type);
        let (id, kind) = (word(&id), word(kind));
        bpftool(&[word("prog"), word("pin"), word("id"), id, pin.as_os_str()])?;
        bpftool(&[word("cgroup"), word("detach"), group, kind, word("id"), id])?;
    } else if !files::exists(pin) {
        return Ok(());
    }
    let (kind, pinned) = (word("device"), word("pinned"));
    let (attach, multi) = (word("attach"), word("multi"));
    bpftool(&[
        word("cgroup"),
        attach,
        group,
        kind,
        pinned,
        pin.as_os_str(),
        multi,
    ])?;
    files::remove_file_or_empty_directory(pin)
}

/// bpftool prints nothing where no program is attached.
fn parse_attached(text: &str) -> Result<Vec<Attached>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(text).map_err(|e| Error::failed(format!("bpftool cgroup show: {e}")))
}

/// The leaf that a process belongs in, from its /proc/PID/cgroup. `None` when the process is there,
/// or not in its container's group yet: that is `…/libvirt` with machined, else
/// `…/lxc-ID-NAME.libvirt-lxc`.
fn leaf_of(groups: &ProcessCGroups) -> Option<PathBuf> {
    // The hierarchy of v2 has number 0.
    let group = groups.into_iter().find(|g| g.hierarchy == 0)?;
    let group = Path::new("/sys/fs/cgroup").join(group.pathname.trim_start_matches('/'));
    let name = group.file_name()?.to_str()?;
    (name == "libvirt" || name.ends_with(".libvirt-lxc")).then(|| group.join(LEAF))
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs_core::FromBufRead;

    #[test]
    fn once_and_only_out_of_its_containers_group() {
        let scope = "machine.slice/machine-lxc\\x2d1\\x2dlab\\x2dnode1.scope/libvirt";
        let leaf = format!("/sys/fs/cgroup/{scope}/emulator");
        let leaf_of = |text: &str| {
            let groups = ProcessCGroups::from_buf_read(text.as_bytes()).unwrap();
            super::leaf_of(&groups)
        };
        assert_eq!(leaf_of(&format!("0::/{scope}\n")), Some(leaf.into()));
        assert_eq!(leaf_of(&format!("0::/{scope}/emulator\n")), None);
        assert_eq!(leaf_of("0::/system.slice/libvirtd.service\n"), None);
        assert!(leaf_of("0::/machine/lxc-7-n.libvirt-lxc\n").is_some());
        assert_eq!(leaf_of("4:memory:/machine/x\n"), None);
    }

    #[test]
    fn programs_as_bpftool_lists_them() {
        let text = r#"[{"id":42,"attach_type":"cgroup_device","attach_flags":"","name":""}]"#;
        let all = parse_attached(text).unwrap();
        assert_eq!((all[0].id, all[0].attach_flags.as_str()), (42, ""));
        assert!(parse_attached("").unwrap().is_empty());
        assert!(parse_attached("Error: no such group").is_err());
    }
}
