//! Undoing what the cluster knows: stop, wait, delete, wait, forget.

use super::{Batch, Item, Undoer};
use crate::error::{Error, Result};
use crate::host::signals;
use crate::journal::Undo;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::{config, throttle, tools};
use std::collections::HashSet;
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
    for (_, undo) in items {
        match undo {
            Undo::Resource { id, container } if there.contains(id.as_str()) => {
                let kind = if container.is_some() {
                    &mut primitives
                } else {
                    &mut clones
                };
                kind.push(id.clone());
            }
            Undo::CibObject { id } if there.contains(id.as_str()) => objects.push(id.clone()),
            _ => {}
        }
    }
    let resources = [primitives.clone(), clones.clone()].concat();
    if !resources.is_empty() {
        tools::merge(undoer.host, &config::stop(&primitives, &clones))?;
        let inside = cib.clone_primitives(&clones);
        wait_stopped(undoer, &[primitives, inside].concat())?;
    }
    tools::delete(undoer.host, &[resources, objects].concat())
}

/// Waits until none of these primitives is active anywhere.
fn wait_stopped(undoer: &Undoer<'_>, watched: &[String]) -> Result<()> {
    let names: Vec<&str> = watched.iter().map(|n| n.as_str()).collect();
    let mut stage = undoer.report.stage("stopped", watched.len());
    let began = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        let view = tools::view(undoer.host)?;
        let running: Vec<&String> = watched
            .iter()
            .filter(|id| view.active.contains_key(id.as_str()))
            .collect();
        stage.at(watched.len() - running.len());
        if running.is_empty() {
            stage.done();
            return Ok(());
        }
        if began.elapsed() > undoer.stop_timeout {
            let list: Vec<&str> = running.iter().map(|r| r.as_str()).collect();
            return Err(Error::failed(format!(
                "not stopped after {} s: {}",
                undoer.stop_timeout.as_secs(),
                list.join(", ")
            ))
            .details(view.failures_of(&names)));
        }
        signals::sleep(pause)?;
        // Often for a few; for many each answer costs more, and waiting is longer anyway.
        let longest = Duration::from_millis(20 * watched.len() as u64);
        pause =
            (pause * 5 / 4).min(longest.clamp(Duration::from_millis(200), Duration::from_secs(2)));
    }
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
    let mut stage = undoer.report.stage("forgotten", items.len());
    for (count, item) in items.iter().enumerate() {
        let name = match &item.1 {
            Undo::Node { name } => name,
            _ => continue,
        };
        if others.contains(name) || resources.contains(name.as_str()) {
            // Somebody else's guest or remote node by now.
            batch.undone.push(item.0);
            continue;
        }
        if guests.contains(name.as_str()) {
            batch.keep(&item.1, "the CIB still has a primitive for it");
            continue;
        }
        batch.record(item, tools::forget_node(undoer.host, name));
        stage.at(count + 1);
    }
    if batch.remains.is_empty() {
        stage.done();
    }
    if let Err(e) = drop_history(undoer, items) {
        undoer.report.warn(format!(
            "the cluster still remembers operations: {}",
            e.message()
        ));
    }
    batch
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
        other => return Err(Error::failed(format!("{} is no property", other.key()))),
    };
    let cib = tools::query(undoer.host)?;
    if cib.property(name) == previous.as_deref() {
        return Ok(());
    }
    tools::set_property(undoer.host, name, previous.as_deref())
}

/// What cluster nodes remember of the connections and containers of nodes that are gone: the
/// cluster drops it by itself, in its own time; what it does not, we do, one by one.
fn drop_history(undoer: &Undoer<'_>, items: &[Item]) -> Result<()> {
    let gone: HashSet<&str> = items
        .iter()
        .filter_map(|(_, undo)| undo.container())
        .collect();
    let patience = Duration::from_secs(5) + Duration::from_millis(100) * items.len() as u32;
    let began = Instant::now();
    let cib = loop {
        let cib = tools::query(undoer.host)?;
        if history_of(&cib, &gone).is_empty() {
            return Ok(());
        }
        if began.elapsed() > patience {
            break cib;
        }
        signals::sleep(Duration::from_millis(250))?;
    };
    let before = cib.property(tools::REFRESH_PROPERTY);
    for (resource, node) in history_of(&cib, &gone) {
        tools::drop_history(undoer.host, resource, node)?;
    }
    // Written by crm_resource on the way.
    tools::set_property(undoer.host, tools::REFRESH_PROPERTY, before)
}

fn history_of<'a>(cib: &'a Cib, gone: &HashSet<&str>) -> Vec<(&'a str, &'a str)> {
    let known = cib.ids();
    let of_gone = |resource: &str| {
        gone.contains(resource)
            || crate::spec::node_of_resource(resource).is_some_and(|n| gone.contains(n.as_str()))
    };
    cib.history()
        .into_iter()
        .filter(|(resource, _)| of_gone(resource) && !known.contains(resource))
        .collect()
}
