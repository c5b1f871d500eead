//! `up`: generate, start the network, add to the CIB, and wait until every node is online; on a
//! set that is there already, only the difference.

use super::choose::{Choice, choose};
use super::generate::{prepare, roll_back};
use super::join::Passing;
use super::{Context, join, make, preview, shrink, wait};
use crate::cli::Shape;
use crate::error::{Kind, Result};
use crate::host::lock::{self, Lock};
use crate::host::users;
use crate::journal::Undo;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::config::{self, Part};
use crate::pacemaker::{throttle, tools};
use crate::plan::Set;
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
    let (choice, mut state) = prepare(context, shape, |choice| {
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
        Err(e) if e.kind == Kind::NotOnline => Err(e),
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
    end_passing(context, state, &choice.set)?;
    let cib = tools::query(&context.host)?;
    // Names and subnet are taken now: another set may choose its own.
    drop(host_lock);
    let news = !all_online(&choice.set, &cib);
    let passing = Passing {
        unprobed: news,
        raises: if news && !gentle {
            throttle::raises(&cib)
        } else {
            Vec::new()
        },
    };
    join::add(context, state, &choice.set, Part::All, &cib, &passing)?;
    let joined = wait::online(context, &choice.set, timeout);
    let ended = end_passing(context, state, &choice.set);
    joined.and(ended)
}

fn all_online(set: &Set, cib: &Cib) -> bool {
    let (ids, connected) = (cib.ids(), cib.connected());
    set.guests()
        .iter()
        .all(|g| ids.contains(g.resource.as_str()) && connected.contains(&g.name))
}

/// Never for longer than the join: what was changed for it goes back before `up` ends, and what a
/// killed run left before the next one begins.
fn end_passing(context: &Context, state: &mut State, set: &Set) -> Result<()> {
    let unprobed = config::unprobed_id(&set.tag());
    let passing = |_: u64, undo: &Undo| match undo {
        Undo::Throttle { .. } => true,
        Undo::CibObject { id } => *id == unprobed,
        _ => false,
    };
    let outcome = context
        .undoer(state.set.as_ref())
        .replay(&mut state.journal, passing)?;
    outcome.into_result().map(drop)
}
