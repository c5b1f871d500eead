//! `up`: generate, start the network, add to the CIB, and wait until every node is online; on a
//! set that is there already, only the difference.

use super::choose::Choice;
use super::generate::{Prepared, make_everywhere, prepare, roll_back};
use super::passing::{self, Passing};
use super::share::Shared;
use super::{Context, join, preview, wait};
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
        join::check(context, &choice.set).map(drop)
    })?;
    let joined = join_all(context, &mut state, &choice, &mut shared, gentle);
    if let Err(e) = joined {
        let e = shared.put_back(&mut state, e);
        return Err(roll_back(context, &mut state, e));
    }
    // Names and subnet are taken now: another set may choose its own, here and on the others.
    drop(host_lock);
    let joined = shared
        .settle()
        .and_then(|()| wait_for_all(context, &mut state, &choice, timeout));
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

fn join_all(
    context: &Context,
    state: &mut State,
    choice: &Choice,
    shared: &mut Shared,
    gentle: bool,
) -> Result<()> {
    make_everywhere(context, state, choice, shared)?;
    context.host.check_interrupt()?;
    join::check_version(context, &choice.set)?;
    passing::end(context, state, &choice.set)?;
    let cib = tools::query(&context.host)?;
    let passing = Passing::of(&choice.set, &cib, gentle);
    join::add(context, state, &choice.set, Part::All, &cib, &passing)
}

fn wait_for_all(
    context: &Context,
    state: &mut State,
    choice: &Choice,
    timeout: Option<u64>,
) -> Result<()> {
    let joined = wait::online(context, &choice.set, timeout);
    match (joined, passing::end(context, state, &choice.set)) {
        (joined, Ok(())) => joined,
        // The nodes are there, and stay.
        (Ok(()), Err(left)) => {
            Err(left.context("all nodes are online, but what was changed for the join"))
        }
        (Err(e), Err(left)) => Err(e.details(left.detail_lines().to_vec())),
    }
}
