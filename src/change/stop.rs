//! Stopping our resources before they are deleted from the CIB.

use super::history::{self, Along};
use super::prestop::Ahead;
use super::{CibObject, InCib, Item, Resource, Undoer};
use crate::error::{Error, Result};
use crate::host::poll::{Poll, Seen};
use crate::pacemaker::cib::Cib;
use crate::pacemaker::{config, tools};
use crate::report::Stage;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Stops those of our resources that the CIB has, and deletes the objects of all items.
pub(super) fn stop_and_delete(undoer: &Undoer<'_>, items: &[Item<InCib>], cib: &Cib) -> Result<()> {
    let mut there = cib.ids();
    let others = undoer.of_other_sets(cib);
    // Our resources of these names are gone, and another set has them now.
    there.retain(|id| !others.contains(*id));
    let ids = items.iter().filter_map(|(_, it)| match it {
        InCib::Resource(Resource { id, .. }) => Some(id),
        InCib::CibObject(_) => None,
    });
    for id in ids {
        if there.contains(id.as_str()) && !cib.is_our_resource(id) {
            let text = format!("{id} of the CIB is not what was made here any more, and is left");
            undoer.report.warn(text);
            there.remove(id.as_str());
        }
    }
    let mut primitives = Vec::new();
    let mut clones = Vec::new();
    let mut objects = Vec::new();
    let mut containers = HashMap::new();
    for (_, it) in items {
        match it {
            InCib::Resource(Resource { id, container }) if there.contains(id.as_str()) => {
                match container {
                    Some(name) => {
                        containers.insert(id.clone(), name.clone());
                        primitives.push(id.clone());
                    }
                    None => clones.push(id.clone()),
                }
            }
            InCib::CibObject(CibObject { id }) if there.contains(id.as_str()) => {
                objects.push(id.clone());
            }
            InCib::Resource(_) | InCib::CibObject(_) => {}
        }
    }
    if !clones.is_empty() || !primitives.is_empty() {
        // In the order of the CIB, which is the order in which the cluster stops them.
        let ids = cib.top_ids_of("resources").into_iter();
        let place: HashMap<&str, usize> = ids.enumerate().map(|(n, id)| (id, n)).collect();
        primitives.sort_by_key(|id| place.get(id.as_str()).copied());
        let inside = cib.clone_primitives(&clones);
        let all = primitives.len() + inside.len();
        // The cluster stops nothing that it does not manage.
        for id in cib.unmanaged(&primitives) {
            tools::manage(undoer.host, id)?;
        }
        let mut stage = undoer.report.stage("stopped", all);
        let mut stopped = 0;
        let mut parts = primitives.chunks(WAVE).peekable();
        // The clone stops with the first wave, or alone.
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
    }
    let tags = cib.our_tags();
    let emptied = tags.iter().filter(|tag| !objects.contains(tag));
    let emptied = emptied.filter(|tag| {
        let mut left = cib.referred_in(tag).into_iter();
        left.all(|id| primitives.iter().any(|it| it == id))
    });
    // Somebody has deleted the others: the next `up` makes tag and constraints again.
    let with_them = emptied.flat_map(|tag| [cib.ours_on(tag), vec![tag.clone()]].concat());
    let with_them: Vec<String> = with_them.collect();
    // A clone goes together with its constraint, which names it.
    let along = Along {
        objects: [clones, objects, with_them].concat(),
        tags,
    };
    history::delete(undoer, cib, &primitives, &containers, &along)
}

/// Most primitives stopped at a time. The scheduler's time for all stops grows faster than their
/// number (1 s for 200, about 20 s for 500, and after 35 s pacemakerd ends it). Smaller waves make
/// a cleanup no faster: of 500 it took 109 to 121 s at once, and 163 s by 200 (2 cores, Pacemaker
/// 2.1.5).
const WAVE: usize = 500;

/// Waits until none of these primitives is active on any node; `before` were stopped already.
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
        // The whole view is an expensive answer, and of no use before the primitives can have
        // stopped.
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
    // Look often for a few; for many, each answer costs more, and waiting takes longer anyway.
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
