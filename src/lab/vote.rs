//! The vote of a lab's quorum device: looking for it, waiting for it, and having the cluster nodes
//! ask for it anew.

use super::qdevice::{DIRECTORIES, QDEVICE};
use super::running::Running;
use super::{Init, Lab, daemons, wait};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::inside::Inside;
use crate::host::poll::{Poll, Seen};
use crate::plan::Machine;
use std::time::Duration;

/// The word of [`state`] for a device whose vote counts in a cluster node.
pub(crate) const VOTES: &str = "votes";

/// Whether a running cluster node counts the device's vote; `None` in a lab without one.
pub(crate) fn state(context: &Context, lab: &Lab, running: &Running) -> Option<&'static str> {
    lab.qnetd_node()?;
    let cluster = running.cluster(lab);
    let counts = |(_, inside): &(Machine, &Inside)| counts_it(context, inside);
    Some(match cluster.iter().any(counts) {
        true => VOTES,
        false => "silent",
    })
}

/// Waits until all cluster nodes count the device's vote.
///
/// # Errors
/// [`Kind::NotOnline`] with the nodes that do not, and the daemons that do not run.
pub(crate) fn await_all(context: &Context, lab: &Lab, patience: Duration) -> Result<()> {
    await_in(context, lab, &lab.cluster_nodes(), patience)
}

/// Waits until these cluster nodes count the device's vote.
///
/// # Errors
/// As [`await_all`].
pub(crate) fn await_in(
    context: &Context,
    lab: &Lab,
    nodes: &[Machine],
    patience: Duration,
) -> Result<()> {
    let Some(device) = lab.qnetd_node() else {
        return Ok(());
    };
    let mut stage = context.report.stage("quorum device", 1);
    let look = |_: &mut Poll| {
        let running = Running::of(context, lab)?;
        let counts = |node: &Machine| {
            let inside = running.get(&node.name);
            inside.is_some_and(|inside| counts_it(context, inside))
        };
        let without = nodes.iter().filter(|node| !counts(node));
        let without: Vec<Machine> = without.cloned().collect();
        Ok(match without.is_empty() {
            true => Seen::Ready(()),
            false => Seen::Waiting((running, without)),
        })
    };
    let poll = Poll::every(Duration::from_millis(200), patience);
    poll.until(look, |(running, without)| {
        silent(context, lab, &device, &running, &without)
    })?;
    stage.at(1);
    stage.done();
    Ok(())
}

fn silent(
    context: &Context,
    lab: &Lab,
    device: &Machine,
    running: &Running,
    without: &[Machine],
) -> Error {
    let names: Vec<&str> = without.iter().map(|n| n.name.as_str()).collect();
    let mut details = Vec::new();
    for node in std::iter::once(device).chain(without) {
        let Some(inside) = running.get(&node.name) else {
            details.push(format!("{}: it does not run", node.name));
            continue;
        };
        let sick = daemons::reports(context, lab, node, inside);
        let sick = sick.iter().filter(|d| !d.is_well());
        details.extend(sick.map(|d| format!("{}: {} {}", node.name, d.name, d.state)));
    }
    let message = format!(
        "the vote of the quorum device does not count in {}",
        names.join(", ")
    );
    Error::new(Kind::NotOnline, message)
        .details(details)
        .mend(wait::look_at(lab, names[0]))
}

/// Whether a node counts the device's vote, by corosync-quorumtool(8): its exit status is not asked
/// for, since that tells of the quorum.
fn counts_it(context: &Context, inside: &Inside) -> bool {
    let cmd = inside.cmd("corosync-quorumtool").arg("-s");
    let said = cmd.timeout(Duration::from_secs(5)).run(&context.host);
    said.is_ok_and(|said| is_cast(&said.stdout))
}

/// Whether the node that was asked has the device alive and its vote cast: `A,V` among the flags of
/// the column Qdevice (corosync-quorumtool(8), "Membership information").
fn is_cast(text: &str) -> bool {
    let own = text.lines().find(|line| line.ends_with("(local)"));
    let flags = own.and_then(|line| line.split_whitespace().nth(2));
    let has = |flag| flags.is_some_and(|f| f.split(',').any(|f| f == flag));
    has("A") && has("V")
}

/// Ends corosync-qdevice in all running cluster nodes, before corosync.conf changes: it reads the
/// algorithm at its start alone, and one that finds other votes than its algorithm allows gives up.
///
/// # Errors
/// When one does not end.
pub(crate) fn stop_asking(context: &Context, lab: &Lab, running: &Running) -> Result<()> {
    let cluster = running.cluster(lab).into_iter();
    let mut cluster = cluster.filter(|_| lab.spec.qnetd);
    cluster.try_for_each(|(node, inside)| end(context, lab, &node, inside))
}

/// Starts them again, when all have ended: the device refuses who asks by another algorithm than
/// the rest of its cluster (corosync-qdevice 3.0.3, qdevices/qnetd-client-msg-received.c).
///
/// # Errors
/// When one cannot be started.
pub(crate) fn ask_again(context: &Context, lab: &Lab, running: &Running) -> Result<()> {
    let again = [QDEVICE.to_owned()];
    let mut cluster = running.cluster(lab).into_iter();
    cluster.try_for_each(|(_, inside)| daemons::start_again(context, lab, inside, &again))
}

/// Ends a node's corosync-qdevice, which no init starts again then.
fn end(context: &Context, lab: &Lab, node: &Machine, inside: &Inside) -> Result<()> {
    if lab.spec.init == Init::Systemd {
        let stop = inside.cmd("systemctl").args(["stop", QDEVICE]);
        return stop.ok(&context.host).map(drop);
    }
    let lock = format!("{}/{QDEVICE}.pid", DIRECTORIES[1]);
    let pid = inside.cmd("cat").arg(&lock).run(&context.host)?;
    // Without a pid it has ended already.
    let kill = inside.cmd("kill").arg(pid.stdout.trim());
    kill.run(&context.host)?;
    let look = |_: &mut Poll| {
        let all = daemons::reports(context, lab, node, inside);
        let runs = all.iter().any(|d| d.name == QDEVICE && d.is_well());
        Ok(Seen::ready_if(!all.is_empty() && !runs, ()))
    };
    let poll = Poll::every(Duration::from_millis(50), Duration::from_secs(20));
    poll.until(look, |()| {
        let name = &node.name;
        Error::not_online(format!("{QDEVICE} of {name} does not end"))
            .mend(wait::look_at(lab, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From corosync 3.1.7.
    #[test]
    fn a_vote_that_counts_is_alive_and_cast() {
        let of = |flags: &str| {
            format!(
                "Flags:            Quorate WaitForAll Qdevice \n\nMembership information\n\
                 ----------------------\n    Nodeid      Votes    Qdevice Name\n         \
                 1          1    A,V,NMW lab-node1\n         \
                 2          1 {flags:>10} lab-node2 (local)\n         \
                 0          1            Qdevice\n"
            )
        };
        assert!(is_cast(&of("A,V,NMW")) && is_cast(&of("A,V,MW")));
        for flags in ["A,NV,NMW", "NA,V,NMW", "NR"] {
            assert!(!is_cast(&of(flags)), "{flags}");
        }
        assert!(!is_cast("Cannot initialize CMAP service\n"));
    }
}
