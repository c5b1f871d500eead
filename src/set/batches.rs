//! Joining many nodes: some at a time, the next ones' containers started while the last ones join.
//!
//! What the cluster does for each change grows with what it knows already, so that the first of
//! many join faster when the others are not there yet; and a scheduler that all wait for at once
//! answers too late for those that watch over it.

use super::{cib, prestart, wait};
use crate::error::Result;
use crate::look::Look;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::config::{Joining, Part};
use crate::plan::{Machine, Set};
use crate::state::State;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::Instant;

/// How many at a time: 400 were online after 110 s in one wave and after 77 s in two; 200 after 27 s
/// in one and after 33 s in two (2 cores, Pacemaker 2.1.5, one run each).
const SIZE: usize = 200;

/// A set on its way into the cluster.
#[derive(Debug)]
pub(crate) struct Batches {
    /// The cluster as it was before.
    pub cib: Rc<Cib>,
    joining: Option<Joining>,
    /// To start before the cluster knows them.
    early: HashSet<String>,
    /// How many of the set are in the cluster after each wave.
    ends: Vec<u32>,
}

impl Batches {
    /// Only of those that are started ahead there are several waves: the others are the cluster's
    /// to start, which is slow enough.
    pub(crate) fn of(
        set: &Set,
        early: Vec<Machine>,
        cib: Rc<Cib>,
        joining: Option<Joining>,
    ) -> Batches {
        let numbers: Vec<u32> = early.iter().map(|g| g.number).collect();
        let several = if joining.is_some() {
            numbers
        } else {
            Vec::new()
        };
        Batches {
            cib,
            joining,
            early: early.into_iter().map(|g| g.name).collect(),
            ends: ends(&several, set.spec.containers),
        }
    }

    /// The first wave.
    pub(crate) fn begin(&self, look: &Look<'_>, state: &mut State, set: &Set) -> Result<()> {
        let first = up_to(set, self.ends[0]);
        prestart::start(look, set, &self.early_of(set, 0))?;
        let joining = self.joining.clone();
        cib::add(look, state, &first, Part::All, &self.cib, joining)?;
        // For the reader.
        cib::write_down(look, state, set, &self.cib)
    }

    /// The others, until all are online.
    pub(crate) fn go_on(&self, look: &Look<'_>, set: &Set, timeout: Option<u64>) -> Result<()> {
        let guests = set.guests();
        let (began, patience) = (Instant::now(), wait::patience(set, timeout));
        let mut stage = look.context.report.stage("online", guests.len());
        for wave in 0..self.ends.len() {
            let more = self.ends.get(wave + 1);
            if more.is_some() {
                prestart::start(look, set, &self.early_of(set, wave + 1))?;
            }
            let joining = &guests[..self.ends[wave] as usize];
            wait::online(look.context, joining, &mut stage, began, patience)?;
            if let (Some(end), Some(joining)) = (more, &self.joining) {
                cib::add_more(look, &up_to(set, *end), &self.cib, joining)?;
            }
        }
        stage.done();
        if self.joining.as_ref().is_some_and(|j| j.others) {
            let early = guests.iter().filter(|g| self.early.contains(&g.name));
            prestart::end_strays(look, &early.collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn early_of(&self, set: &Set, wave: usize) -> Vec<Machine> {
        let begin = if wave == 0 { 0 } else { self.ends[wave - 1] };
        let guests = set.guests().into_iter();
        guests
            .filter(|g| g.number > begin && g.number <= self.ends[wave])
            .filter(|g| self.early.contains(&g.name))
            .collect()
    }
}

/// The number of the last one in each wave of these, the last of all in the last. A last wave of a
/// few would not pay: it is between half a wave and one and a half.
fn ends(early: &[u32], all: u32) -> Vec<u32> {
    let waves = ((early.len() + SIZE / 2) / SIZE).max(1);
    let last_of = |wave: usize| early[wave * SIZE - 1];
    (1..waves).map(last_of).chain([all]).collect()
}

/// The beginning of a set.
fn up_to(set: &Set, end: u32) -> Set {
    let mut first = set.clone();
    first.spec.containers = end;
    first
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn waves_are_of_two_hundred_and_the_last_one_is_no_small_one() {
        let new = |from: u32, to: u32| (from..=to).collect::<Vec<u32>>();
        assert_eq!(ends(&[], 8), [8]);
        assert_eq!(ends(&new(1, 299), 299), [299]);
        assert_eq!(ends(&new(1, 300), 300), [200, 300]);
        assert_eq!(ends(&new(1, 499), 499), [200, 499]);
        assert_eq!(ends(&new(1, 1000), 1000), [200, 400, 600, 800, 1000]);
        // Of a set that grows, the new ones count.
        assert_eq!(ends(&new(101, 500), 500), [300, 500]);
        assert_eq!(ends(&new(401, 420), 420), [420]);
    }
}
