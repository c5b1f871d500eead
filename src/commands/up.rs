//! `up`: generate, start the network, add to the CIB, and wait until every node is online; on a
//! set that is there already, only the difference.

use crate::checks::{admission, outlook};
use crate::context::Context;
use crate::error::{Kind, Result};
use crate::host::users;
use crate::look::Look;
use crate::pacemaker::config::Part;
use crate::report::count;
use crate::set::batches::Batches;
use crate::set::easing::{self, Manner, Passing};
use crate::set::resolve::Choice;
use crate::set::rollback::roll_back;
use crate::set::steps::{Goal, Steps};
use crate::set::{adjust, cib, held, prestart, preview};
use crate::share::{Prepared, Shared, make_everywhere, prepare};
use crate::spec::{Sharing, Wanted};
use crate::state::{State, turn};
use std::slice::from_ref;

/// # Errors
/// An objection, before anything is changed; a failure, after the changes were undone; or
/// [`Kind::NotOnline`].
pub(super) fn run(
    context: &Context,
    wanted: &Wanted,
    sharing: &Sharing,
    timeout: Option<u64>,
    manner: Manner,
) -> Result<()> {
    let keep_mine = manner.keep_mine;
    if context.options.dry_run {
        let look = Look::new(context);
        preview::run(&look, wanted, sharing, Goal::Online)?;
        return preview::foresee(&look, wanted, keep_mine);
    }
    users::require_root("up")?;
    let host_lock = turn::host(context, from_ref(&context.state_dir))?;
    let look = Look::new(context);
    let Prepared {
        choice,
        mut state,
        mut shared,
        steps,
    } = prepare(&look, wanted, sharing, Goal::Online, |choice, _| {
        admission::check(&look, &choice.set)?;
        held::check(&look, &choice.set, &manner.enable)?;
        outlook::check(&look, &choice.set, keep_mine)
    })?;
    if wanted.containers.is_some() {
        held::say_removed(&look, &choice.set);
    }
    let joined = join_all(&look, &mut state, &choice, &mut shared, &steps, manner);
    let joined = match joined {
        Err(e) => {
            let e = shared.put_back(&mut state, e);
            return Err(roll_back(&look, &mut state, e));
        }
        joined => joined,
    };
    // Names and subnet are taken now: another run may choose its own, on this node and the others.
    drop(host_lock);
    let joined = joined.and_then(|batches| {
        shared.settle()?;
        wait_for_all(&look, &mut state, &choice, &batches, timeout)?;
        adjust::adjust(&look, &mut state, &choice.set, timeout)?;
        Ok(batches.awaited(&choice.set))
    });
    match joined {
        Ok(number) => {
            drop(shared);
            context
                .report
                .line(format!("{} online", count(number, "node")));
            Ok(())
        }
        Err(e) if matches!(e.kind, Kind::NotOnline | Kind::LeftBehind) => Err(e),
        Err(e) => {
            let e = shared.put_back(&mut state, e);
            Err(roll_back(&look, &mut state, e))
        }
    }
}

/// Makes everything, and has the nodes of the first wave join.
fn join_all(
    look: &Look<'_>,
    state: &mut State,
    choice: &Choice,
    shared: &mut Shared,
    steps: &Steps,
    manner: Manner,
) -> Result<Batches> {
    let set = &choice.set;
    easing::end(look, state, set)?;
    held::enable(look, set, &manner.enable)?;
    let mut held = held::of(look, set)?;
    held::say(look, &held);
    let connected = look.cib()?.connected();
    // One that has just been disabled or banned may be connected still, and will not be for long.
    held.retain(|it| it.leaves() || !connected.contains(&it.node));
    let held = held::names(&held);
    let home = cib::home(look, set)?;
    if manner.keep_mine {
        cib::keep_mine(look, state, set)?;
    }
    let passing = Passing::of(set, &home, &*look.cib()?, manner, &held);
    passing.raise(look.context, state)?;
    make_everywhere(look, state, choice, shared, steps)?;
    look.context.host.check_interrupt()?;
    if choice.fetch.is_some() {
        // A fetched daemon is there only now.
        admission::check_version(look, set)?;
    }
    let before = look.cib()?;
    let mut early = prestart::of(look, set, &before)?;
    early.retain(|guest| !held.contains(&guest.name));
    let batches = Batches::of(set, early, before, passing.joining, held);
    cib::intend(state, set, Part::All, &batches.cib)?;
    batches.begin(look, state, set)?;
    Ok(batches)
}

fn wait_for_all(
    look: &Look<'_>,
    state: &mut State,
    choice: &Choice,
    batches: &Batches,
    timeout: Option<u64>,
) -> Result<()> {
    let joined = batches.go_on(look, &choice.set, timeout);
    // The set's primitives are in the CIB by now.
    look.cib_has_changed();
    match (joined, easing::end(look, state, &choice.set)) {
        (joined, Ok(())) => joined,
        // The nodes are online, and stay.
        (Ok(()), Err(left)) => {
            Err(left.context("all nodes are online, but what was changed for the join"))
        }
        (Err(e), Err(left)) => Err(e.details(left.detail_lines().to_vec())),
    }
}
