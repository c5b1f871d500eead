//! Undoing what the cluster knows: stop, wait, delete, wait, forget.

use super::Undo;
use super::prestop::Ahead;
use super::{Batch, Item, Undoer, history};
use crate::error::{Error, Result};
use crate::host::poll::{Poll, Seen};
use crate::pacemaker::cib::Cib;
use crate::pacemaker::{config, throttle, tools};
use crate::report::Stage;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Stops the resources among the items, waits until they have stopped, and deletes all the items'
/// objects. Deleting while they run would leave orphans whose stop fails.
pub(super) fn remove_from_cib(undoer: &Undoer<'_>, items: &[Item]) -> Batch {
    let mut batch = Batch::default();
    let cib = match tools::query(undoer.host) {
        Ok(cib) => cib,
        Err(e) => {
            batch.keep_all(items, &e);
            return batch;
        }
    };
    if let Err(e) = stop_and_delete(undoer, items, &cib) {
        batch.keep_all(items, &e);
        for line in e.detail_lines() {
            batch.remains.push(line.clone());
        }
        return batch;
    }
    batch.undone = items.iter().map(|(seq, _)| *seq).collect();
    batch
}

fn stop_and_delete(undoer: &Undoer<'_>, items: &[Item], cib: &Cib) -> Result<()> {
    let mut there = cib.ids();
    let others = undoer.of_other_sets(cib);
    // Ours are gone then, and another set has taken the names.
    there.retain(|id| !others.contains(*id));
    let named = |undo: &Undo| match undo {
        Undo::Resource { id, .. } => Some(id.clone()),
        _ => None,
    };
    for id in items.iter().filter_map(|(_, undo)| named(undo)) {
        if there.contains(id.as_str()) && !cib.is_our_resource(&id) {
            let text = format!("{id} of the CIB is not what was made here any more, and is left");
            undoer.report.warn(text);
            there.remove(id.as_str());
        }
    }
    let mut primitives = Vec::new();
    let mut clones = Vec::new();
    let mut objects = Vec::new();
    let mut containers = HashMap::new();
    for (_, undo) in items {
        match undo {
            Undo::Resource { id, container } if there.contains(id.as_str()) => match container {
                Some(name) => {
                    containers.insert(id.clone(), name.clone());
                    primitives.push(id.clone());
                }
                None => clones.push(id.clone()),
            },
            Undo::CibObject { id } if there.contains(id.as_str()) => objects.push(id.clone()),
            _ => {}
        }
    }
    if !clones.is_empty() || !primitives.is_empty() {
        // In the order of the CIB, in which the cluster stops them.
        let ids = cib.top_ids_of("resources").into_iter();
        let place: HashMap<&str, usize> = ids.enumerate().map(|(n, id)| (id, n)).collect();
        primitives.sort_by_key(|id| place.get(id.as_str()).copied());
        let inside = cib.clone_primitives(&clones);
        let all = primitives.len() + inside.len();
        let mut stage = undoer.report.stage("stopped", all);
        let mut stopped = 0;
        let mut parts = primitives.chunks(WAVE).peekable();
        // The clone stops with the first of them, or alone.
        let (mut with, mut watched) = (clones.clone(), inside);
        while parts.peek().is_some() || !with.is_empty() {
            let part = parts.next().unwrap_or_default();
            let stop = config::stop(part, &with, undoer.easing.as_ref());
            tools::merge(undoer.host, &stop)?;
            let mut ahead = Ahead::of(undoer, part, &containers);
            watched.extend(part.iter().cloned());
            wait_stopped(undoer, &watched, &mut ahead, &mut stage, stopped)?;
            ahead.finish();
            stopped += watched.len();
            with.clear();
            watched.clear();
        }
        stage.done();
        history::delete(undoer, cib, &primitives, &containers)?;
    }
    // The clone with its constraint, which names it.
    tools::delete(undoer.host, &[clones, objects].concat())
}

/// How many at a time: what the scheduler takes for the stops of all grows faster than their number
/// (1 s for 200, about 20 s for 500, and after 35 s pacemakerd ends it). Fewer at a time make it no
/// faster: of 500 the cleanup took 109 to 121 s at once, and 163 s by 200 (2 cores, Pacemaker 2.1.5).
const WAVE: usize = 500;

/// Waits until none of these primitives is active anywhere; `before` have been stopped already.
fn wait_stopped(
    undoer: &Undoer<'_>,
    watched: &[String],
    ahead: &mut Ahead<'_>,
    stage: &mut Stage,
    before: usize,
) -> Result<()> {
    let names: Vec<&str> = watched.iter().map(|n| n.as_str()).collect();
    let mut looked = Instant::now();
    let look = |_: &mut Poll| {
        // All that the cluster knows is a dear answer, of no use before they can have stopped.
        let mut cheap = Poll::every(Duration::from_millis(200), Duration::from_secs(5));
        cheap = cheap.since(looked);
        cheap.look(|_| {
            ahead.end_disconnected();
            Ok(Seen::ready_if(ahead.is_done(), ()))
        })?;
        looked = Instant::now();
        let view = tools::view(undoer.host)?;
        let running: Vec<&String> = watched
            .iter()
            .filter(|id| view.active.contains_key(id.as_str()))
            .collect();
        stage.at(before + watched.len() - running.len());
        Ok(match running.is_empty() {
            true => Seen::Ready(()),
            false => Seen::Waiting((running, view)),
        })
    };
    // Often for a few; for many each answer costs more, and waiting is longer anyway.
    let longest = Duration::from_millis(20 * watched.len() as u64)
        .clamp(Duration::from_millis(200), Duration::from_secs(2));
    let poll =
        Poll::every(Duration::from_millis(100), undoer.stop_timeout).growing((5, 4), longest);
    poll.until(look, |(running, view)| {
        let list: Vec<&str> = running.iter().map(|r| r.as_str()).collect();
        Error::failed(format!(
            "not stopped after {} s: {}",
            undoer.stop_timeout.as_secs(),
            list.join(", ")
        ))
        .details(view.failures_of(&names))
    })
}

/// Makes the cluster forget guest nodes, and drops what it remembers of their resources.
pub(super) fn forget_nodes(undoer: &Undoer<'_>, items: &[Item]) -> Batch {
    let mut batch = Batch::default();
    let cib = match tools::query(undoer.host) {
        Ok(cib) => cib,
        Err(e) => {
            batch.keep_all(items, &e);
            return batch;
        }
    };
    let guests: HashSet<&str> = cib
        .guest_nodes()
        .into_iter()
        .map(|(node, _)| node)
        .collect();
    let others = undoer.of_other_sets(&cib);
    let resources: HashSet<&str> = cib.top_ids_of("resources").into_iter().collect();
    let mut ours = Vec::new();
    for item in items {
        let Undo::Node { name } = &item.1 else {
            continue;
        };
        if others.contains(name) || resources.contains(name.as_str()) {
            // Somebody else's guest or remote node by now.
            batch.undone.push(item.0);
        } else if guests.contains(name.as_str()) {
            batch.keep(&item.1, "the CIB still has a primitive for it");
        } else {
            ours.push((item, name.as_str()));
        }
    }
    let mut stage = undoer.report.stage("forgotten", ours.len());
    let names: Vec<&str> = ours.iter().map(|(_, name)| *name).collect();
    let left = match forget_all(undoer, &names) {
        Ok(left) => left,
        Err(e) => {
            batch.keep_all(items, &e);
            return batch;
        }
    };
    for (count, (item, name)) in ours.into_iter().enumerate() {
        let result = match left.contains(name) {
            true => tools::forget_node(undoer.host, name),
            false => Ok(()),
        };
        batch.record(item, result);
        stage.at(count + 1);
    }
    if batch.remains.is_empty() {
        stage.done();
    }
    if let Err(e) = history::drop(undoer, items) {
        undoer.report.warn(format!(
            "the cluster still remembers operations: {}",
            e.message()
        ));
    }
    batch
}

/// Deletes all their entries and states at once, on which the controller forgets them (Pacemaker
/// 2.1.5, lib/cluster/membership.c, pcmk__refresh_node_caches_from_cib); attributes went with the
/// connections. Gives back those that are to be asked for one by one: all of a few, which takes no
/// longer, and what the controller knows on (3.0.0's does, and writes their states anew).
fn forget_all(undoer: &Undoer<'_>, names: &[&str]) -> Result<HashSet<String>> {
    const FEW: usize = 16;
    if names.len() <= FEW {
        return Ok(names.iter().map(|name| (*name).to_owned()).collect());
    }
    tools::delete_nodes(undoer.host, names)?;
    let mut known = tools::nodes_known(undoer.host)?;
    let cib = tools::query(undoer.host)?;
    known.extend(cib.traces_of_nodes().into_iter().map(str::to_owned));
    let left = names.iter().filter(|name| known.contains(**name));
    Ok(left.map(|name| (*name).to_owned()).collect())
}

/// Puts a cluster property back to what it was, or takes it out where it was not set.
pub(super) fn restore_property(undoer: &Undoer<'_>, undo: &Undo) -> Result<()> {
    let (name, previous) = match undo {
        Undo::Property { name, previous } => (name, previous),
        Undo::Throttle {
            name,
            nvpair,
            raised,
            previous,
        } => {
            return throttle::restore(undoer.host, name, nvpair, raised, previous.as_deref());
        }
        Undo::Joining { xpath, then, .. } => {
            return tools::replace_or_delete(undoer.host, xpath, then.as_deref());
        }
        other => return Err(Error::failed(format!("{} is no property", other.key()))),
    };
    let cib = tools::query(undoer.host)?;
    if cib.property(name) == previous.as_deref() {
        return Ok(());
    }
    tools::set_property(undoer.host, name, previous.as_deref())
}
