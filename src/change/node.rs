//! Guest and remote nodes that the cluster knows.

use super::allowed;
use super::kinds::{About, Kind};
use super::traces::Traces;
use super::{Batch, Item, SET_FILE, Undoer, history};
use crate::error::{Error, Result};
use crate::host::poll::{Poll, Seen};
use crate::pacemaker::tools;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

/// Make the cluster forget a guest or remote node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Name of the node in the cluster.
    pub name: String,
}

impl Node {
    /// The record of the node of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Node { name: name.into() }
    }
}

impl Kind for Node {
    fn key(&self) -> String {
        format!("node {} of the cluster", self.name)
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: Some(&self.name),
            scope: Scope::Cib,
            // The set's mark tells its objects in the CIB from another set's.
            needs: Some(SET_FILE),
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        allowed::name(&self.name)
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(traces.nodes().into_iter().map(Node::named).collect())
    }
}

/// Makes the cluster forget nodes, and drops the history of their resources.
pub(super) fn forget(undoer: &Undoer<'_>, items: &[Item<Node>]) -> Batch {
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
    let members: HashSet<&str> = cib.cluster_nodes().into_iter().collect();
    let mut ours = Vec::new();
    for item in items {
        let name = &item.1.name;
        if members.contains(name.as_str()) {
            batch.keep(&item.1, "it is a cluster node, and was not made here");
        } else if others.contains(name) || resources.contains(name.as_str()) {
            // The node is somebody else's guest or remote node by now.
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
    let mut told = Vec::new();
    for (count, name) in names.iter().enumerate() {
        told.push(match left.contains(*name) {
            true => tools::forget_node(undoer.host, name),
            false => Ok(()),
        });
        stage.at(count + 1);
    }
    let still = still_there(undoer, &names);
    for ((item, name), told) in ours.into_iter().zip(told) {
        let result = told.and(match &still {
            Ok(still) if still.contains(name) => Err(Error::failed(
                "crm_node says that it is removed, and the CIB still has it",
            )),
            Ok(_) => Ok(()),
            Err(e) => Err(e.clone()),
        });
        batch.record(item, result);
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

/// Nodes of which the CIB still has an entry or a state, a moment after they were to be forgotten.
fn still_there(undoer: &Undoer<'_>, names: &[&str]) -> Result<HashSet<String>> {
    const PATIENCE: Duration = Duration::from_secs(10);
    if names.is_empty() {
        return Ok(HashSet::new());
    }
    let look = |_: &mut Poll| {
        let cib = tools::query(undoer.host)?;
        let traces = cib.traces_of_nodes();
        let there = names.iter().filter(|name| traces.contains(**name));
        let there: HashSet<String> = there.map(|name| (*name).to_owned()).collect();
        Ok(Seen::ready_if(there.is_empty(), there))
    };
    let mut poll = Poll::every(Duration::from_millis(200), PATIENCE).uninterrupted();
    Ok(match poll.look(look)? {
        Seen::Ready(()) => HashSet::new(),
        Seen::Waiting(there) => there,
    })
}

/// Deletes all entries and states of the nodes at once, on which the controller forgets them
/// (Pacemaker 2.1.5, lib/cluster/membership.c, pcmk__refresh_node_caches_from_cib); attributes went
/// with the connections. Gives back the nodes that the cluster must be asked to forget one by one:
/// all, where they are few, which takes no longer; else those that the controller still knows
/// (3.0.0's does, and writes their states anew).
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
