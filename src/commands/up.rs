//! `up`: generate, start the network, add to the CIB, and wait until every node is online; on a
//! set that is there already, only the difference.

use super::choose::{Choice, choose};
use super::generate::{prepare, roll_back};
use super::passing::{self, Passing};
use super::{Context, join, make, preview, shrink, wait};
use crate::cli::Shape;
use crate::error::{Kind, Result};
use crate::host::lock::{self, Lock};
use crate::host::users;
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
    timeout: Option<u64>,
    gentle: bool,
) -> Result<()> {
    if context.common.dry_run {
        let choice = choose(context, shape, preview::saved(context)?.as_ref())?;
        return preview::print(context, &choice, preview::With::Up);
    }
    users::require_root("up")?;
    let host_lock = lock::host()?;
    let (choice, mut state) = prepare(context, shape, |choice, _| {
        join::check(context, &choice.set).map(drop)
    })?;
    match up(context, &mut state, &choice, host_lock, timeout, gentle) {
        Ok(()) => {
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
        Err(e) => Err(roll_back(context, &mut state, e)),
    }
}

fn up(
    context: &Context,
    state: &mut State,
    choice: &Choice,
    host_lock: Lock,
    timeout: Option<u64>,
    gentle: bool,
) -> Result<()> {
    shrink::shrink(context, state, choice)?;
    make::make(context, state, choice)?;
    context.host.check_interrupt()?;
    join::check_version(context, &choice.set)?;
    passing::end(context, state, &choice.set)?;
    let cib = tools::query(&context.host)?;
    let passing = Passing::of(&choice.set, &cib, gentle);
    join::add(context, state, &choice.set, Part::All, &cib, &passing)?;
    // Names and subnet are taken now: another set may choose its own.
    drop(host_lock);
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
