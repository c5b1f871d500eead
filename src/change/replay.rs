//! Undoing the journal backwards.

use super::kinds::Group;
use super::outcome::{Batch, Item};
use super::{Change, Journal, Outcome, Rank};
use super::{daemon, domain, in_cib, inside, kernel, network, node, outside, peers, put_back};
use crate::context::Context;
use crate::host::Host;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::config::Easing;
use crate::plan::Set;
use crate::report::Report;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

/// The circumstances under which changes are undone.
#[derive(Debug)]
pub struct Undoer<'a> {
    /// This host, to run programs on.
    pub host: &'a Host,
    /// Where progress is reported.
    pub report: &'a Report,
    /// Path of the state directory.
    pub state_dir: &'a Path,
    /// The set's own mark in the CIB, when it is known: objects with another mark are not ours. Else the
    /// state directory tells them.
    pub set_mark: Option<String>,
    /// Whether the cluster is known to be down: its changes are reported as left, and the rest is
    /// undone.
    pub cluster_down: bool,
    /// How long to wait for resources to stop.
    pub stop_timeout: Duration,
    /// Whether the set's containers are guest nodes of this node alone.
    pub stays_here: bool,
    /// How the set's CIB objects differ while the cluster stops many of them, when the journal
    /// knows.
    pub easing: Option<Easing>,
    /// Names of other nodes that will not come back, and are not asked.
    pub forget: Vec<String>,
    /// Options of ssh for all other nodes; when empty, each node's record has its own.
    pub ssh_options: Vec<String>,
}

impl<'a> Undoer<'a> {
    /// For the state directory of this context, and the set in it if there is one.
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
    /// A journal that cannot be written, because of a full disk for instance, stops nothing either:
    /// the undone changes are written down when they can be, and if not, the next run finds them
    /// undone.
    pub fn replay(&self, journal: &mut Journal, select: impl Fn(u64, &Change) -> bool) -> Outcome {
        let selected = journal.outstanding().filter(|(seq, it)| select(*seq, it));
        let items: Vec<Item<Change>> = selected.map(|(seq, it)| (seq, it.clone())).collect();
        let mut outcome = Outcome::default();
        let items = self.allowed(items, &mut outcome);
        let mut unwritten = Vec::new();
        for group in Group::all(&items) {
            if group.rank() == Rank::StateDir {
                // Files are gone by now, and with them a disk's fullness.
                unwritten.extend(self.again(&items, &mut outcome));
                outcome.remains.extend(journal.unreadable());
            }
            let undone = outcome.add_batch(self.undo(&group, &outcome));
            if group.rank() == Rank::StateDir && !undone.is_empty() {
                // The journal was removed with its directory.
                unwritten.clear();
                continue;
            }
            unwritten.extend(undone);
            if journal.undone(&unwritten).is_ok() {
                unwritten.clear();
            }
            if group.rank() == Rank::Cib && !outcome.remains.is_empty() && !self.cluster_down {
                // The cluster would recover resources that still run if their containers were taken
                // away.
                outcome
                    .remains
                    .push("the containers, their network and files, until then".into());
                break;
            }
        }
        if let Err(e) = journal.undone(&unwritten) {
            outcome.remains.push(e.to_string().replace('\n', ";"));
        }
        outcome
    }

    /// Once more undoes what there was no room for, and what had to stay for it: what is put back is
    /// written anew, and files that the same cleanup removes later may be what filled the disk.
    fn again(&self, items: &[Item<Change>], outcome: &mut Outcome) -> Vec<u64> {
        let mut again = outcome.take_lacking_room();
        if again.is_empty() {
            return Vec::new();
        }
        let files = items.iter().filter(|(_, it)| it.rank() == Rank::Inside);
        again.extend(files.filter(|item| outcome.passed_over(item)).cloned());
        let mut undone = Vec::new();
        for group in Group::all(&again) {
            undone.extend(outcome.add_batch(self.undo(&group, outcome)));
        }
        undone
    }

    /// The items that may be undone. The others stay, and are reported.
    fn allowed(&self, mut items: Vec<Item<Change>>, outcome: &mut Outcome) -> Vec<Item<Change>> {
        let mut refused = Batch::default();
        items.retain(|(_, change)| match change.check(self.state_dir) {
            Ok(()) => true,
            Err(e) => {
                refused.keep(change, e.message());
                false
            }
        });
        outcome.add_batch(refused);
        items
    }

    pub(super) fn of_other_sets(&self, cib: &Cib) -> HashSet<String> {
        match &self.set_mark {
            Some(mark) => cib.of_other_sets(mark),
            None => cib.of_sets_elsewhere(self.state_dir),
        }
    }

    fn undo(&self, group: &Group, so_far: &Outcome) -> Batch {
        match group {
            Group::Cib(items) => in_cib::remove(self, items),
            Group::Nodes(items) => node::forget(self, items),
            Group::Properties(items) => put_back::restore(self, items),
            Group::Peers(items) => peers::undo(self, items),
            Group::Daemons(items) => daemon::end(self, items),
            Group::Domains(items) => domain::destroy(self, items),
            Group::Network(items) => network::remove(self, items),
            Group::Kernel(items) => kernel::restore(self, items, so_far.remains.is_empty()),
            Group::Outside(items) => outside::restore(self, items, so_far),
            Group::Inside(items) => inside::remove(self, items, so_far),
            Group::StateDir(items) => super::state_dir::remove(items, so_far),
        }
    }
}
