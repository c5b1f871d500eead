//! The outcome of undoing changes.

use super::Change;
use crate::error::{Error, Result};
use std::collections::HashSet;

/// An outstanding change and its number in the journal.
pub(super) type Item<T> = (u64, T);

/// The changes that stay and why, and the number of those that were undone.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Why changes stay, a line each.
    pub remains: Vec<String>,
    /// The changes that stay.
    kept: Vec<Change>,
    /// Of these, those that there was no room to undo, each with its number and its line.
    lacks_room: Vec<(u64, Change, String)>,
    /// The journal's numbers of the changes that were undone.
    numbers: HashSet<u64>,
    /// How many changes were undone.
    pub undone: usize,
}

impl Outcome {
    /// Adds the outcome of other nodes: changes undone, and reasons why others stay.
    pub fn add(&mut self, undone: usize, remains: Vec<String>) {
        self.undone += undone;
        self.remains.extend(remains);
    }

    /// Adds a batch's outcome, and gives back the journal's numbers of the changes that it undid.
    pub(super) fn add_batch(&mut self, batch: Batch) -> Vec<u64> {
        self.undone += batch.undone.len();
        self.remains.extend(batch.remains);
        self.kept.extend(batch.kept);
        self.lacks_room.extend(batch.lacks_room);
        self.numbers.extend(&batch.undone);
        batch.undone
    }

    /// The changes that stay only because there was no room. They count as not asked yet: other changes
    /// may have made some since.
    pub(super) fn take_lacking_room(&mut self) -> Vec<Item<Change>> {
        let mut again = Vec::new();
        for (seq, change, reason) in self.lacks_room.drain(..) {
            self.remains.retain(|line| *line != reason);
            self.kept.retain(|kept| *kept != change);
            again.push((seq, change));
        }
        again
    }

    /// Whether this change has neither been undone nor had a reason to stay of its own: it was passed
    /// over for the sake of another.
    pub(super) fn passed_over(&self, item: &Item<Change>) -> bool {
        !self.numbers.contains(&item.0) && !self.kept.contains(&item.1)
    }

    /// Whether this container's domain stays.
    pub(super) fn domain_stays(&self, name: &str) -> bool {
        let its = |kept: &Change| matches!(kept, Change::Domains(it) if it.name == name);
        self.kept.iter().any(its)
    }

    /// Whether a change that stays needs this file of the state directory when it is undone later.
    pub(super) fn needs(&self, file: &str) -> bool {
        self.kept.iter().any(|kept| kept.needs(file))
    }

    /// The number of changes undone, or the error that lists those that stay.
    ///
    /// # Errors
    /// [`crate::error::Kind::LeftBehind`] with the list.
    pub fn into_result(self) -> Result<usize> {
        if self.remains.is_empty() {
            return Ok(self.undone);
        }
        Err(
            Error::new(crate::error::Kind::LeftBehind, "something is left behind")
                .details(self.remains)
                .mend(
                    "mend what is named, then run lxc-autogen cleanup again: the journal remembers",
                ),
        )
    }
}

/// The outcome of one rank: the journal's numbers of changes that were undone, and why the others
/// stay.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) undone: Vec<u64>,
    pub(super) remains: Vec<String>,
    pub(super) kept: Vec<Change>,
    lacks_room: Vec<(u64, Change, String)>,
}

impl Batch {
    /// Undoes the items one by one, going on past a failure.
    pub(super) fn of_each<T: Clone + Into<Change>>(
        items: &[Item<T>],
        undo: impl Fn(&T) -> Result<()>,
    ) -> Batch {
        let mut batch = Batch::default();
        for item in items {
            batch.record(item, undo(&item.1));
        }
        batch
    }

    pub(super) fn keep<T: Clone + Into<Change>>(&mut self, it: &T, why: impl std::fmt::Display) {
        let change: Change = it.clone().into();
        self.remains.push(format!("{}: {why}", change.key()));
        self.kept.push(change);
    }

    pub(super) fn record<T: Clone + Into<Change>>(&mut self, item: &Item<T>, result: Result<()>) {
        match result {
            Ok(()) => self.undone.push(item.0),
            Err(e) => {
                self.keep(&item.1, e.to_string().replace('\n', ";"));
                if let (true, Some(line)) = (e.lacks_room(), self.remains.last()) {
                    let change = item.1.clone().into();
                    self.lacks_room.push((item.0, change, line.clone()));
                }
            }
        }
    }

    /// Keeps all items for one reason, and names the first of them.
    pub(super) fn keep_all<T: Clone + Into<Change>>(&mut self, items: &[Item<T>], why: &Error) {
        const NAMED: usize = 8;
        let changes = items.iter().map(|(_, it)| it.clone().into());
        let changes: Vec<Change> = changes.collect();
        let named = changes.iter().take(NAMED);
        let lines = named.map(|change| format!("{}: {}", change.key(), why.message()));
        self.remains.extend(lines);
        if changes.len() > NAMED {
            let more = changes.len() - NAMED;
            self.remains
                .push(format!("and {more} more, for this reason"));
        }
        self.remains.extend_from_slice(why.detail_lines());
        self.kept.extend(changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::EmptyDir;

    #[test]
    fn one_reason_for_many_names_the_first_of_them() {
        let directory = |number: u64| {
            let path = format!("/var/log/{number}").into();
            (number, EmptyDir { path })
        };
        let why = Error::failed("crm_node --list exited with 102")
            .details(["Lost connection to controller".to_owned()]);
        let kept = |many: u64| {
            let mut batch = Batch::default();
            batch.keep_all(&(1..=many).map(directory).collect::<Vec<_>>(), &why);
            assert_eq!(batch.kept.len() as u64, many);
            batch.remains
        };
        assert_eq!(
            kept(1),
            [
                "directory /var/log/1: crm_node --list exited with 102",
                "Lost connection to controller"
            ]
        );
        let thousand = kept(1000);
        assert_eq!(thousand.len(), 10);
        assert_eq!(thousand[8], "and 992 more, for this reason");
    }
}
