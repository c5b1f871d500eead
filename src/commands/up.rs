//! `up`: generate, start the network, add to the CIB, and wait until every node is online; on a
//! set that is there already, only the difference.

use crate::checks::admission;
use crate::context::Context;
use crate::error::{Kind, Result};
use crate::host::{lock, users};
use crate::pacemaker::config::Part;
use crate::pacemaker::tools;
use crate::report::count;
use crate::set::batches::Batches;
use crate::set::easing::{self, Passing};
use crate::set::resolve::Choice;
use crate::set::rollback::roll_back;
use crate::set::{cib, prestart, preview};
use crate::share::{Prepared, Shared, make_everywhere, prepare};
use crate::spec::{Sharing, Wanted};
use crate::state::State;

/// # Errors
/// What is missing, before anything is touched; what failed, after it was put back; or
/// [`Kind::NotOnline`].
pub(super) fn run(
    context: &Context,
    wanted: &Wanted,
    sharing: &Sharing,
    timeout: Option<u64>,
    gentle: bool,
) -> Result<()> {
    if context.options.dry_run {
        return preview::run(context, wanted, sharing, preview::With::Up);
    }
    users::require_root("up")?;
    let host_lock = lock::host()?;
    let Prepared {
        choice,
        mut state,
        mut shared,
    } = prepare(context, wanted, sharing, |choice, _| {
        admission::check(context, &choice.set).map(drop)
    })?;
    let joined = join_all(context, &mut state, &choice, &mut shared, gentle);
    let joined = match joined {
        Err(e) => {
            let e = shared.put_back(&mut state, e);
            return Err(roll_back(context, &mut state, e));
        }
        joined => joined,
    };
    // Names and subnet are taken now: another set may choose its own, here and on the others.
    drop(host_lock);
    let joined = joined.and_then(|waves| {
        shared.settle()?;
        wait_for_all(context, &mut state, &choice, &waves, timeout)
    });
    match joined {
        Ok(()) => {
            drop(shared);
            let number = choice.set.spec.containers as usize;
            context
                .report
                .line(format!("{} online", count(number, "node")));
            Ok(())
        }
        Err(e) if matches!(e.kind, Kind::NotOnline | Kind::LeftBehind) => Err(e),
        Err(e) => {
            let e = shared.put_back(&mut state, e);
            Err(roll_back(context, &mut state, e))
        }
    }
}

/// Makes everything, and has the first nodes join.
fn join_all(
    context: &Context,
    state: &mut State,
    choice: &Choice,
    shared: &mut Shared,
    gentle: bool,
) -> Result<Batches> {
    let set = &choice.set;
    easing::end(context, state, set)?;
    let home = cib::home(context, set)?;
    let passing = Passing::of(set, &home, &tools::query(&context.host)?, gentle);
    passing.raise(context, state)?;
    make_everywhere(context, state, choice, shared)?;
    context.host.check_interrupt()?;
    admission::check_version(context, set)?;
    let before = tools::query(&context.host)?;
    let early = prestart::of(context, set, &before)?;
    let waves = Batches::of(set, early, before, passing.joining);
    cib::intend(state, set, Part::All, &waves.cib)?;
    waves.begin(context, state, set)?;
    Ok(waves)
}

fn wait_for_all(
    context: &Context,
    state: &mut State,
    choice: &Choice,
    waves: &Batches,
    timeout: Option<u64>,
) -> Result<()> {
    let joined = waves.go_on(context, &choice.set, timeout);
    match (joined, easing::end(context, state, &choice.set)) {
        (joined, Ok(())) => joined,
        // The nodes are there, and stay.
        (Ok(()), Err(left)) => {
            Err(left.context("all nodes are online, but what was changed for the join"))
        }
        (Err(e), Err(left)) => Err(e.details(left.detail_lines().to_vec())),
    }
}
