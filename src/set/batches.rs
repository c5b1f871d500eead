//! Joining many nodes: some at a time, the next ones' containers started while the last ones join.
//!
//! The work of the cluster for each change grows with the number of resources it knows, so the
//! first nodes join faster when the others are not in the CIB yet. And one scheduler run over all
//! of them takes so long that pacemakerd takes the scheduler for dead.

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

/// Containers in a wave: 400 were online after 110 s in one wave and after 77 s in two; 200 after
/// 27 s in one and after 33 s in two (2 cores, Pacemaker 2.1.5, one run each).
const SIZE: usize = 200;

/// A set that joins the cluster in waves.
#[derive(Debug)]
pub(crate) struct Batches {
    /// The CIB as it was before the first wave.
    pub cib: Rc<Cib>,
    joining: Option<Joining>,
    /// Names of the containers that are started before the cluster knows them.
    early: HashSet<String>,
    /// How many of the set are in the cluster after each wave.
    ends: Vec<u32>,
    /// Names of the nodes that somebody has disabled, unmanaged or banned: they are not waited for.
    held: HashSet<String>,
}

impl Batches {
    /// Several waves pay only for containers that are started before the cluster knows them: the
    /// cluster starts the others itself, slowly enough.
    pub(crate) fn of(
        set: &Set,
        early: Vec<Machine>,
        cib: Rc<Cib>,
        joining: Option<Joining>,
        held: HashSet<String>,
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
            held,
        }
    }

    /// Starts the first wave's containers and adds them to the CIB.
    pub(crate) fn begin(&self, look: &Look<'_>, state: &mut State, set: &Set) -> Result<()> {
        let first = up_to(set, self.ends[0]);
        prestart::start(look, set, &self.early_of(set, 0))?;
        let joining = self.joining.clone();
        cib::add(look, state, &first, Part::All, &self.cib, joining)?;
        // cib.xml shows the whole set, not the first wave alone.
        cib::write_down(look, state, set, &self.cib)
    }

    /// How many nodes of the set are waited for.
    pub(crate) fn awaited(&self, set: &Set) -> usize {
        let guests = set.guests().into_iter();
        guests.filter(|g| !self.held.contains(&g.name)).count()
    }

    /// Starts and adds the other waves, and waits until all nodes are online.
    pub(crate) fn go_on(&self, look: &Look<'_>, set: &Set, timeout: Option<u64>) -> Result<()> {
        let mut guests = set.guests();
        guests.retain(|g| !self.held.contains(&g.name));
        let (began, patience) = (Instant::now(), wait::patience(set, timeout));
        let mut stage = look.context.report.stage("online", guests.len());
        for wave in 0..self.ends.len() {
            let more = self.ends.get(wave + 1);
            if more.is_some() {
                prestart::start(look, set, &self.early_of(set, wave + 1))?;
            }
            let end = guests.partition_point(|g| g.number <= self.ends[wave]);
            wait::online(look.context, &guests[..end], &mut stage, began, patience)?;
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

/// The number of the last container of each wave; the last wave ends with the last container of
/// all. A last wave of only a few would not pay, so it has between half and one and a half times
/// the usual size.
fn ends(early: &[u32], all: u32) -> Vec<u32> {
    let waves = ((early.len() + SIZE / 2) / SIZE).max(1);
    let last_of = |wave: usize| early[wave * SIZE - 1];
    (1..waves).map(last_of).chain([all]).collect()
}

/// The set cut down to its first `end` containers.
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
