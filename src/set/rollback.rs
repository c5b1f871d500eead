//! Putting back what a run did to a set, and returning to the set as it was before the run.

use super::{adjust, cib, make};
use crate::change::{Change, InCib};
use crate::error::{Error, Kind, Result};
use crate::look::Look;
use crate::pacemaker::tools;
use crate::plan::Set;
use crate::spec::Former;
use crate::state::{self, State};

/// Puts back what this run did, including the set file.
pub(crate) fn roll_back(look: &Look<'_>, state: &mut State, cause: Error) -> Error {
    let error = state.put_back(look.context, cause);
    // The rest of the journal belongs to the set as it was before the run.
    match (state.before.clone(), state::load_set(&state.dir)) {
        (Some(before), Ok(Some(now))) if before != now => match back_to(look, state, &before, &now)
        {
            Ok(()) => error,
            Err(e) => error
                .detail(format!(
                    "going back to {} before: {e}",
                    before.spec.containers
                ))
                .with_kind(Kind::LeftBehind),
        },
        _ => error,
    }
}

/// Undoes changes that a larger or richer set made to things that both sets have: the hosts block
/// and the CIB's constraints.
fn back_to(look: &Look<'_>, state: &mut State, before: &Set, now: &Set) -> Result<()> {
    let before = &Set {
        former: Former::between(&now.spec, &now.former, &before.spec),
        ..before.clone()
    };
    state.save_set(before)?;
    if before.spec.hosts {
        make::add_hosts(state, before)?;
    }
    let joined = state
        .journal
        .outstanding()
        .any(|(_, change)| matches!(change, Change::Cib(InCib::CibObject(_))));
    if !joined {
        return Ok(());
    }
    let cib = tools::query(&look.context.host)?;
    cib::add_again(look, state, before, &cib)?;
    adjust::adjust(look, state, before, None)
}
