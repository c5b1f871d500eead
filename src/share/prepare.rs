//! Preparing and making a set on this node and the other nodes of its group: all of them check it
//! before any of them makes it.

use super::Shared;
use crate::checks::{admission, virtual_host};
use crate::error::Result;
use crate::host::{hosts, users};
use crate::look::Look;
use crate::plan::Set;
use crate::set::resolve::{Choice, choose};
use crate::set::steps::{Goal, Present, Steps};
use crate::set::{adjust, cib, make, shrink};
use crate::spec::{Sharing, Spec, Wanted, check_sharing};
use crate::state::State;
use std::path::Path;

/// A set to be made that this node and the others can make; nothing is changed yet.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The chosen set, and the package to fetch for it.
    pub choice: Choice,
    /// The state directory, locked.
    pub state: State,
    /// The other nodes that take part, locked.
    pub shared: Shared,
    /// The steps to carry out.
    pub steps: Steps,
}

/// Chooses the set and lets `check` object before anything is changed; then opens the state
/// directory.
pub(crate) fn prepare(
    look: &Look<'_>,
    wanted: &Wanted,
    sharing: &Sharing,
    goal: Goal,
    check: impl Fn(&Choice, Option<&State>) -> Result<()>,
) -> Result<Prepared> {
    users::haclient()?;
    // Only a state directory that is there can be locked before the steps are known. A new one is
    // made after all checks, so that a refusal leaves nothing behind.
    let state = State::open(&look.context.state_dir)?;
    let saved = state.as_ref().and_then(|s| s.set.as_ref());
    check_sharing(wanted, sharing, saved.map(|set| &set.spec))?;
    let mut shared = Shared::open(look.context, sharing, saved)?;
    let mut choice = choose(look, wanted, saved, &shared.elsewhere())?;
    choice.set.nodes = shared.nodes();
    adjust::refuse_shared(&choice.set)?;
    if goal != Goal::Online {
        adjust::refuse_but_by_up(&choice.set)?;
    }
    make::check_key(&choice.set)?;
    if choice.set.spec.hosts {
        hosts::check(Path::new(hosts::PATH))?;
    }
    check_vms(look, &choice.set, saved)?;
    check(&choice, state.as_ref())?;
    if choice.fetch.is_none() {
        admission::check_version(look, &choice.set)?;
    }
    shared.prepare(&choice.set)?;
    if let (Some(vms), None) = (&choice.set.spec.vms, saved) {
        // Last, since it fetches a kernel and can take a while.
        choice.set.kvm = virtual_host::kvm(look.context, &vms.kernel, None)?;
    }
    let steps = Steps::of(&choice, goal, &Present::of(&choice.set, saved));
    let mut state = match state {
        Some(state) => state,
        None => State::open_or_make(&look.context.state_dir)?,
    };
    if let Err(e) = cib::adopt(look, &mut state).and_then(|()| shared.announce(&mut state)) {
        return Err(state.put_back(look.context, e));
    }
    Ok(Prepared {
        choice,
        state,
        shared,
        steps,
    })
}

/// Refuses virtual machines that this host cannot run.
fn check_vms(look: &Look<'_>, set: &Set, saved: Option<&Set>) -> Result<()> {
    if set.spec.vms.is_none() {
        return Ok(());
    }
    virtual_host::check(look.context, !set.spec.binds.is_empty())?;
    let of = |spec: &Spec| (spec.count(), spec.memory_mib);
    virtual_host::check_memory(of(&set.spec), saved.map_or((0, 0), |set| of(&set.spec)))
}

/// Makes everything but the CIB, on this node and the others.
///
/// # Errors
/// When a part fails on any of the nodes.
pub(crate) fn make_everywhere(
    look: &Look<'_>,
    state: &mut State,
    choice: &Choice,
    shared: &mut Shared,
    steps: &Steps,
) -> Result<()> {
    shrink::shrink(look, state, choice)?;
    shared.take_key(state)?;
    if !shared.is_alone() {
        // The cluster may run containers on this node whichever node adds them to the CIB.
        state.journal.intend(cib::left_here(&choice.set))?;
    }
    shared.realise(&look.context.host, &choice.set, || {
        make::make(look, state, &choice.set, steps)
    })
}
