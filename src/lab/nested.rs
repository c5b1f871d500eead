//! A lab's guest nodes: a set that this same program makes inside a cluster node, with that node's
//! own libvirtd.

use super::running::Running;
use super::{shown, wait};
use crate::change::SET_FILE;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::host::command::{Cmd, Output};
use crate::host::inside::Inside;
use crate::host::poll::{Poll, Seen};
use crate::host::{files, lock, net};
use crate::lab::{GUESTS, GUESTS_DIR, Lab, MOST_CONTAINERS};
use crate::libvirt::virsh;
use crate::plan::{NETWORK_NAME, Set};
use crate::report;
use std::path::Path;
use std::time::Duration;

/// Path of this program in the nodes.
const PROGRAM: &str = "/opt/lxc-autogen/lxc-autogen";
pub(super) const LIBVIRT_SOCKET: &str = "/run/libvirt/libvirt-sock";

/// The guests' set, as the nodes have written it. Its content is checked before it names anything
/// on this host.
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

/// Bytes that no set's file reaches.
const MOST_BYTES: u64 = 1 << 20;

/// Makes the guests' files and network in the first cluster node; needs its libvirtd, and no
/// cluster.
///
/// # Errors
/// The error of lxc-autogen in the node.
pub(crate) fn generate(context: &Context, lab: &Lab) -> Result<()> {
    let has = set(lab)?.map_or(0, |s| s.spec.containers);
    if lab.spec.containers == 0 || has > 0 {
        return Ok(());
    }
    let first = &lab.cluster_nodes()[0];
    let inside = wait::await_file(context, lab, &first.name, LIBVIRT_SOCKET)?;
    let shown = shown::in_guests(lab);
    let shown = shown
        .iter()
        .map(|path| format!(" --bind={}", path.display()));
    let verb: String = ["generate".to_owned()].into_iter().chain(shown).collect();
    run(context, lab, &inside, &verb, Duration::from_secs(120))
}

/// Has as many guests as wanted online. `placed` are the nodes that the containers of those the cluster
/// does not know run on already, in turn.
///
/// # Errors
/// The error of lxc-autogen in the node.
pub(crate) fn up(context: &Context, lab: &Lab, placed: &[String], timeout: Duration) -> Result<()> {
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
                .args(["cleanup", "--state-dir", GUESTS_DIR])
                .timeout(Duration::from_secs(600));
            match unhindered(context, &cleanup)? {
                output if output.code == 0 => {}
                output => return Err(output.error()),
            }
            cluster[1..].iter().try_for_each(|(_, inside)| {
                virsh::remove_network(&inside.at(&context.host), &set.network)
            })
        }
        (_, None) => Err(Error::failed("the guests' files are gone")
            .mend(format!("lxc-autogen lab down --name {}", lab.spec.name))),
        (number, Some(set)) => {
            // Where they were placed, it was made then.
            if placed.is_empty() {
                for (_, inside) in &cluster[1..] {
                    raise_network(&context.host, inside, &set)?;
                }
            }
            let mut stage = context.report.stage("guests", number as usize);
            let mut text = format!("up --gentle --timeout {}", timeout.as_secs());
            if !placed.is_empty() {
                text = format!("{text} --placed {}", placed.join(","));
            }
            run(context, lab, inside, &text, timeout)?;
            stage.at(number as usize);
            stage.done();
            Ok(())
        }
    }
}

/// Runs this program in a node, with `-A`: the guests may run on every cluster node. Its warnings and
/// errors are reported here as our own, and its trace with --verbose.
fn run(context: &Context, lab: &Lab, inside: &Inside, verb: &str, timeout: Duration) -> Result<()> {
    let spec = &lab.spec;
    let tells = match context.options.verbose {
        true => "--verbose",
        false => "--quiet",
    };
    let command = inside
        .cmd(PROGRAM)
        .args(verb.split(' '))
        .args([tells, "--allow-anywhere", "--state-dir", GUESTS_DIR])
        .args(["--containers", &spec.containers.to_string()])
        .args(["--memory", &spec.guest_memory_mib.to_string()])
        // The command keeps to the time itself; afterwards it may still put back its changes.
        .timeout(timeout + Duration::from_secs(120))
        .interruptible();
    let output = unhindered(context, &command)?;
    match output.code {
        0 => {
            let lines = output.stderr.lines();
            lines.for_each(|line| report::say(format!("{}: {line}", inside.name())));
            Ok(())
        }
        5 => Err(output.error().with_kind(Kind::NotOnline)),
        130 => Err(output.error().with_kind(Kind::Interrupted)),
        _ => Err(output.error()),
    }
}

/// Runs the command once a run in the node has ended that an earlier, killed `lab up` began.
fn unhindered(context: &Context, command: &Cmd) -> Result<Output> {
    let mut told = false;
    let look = |_: &mut Poll| {
        let output = command.run(&context.host)?;
        if output.code == 0 || !output.stderr.contains(lock::HELD) {
            return Ok(Seen::Ready(output));
        }
        if !told {
            told = true;
            context
                .report
                .line("waiting for what a run before has begun in there");
        }
        Ok(Seen::Waiting(output))
    };
    let mut poll = Poll::every(Duration::from_millis(300), Duration::from_secs(600));
    match poll.look(look)? {
        // Where the lock is still held, the command's own error says by whom.
        Seen::Ready(output) | Seen::Waiting(output) => Ok(output),
    }
}

/// Defines and starts the guests' network on another cluster node, from the same XML in the shared
/// directory. It starts by itself when the node is started again.
pub(super) fn raise_network(host: &Host, inside: &Inside, set: &Set) -> Result<()> {
    let at = inside.at(host);
    let (name, xml) = (&set.network, set.state_dir.join("network.xml"));
    virsh::raise_network(&at, name, &xml, true)?;
    net::acknowledge_at_once(&at, name, &set.subnet)
}
