//! Asking the nodes of a lab, and waiting for them.

use super::reconnect::Reconnect;
use super::running::Running;
use super::{COMPLETE, Lab, daemons};
use crate::context::Context;
use crate::error::{self, Error, Result};
use crate::host::files;
use crate::host::inside::Inside;
use crate::host::poll::{Poll, Seen};
use crate::machine;
use crate::pacemaker::monitor::View;
use crate::pacemaker::tools;
use crate::plan::{Kind, Machine};
use std::time::{Duration, Instant};

/// How long no cluster node may run before waiting for one is of no use; one that is fenced is off for a
/// moment.
const ALL_GONE: Duration = Duration::from_secs(10);

/// A cluster node's view of the cluster: from one in a partition with quorum if there is one, else
/// from the first that answers; `None` when none does.
pub(crate) fn view(context: &Context, lab: &Lab, running: &Running) -> Option<View> {
    let mut without_quorum = None;
    for (_, inside) in running.cluster(lab) {
        match view_of(context, inside) {
            Some(view) if view.quorum => return Some(view),
            Some(view) => without_quorum = without_quorum.or(Some(view)),
            None => {}
        }
    }
    without_quorum
}

/// The view of one cluster node, and of the next one at the next call unless this one has quorum: while
/// a cluster forms, each crm_mon takes processor time from it.
fn view_in_turn(context: &Context, lab: &Lab, running: &Running, turn: &mut usize) -> Option<View> {
    let cluster = running.cluster(lab);
    let (_, inside) = cluster.get(*turn % cluster.len().max(1))?;
    let view = view_of(context, inside);
    if !view.as_ref().is_some_and(|view| view.quorum) {
        *turn += 1;
    }
    view
}

/// Whether a cluster node's cluster answers.
pub(super) fn answers(context: &Context, inside: &Inside) -> bool {
    view_of(context, inside).is_some()
}

fn view_of(context: &Context, inside: &Inside) -> Option<View> {
    // A node that hangs must not keep the others from being asked.
    let view = tools::view_within(&inside.at(&context.host), Duration::from_secs(4));
    view.ok().filter(|v| !v.nodes.is_empty())
}

/// Waits for a cluster node whose cluster answers and has quorum.
///
/// # Errors
/// [`error::Kind::NotOnline`] when there is none in time.
pub(crate) fn await_answer(context: &Context, lab: &Lab, patience: Duration) -> Result<Inside> {
    let poll = Poll::every(Duration::from_millis(200), patience);
    let look = |_: &mut Poll| {
        let running = Running::of(context, lab)?;
        let answering = running
            .cluster(lab)
            .into_iter()
            .find(|(_, inside)| view_of(context, inside).is_some_and(|v| v.quorum));
        Ok(match answering {
            Some((_, inside)) => Seen::Ready(inside.clone()),
            None => Seen::Waiting(()),
        })
    };
    poll.until(look, |()| {
        let first = &lab.cluster_nodes()[0].name;
        Error::new(
            error::Kind::NotOnline,
            "no cluster node answers with quorum",
        )
        .mend(look_at(lab, first))
    })
}

/// Waits until a file is there in a node.
///
/// # Errors
/// [`error::Kind::NotOnline`] when it is not in time.
pub(crate) fn await_file(context: &Context, lab: &Lab, name: &str, path: &str) -> Result<Inside> {
    let poll = Poll::every(Duration::from_millis(50), Duration::from_secs(60));
    let look = |_: &mut Poll| {
        let running = Running::of(context, lab)?;
        let Some(inside) = running.get(name) else {
            return Ok(Seen::Waiting(()));
        };
        let test = inside.cmd("test").args(["-e", path]).run(&context.host)?;
        Ok(match test.code {
            0 => Seen::Ready(inside.clone()),
            _ => Seen::Waiting(()),
        })
    };
    poll.until(look, |()| {
        Error::new(error::Kind::NotOnline, format!("{name} has no {path}")).mend(look_at(lab, name))
    })
}

/// Waits until all cluster and remote nodes are online; where no cluster is configured, until they
/// have started.
///
/// # Errors
/// [`error::Kind::NotOnline`] with what is known of the nodes that are not online.
pub(crate) fn await_online(context: &Context, lab: &Lab, timeout: Duration) -> Result<()> {
    if lab.spec.bare {
        return await_started(context, lab, &lab.nodes(), timeout);
    }
    await_nodes(context, lab, &lab.members(), timeout)
}

/// Waits until these cluster and remote nodes are online.
///
/// # Errors
/// As [`await_online`].
pub(super) fn await_nodes(
    context: &Context,
    lab: &Lab,
    nodes: &[Machine],
    timeout: Duration,
) -> Result<()> {
    let mut stage = context.report.stage("nodes", nodes.len());
    let mut reconnect = Reconnect::new();
    let poll = Poll::every(Duration::from_millis(100), timeout)
        .growing((5, 4), Duration::from_millis(500));
    let mut asked = 0;
    let mut since_none: Option<Instant> = None;
    let known = files::exists(&lab.path(COMPLETE));
    let look = |poll: &mut Poll| {
        let running = Running::of(context, lab)?;
        let view = match poll.is_over() {
            true => view(context, lab, &running),
            false => view_in_turn(context, lab, &running, &mut asked),
        };
        let view = view.unwrap_or_default();
        let mut waiting: Vec<&Machine> = nodes.iter().filter(|n| !is_online(&view, n)).collect();
        if known && waiting.is_empty() {
            let cluster = nodes.iter().filter(|n| n.kind == Kind::Cluster);
            waiting = cluster.filter(|n| !says_so(context, &running, n)).collect();
        }
        stage.at(nodes.len() - waiting.len());
        if waiting.is_empty() {
            return Ok(Seen::Ready(()));
        }
        let none = running.cluster(lab).is_empty();
        since_none = none.then(|| since_none.unwrap_or_else(Instant::now));
        // Nobody is left who could start one again.
        if since_none.is_some_and(|since| since.elapsed() > ALL_GONE) {
            return Err(not_online(context, lab, &running, &waiting, &view));
        }
        if !poll.is_over() {
            reconnect.ask(context, lab, &running, &waiting, poll.elapsed());
        }
        Ok(Seen::Waiting((running, waiting, view)))
    };
    poll.until(look, |(running, waiting, view)| {
        not_online(context, lab, &running, &waiting, &view)
    })?;
    stage.done();
    Ok(())
}

fn is_online(view: &View, node: &Machine) -> bool {
    let seen = view.nodes.get(&node.name);
    seen.is_some_and(|v| v.online && !matches!(v.note, Some("pending" | "connecting" | "unclean")))
}

/// Whether a cluster node itself says that it is online. The others notice only after the token's timeout
/// that one has died: until then they take one that was started again at once for the one from before,
/// and afterwards they fence it.
fn says_so(context: &Context, running: &Running, node: &Machine) -> bool {
    let own = running
        .get(&node.name)
        .and_then(|inside| view_of(context, inside));
    own.is_some_and(|view| is_online(&view, node))
}

/// Waits until all units of these nodes have started, or failed.
///
/// # Errors
/// As [`await_online`].
pub(super) fn await_started(
    context: &Context,
    lab: &Lab,
    nodes: &[Machine],
    timeout: Duration,
) -> Result<()> {
    let mut stage = context.report.stage("nodes", nodes.len());
    let look = |_: &mut Poll| {
        let running = Running::of(context, lab)?;
        let started = |node: &&Machine| {
            let inside = running.get(&node.name);
            inside.is_some_and(|inside| daemons::have_started(context, inside))
        };
        let waiting: Vec<&Machine> = nodes.iter().filter(|n| !started(n)).collect();
        stage.at(nodes.len() - waiting.len());
        Ok(match waiting.is_empty() {
            true => Seen::Ready(()),
            false => Seen::Waiting((running, waiting)),
        })
    };
    let poll = Poll::every(Duration::from_millis(100), timeout);
    poll.until(look, |(running, waiting)| {
        not_online(context, lab, &running, &waiting, &View::default())
    })?;
    stage.done();
    Ok(())
}

fn not_online(
    context: &Context,
    lab: &Lab,
    running: &Running,
    waiting: &[&Machine],
    view: &View,
) -> Error {
    let names: Vec<&str> = waiting.iter().map(|n| n.name.as_str()).collect();
    let mut details = Vec::new();
    for node in waiting {
        match running.get(&node.name) {
            None if running.is_paused(&node.name) => {
                details.push(format!("{}: it is paused", node.name));
            }
            None => {
                details.push(format!("{}: it does not run", node.name));
                details.extend(last_words(lab, node));
            }
            Some(inside) => {
                let known = daemons::reports(context, lab, node, inside);
                if known.is_empty() {
                    details.extend(last_words(lab, node));
                }
                let sick = known.iter().filter(|d| !d.is_well());
                details.extend(sick.map(|d| format!("{}: {} {}", node.name, d.name, d.state)));
            }
        }
    }
    details.extend(view.failures_of(&names));
    Error::new(
        error::Kind::NotOnline,
        format!("not online in time: {}", names.join(", ")),
    )
    .details(details)
    .mend(look_at(lab, names[0]))
}

/// The end of a node's console, where it has one.
fn last_words(lab: &Lab, node: &Machine) -> impl Iterator<Item = String> {
    let said = machine::of(node).last_words(&lab.path(&node.name));
    said.into_iter()
        .map(|line| format!("{}'s console: {line}", node.name))
}

pub(super) fn look_at(lab: &Lab, node: &str) -> String {
    format!(
        "see lxc-autogen lab status --name {0}, and in {node} /var/log/*.out and \
         /var/log/pacemaker/pacemaker.log: lxc-autogen lab shell {node}; everything was left as it is",
        lab.spec.name
    )
}
