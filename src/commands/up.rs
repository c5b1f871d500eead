//! `up`: generate, start the network, add to the CIB, and wait until every node is online; on a
//! set that is there already, only the difference.

use super::choose::Choice;
use super::generate::{Prepared, make_everywhere, prepare, roll_back};
use super::passing::{self, Passing};
use super::share::Shared;
use super::waves::Waves;
use super::{Context, admission, ahead, join, preview};
use crate::cli::{Shape, Share};
use crate::error::{Kind, Result};
use crate::host::{lock, users};
use crate::pacemaker::config::Part;
use crate::pacemaker::tools;
use crate::report::count;
use crate::state::State;

/// # Errors
/// What is missing, before anything is touched; what failed, after it was put back; or
/// [`Kind::NotOnline`].
pub(super) fn run(
    context: &Context,
    shape: &Shape,
    share: &Share,
    timeout: Option<u64>,
    gentle: bool,
) -> Result<()> {
    if context.common.dry_run {
        return preview::run(context, shape, share, preview::With::Up);
    }
    users::require_root("up")?;
    let host_lock = lock::host()?;
    let Prepared {
        choice,
        mut state,
        mut shared,
    } = prepare(context, shape, share, |choice, _| {
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
            if context.common.json {
                return super::status::run(context);
            }
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
) -> Result<Waves> {
    let set = &choice.set;
    passing::end(context, state, set)?;
    let home = join::home(context, set)?;
    let passing = Passing::of(set, &home, &tools::query(&context.host)?, gentle);
    passing.raise(context, state)?;
    make_everywhere(context, state, choice, shared)?;
    context.host.check_interrupt()?;
    admission::check_version(context, set)?;
    let cib = tools::query(&context.host)?;
    let early = ahead::of(context, set, &cib)?;
    let waves = Waves::of(set, early, cib, passing.joining);
    join::intend(state, set, Part::All, &waves.cib)?;
    waves.begin(context, state, set)?;
    Ok(waves)
}

fn wait_for_all(
    context: &Context,
    state: &mut State,
    choice: &Choice,
    waves: &Waves,
    timeout: Option<u64>,
) -> Result<()> {
    let joined = waves.go_on(context, &choice.set, timeout);
    match (joined, passing::end(context, state, &choice.set)) {
        (joined, Ok(())) => joined,
        // The nodes are there, and stay.
        (Ok(()), Err(left)) => {
            Err(left.context("all nodes are online, but what was changed for the join"))
        }
        (Err(e), Err(left)) => Err(e.details(left.detail_lines().to_vec())),
    }
}
