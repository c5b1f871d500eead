//! A lab's guest nodes: the containers of the main job, made by the very same program inside a
//! cluster node, against that node's own libvirtd.

use super::running::Running;
use super::wait::{self, in_each};
use crate::change::SET_FILE;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::command::{Cmd, Output};
use crate::host::inside::Inside;
use crate::host::{files, lock, signals};
use crate::lab::{GUESTS, GUESTS_DIR, Lab, MOST_CONTAINERS};
use crate::libvirt::hypervisor::LXC;
use crate::plan::{NETWORK_NAME, Set};
use std::path::Path;
use std::time::{Duration, Instant};

/// The program in the nodes.
const PROGRAM: &str = "/opt/lxc-autogen/lxc-autogen";
const LIBVIRT_SOCKET: &str = "/run/libvirt/libvirt-sock";

/// The guests' set, as the nodes see it. They can write it: what it says is checked before it names
/// anything on this host.
pub(crate) fn set(lab: &Lab) -> Result<Option<Set>> {
    let path = lab.path(GUESTS).join(SET_FILE);
    let Some(text) = files::read_untrusted(&path, MOST_BYTES)? else {
        return Ok(None);
    };
    let set = Set::from_json(&text, &path.display().to_string())?;
    let ending = set.network.strip_prefix(NETWORK_NAME);
    let plain = ending.is_some_and(|e| e.len() < 4 && e.bytes().all(|b| b.is_ascii_digit()));
    if plain && set.state_dir == Path::new(GUESTS_DIR) && set.spec.containers <= MOST_CONTAINERS {
        return Ok(Some(set));
    }
    Err(
        Error::failed(format!("{} is not what lxc-autogen wrote", path.display()))
            .mend(format!("lxc-autogen lab down --name {}", lab.spec.name)),
    )
}

/// Longer than any set's file.
const MOST_BYTES: u64 = 1 << 20;

/// Files and network, in the first node; needs its libvirtd and no cluster.
///
/// # Errors
/// What lxc-autogen says in there.
pub(crate) fn generate(context: &Context, lab: &Lab) -> Result<()> {
    let has = set(lab)?.map_or(0, |s| s.spec.containers);
    if lab.spec.containers == 0 || has > 0 {
        return Ok(());
    }
    let first = &lab.cluster_nodes()[0];
    let inside = wait::await_file(context, lab, &first.name, LIBVIRT_SOCKET)?;
    run(context, lab, &inside, "generate", Duration::from_secs(120))
}

/// As many guests as wanted, online.
///
/// # Errors
/// What lxc-autogen says in the node.
pub(crate) fn up(context: &Context, lab: &Lab, timeout: Duration) -> Result<()> {
    let running = Running::of(context, lab)?;
    let cluster = running.cluster(lab);
    let (_, inside) = cluster
        .first()
        .ok_or_else(|| Error::failed("no cluster node runs any more"))?;
    let has = set(lab)?;
    match (lab.spec.containers, has) {
        (0, None) => Ok(()),
        (0, Some(set)) => {
            let cleanup = inside
                .cmd(PROGRAM)
                .arg("cleanup")
                .timeout(Duration::from_secs(600));
            match unhindered(context, &cleanup)? {
                output if output.code == 0 => {}
                output => return Err(output.error()),
            }
            in_each(context, &cluster[1..], |_, inside| {
                remove_network(inside, &set)
            })
        }
        (_, None) => Err(Error::failed("the guests' files are gone")
            .mend(format!("lxc-autogen lab down --name {}", lab.spec.name))),
        (number, Some(set)) => {
            in_each(context, &cluster[1..], |_, inside| {
                raise_network(inside, &set)
            })?;
            in_each(context, &cluster[1..], |_, inside| quick(inside, &set))?;
            let mut stage = context.report.stage("guests", number as usize);
            let text = format!("up --gentle --timeout {}", timeout.as_secs());
            run(context, lab, inside, &text, timeout)?;
            stage.at(number as usize);
            stage.done();
            Ok(())
        }
    }
}

/// `-A`: free to run on every cluster node. What it says in there is ours to say.
fn run(context: &Context, lab: &Lab, inside: &Inside, verb: &str, timeout: Duration) -> Result<()> {
    let spec = &lab.spec;
    let command = inside
        .cmd(PROGRAM)
        .args(verb.split(' '))
        .args(["--quiet", "--allow-anywhere", "--state-dir", GUESTS_DIR])
        .args(["--containers", &spec.containers.to_string()])
        .args(["--memory", &spec.guest_memory_mib.to_string()])
        // It keeps to the time itself; what it has begun it may put back.
        .timeout(timeout + Duration::from_secs(120))
        .interruptible();
    let output = unhindered(context, &command)?;
    match output.code {
        0 => Ok(()),
        5 => Err(output.error().with_kind(Kind::NotOnline)),
        130 => Err(output.error().with_kind(Kind::Interrupted)),
        _ => Err(output.error()),
    }
}

/// Runs it when what an earlier `lab up`, which was killed, began in there has ended.
fn unhindered(context: &Context, command: &Cmd) -> Result<Output> {
    let end = Instant::now() + Duration::from_secs(600);
    let mut told = false;
    loop {
        let output = command.run(&context.host)?;
        if output.code == 0 || !output.stderr.contains(lock::HELD) || Instant::now() > end {
            return Ok(output);
        }
        if !told {
            told = true;
            context
                .report
                .line("waiting for what a run before has begun in there");
        }
        signals::sleep(Duration::from_millis(300))?;
    }
}

/// The guests' network on another cluster node: the same XML from the shared directory. It comes
/// back by itself when the node is started again.
fn raise_network(inside: &Inside, set: &Set) -> Cmd {
    let (name, xml) = (&set.network, set.state_dir.join("network.xml"));
    // One that is defined and active already makes the last command fail, which is fine: virsh's
    // status is that of the last one.
    virsh_in(inside).arg(format!(
        "net-define {}; net-autostart {name}; net-start {name}; net-info {name}",
        xml.display()
    ))
}

fn remove_network(inside: &Inside, set: &Set) -> Cmd {
    let name = &set.network;
    virsh_in(inside).arg(format!("net-destroy {name}; net-undefine {name}; net-list"))
}

/// See [`crate::host::net::acknowledge_at_once`].
fn quick(inside: &Inside, set: &Set) -> Cmd {
    let subnet = set.subnet;
    inside
        .cmd("ip")
        .args(["-4", "route", "change"])
        .arg(format!("{}/{}", subnet.network(), subnet.prefix()))
        .args(["dev", &set.network, "proto", "kernel", "scope", "link"])
        .args(["src", &subnet.host().to_string(), "quickack", "1"])
}

fn virsh_in(inside: &Inside) -> Cmd {
    inside.cmd("virsh").args(["-q", "-c", LXC.uri])
}
