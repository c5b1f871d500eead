//! The journal, backwards.

use super::kinds::Group;
use super::outcome::{Batch, Item};
use super::{Change, Journal, Outcome, Rank};
use super::{daemon, domain, in_cib, inside, kernel, network, node, outside, peers, property};
use crate::context::Context;
use crate::host::Host;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::config::Easing;
use crate::plan::Set;
use crate::report::Report;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

/// What undoing needs to know.
#[derive(Debug)]
pub struct Undoer<'a> {
    /// The door to the host.
    pub host: &'a Host,
    /// Progress.
    pub report: &'a Report,
    /// The state directory.
    pub state_dir: &'a Path,
    /// The set's own mark in the CIB, when it is known: what has another is not ours.
    pub set_mark: Option<String>,
    /// The cluster is known to be down: what it keeps is reported, and the rest undone.
    pub cluster_down: bool,
    /// How long to wait for resources to stop.
    pub stop_timeout: Duration,
    /// The set's containers are guest nodes of this node alone.
    pub stays_here: bool,
    /// What makes it easier for the cluster to stop many, when the journal knows of it.
    pub easing: Option<Easing>,
    /// Other nodes that will not come back.
    pub forget: Vec<String>,
    /// How other nodes are reached, when not as they were before.
    pub ssh_options: Vec<String>,
}

impl<'a> Undoer<'a> {
    /// For the state directory of this context, and the set in it where there is one.
    pub fn of(context: &'a Context, set: Option<&Set>) -> Undoer<'a> {
        Undoer {
            host: &context.host,
            report: &context.report,
            state_dir: &context.state_dir,
            set_mark: set.map(Set::mark),
            cluster_down: false,
            stop_timeout: Duration::from_secs(180),
            stays_here: set.is_some_and(Set::stays_here),
            easing: None,
            forget: Vec::new(),
            ssh_options: Vec::new(),
        }
    }
}

impl Undoer<'_> {
    /// Undoes every outstanding change that `select` picks.
    ///
    /// That the journal cannot be written, on a full disk for one, stops nothing either: what was
    /// undone is written down when it can be, and found undone by the next run if not.
    pub fn replay(&self, journal: &mut Journal, select: impl Fn(u64, &Change) -> bool) -> Outcome {
        let selected = journal.outstanding().filter(|(seq, it)| select(*seq, it));
        let items: Vec<Item<Change>> = selected.map(|(seq, it)| (seq, it.clone())).collect();
        let mut outcome = Outcome::default();
        let mut unwritten = Vec::new();
        for group in Group::all(&items) {
            let undone = outcome.add_batch(self.undo(&group, &outcome));
            if group.rank() == Rank::StateDir && !undone.is_empty() {
                // The journal went with its directory.
                unwritten.clear();
                continue;
            }
            unwritten.extend(undone);
            if journal.undone(&unwritten).is_ok() {
                unwritten.clear();
            }
            if group.rank() == Rank::Cib && !outcome.remains.is_empty() && !self.cluster_down {
                // Taking the containers from under resources that still run would only make the
                // cluster recover them.
                outcome
                    .remains
                    .push("the containers, their network and files, until then".into());
                break;
            }
        }
        if let Err(e) = journal.undone(&unwritten) {
            outcome.remains.push(e.message().to_owned());
        }
        outcome
    }

    pub(super) fn of_other_sets(&self, cib: &Cib) -> HashSet<String> {
        let mark = self.set_mark.as_deref();
        mark.map(|mark| cib.of_other_sets(mark)).unwrap_or_default()
    }

    fn undo(&self, group: &Group, so_far: &Outcome) -> Batch {
        match group {
            Group::Cib(items) => in_cib::remove(self, items),
            Group::Nodes(items) => node::forget(self, items),
            Group::Properties(items) => property::restore(self, items),
            Group::Peers(items) => peers::undo(self, items),
            Group::Daemons(items) => daemon::end(items),
            Group::Domains(items) => domain::destroy(self, items),
            Group::Network(items) => network::remove(self, items),
            Group::Kernel(items) => kernel::restore(self, items, so_far.remains.is_empty()),
            Group::Outside(items) => outside::restore(self, items, so_far),
            Group::Inside(items) => inside::remove(self, items, so_far),
            Group::StateDir(items) => super::state_dir::remove(items, so_far),
        }
    }
}
