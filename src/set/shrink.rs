//! Taking away the containers that a smaller number leaves out, properly: stopped, out of the
//! CIB, forgotten, destroyed, removed.

use super::resolve::Choice;
use crate::change::{Change, InCib, Undoer};
use crate::error::{Context as _, Kind, Result};
use crate::host::files;
use crate::look::Look;
use crate::pacemaker::{config, tools};
use crate::plan::Set;
use crate::report::in_short;
use crate::state::State;
use std::collections::BTreeSet;

/// Removes every container that the journal has and the chosen set does not.
///
/// # Errors
/// When something of them stays behind.
pub(crate) fn shrink(look: &Look<'_>, state: &mut State, choice: &Choice) -> Result<()> {
    let set = &choice.set;
    let superfluous = |change: &Change| is_superfluous(change, set);
    let names: BTreeSet<&str> = state
        .journal
        .outstanding()
        .filter(|(_, undo)| superfluous(undo))
        .filter_map(|(_, undo)| undo.container())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    sorted.sort_by_key(|name| (name.len(), name.clone()));
    look.context
        .report
        .line(format!("removing {}", in_short(&sorted)));
    let in_cib = leaves_cib(state, set);
    // The smaller set is kept first: a run killed in the middle is finished by the next.
    state.save_set(set)?;
    state.before = Some(set.clone());
    if in_cib && set.spec.clone {
        let ours = config::clone_limit(set);
        tools::merge(&look.context.host, &ours).context("lower the clone's number of instances")?;
    }
    look.cib_has_changed();
    let undoer = Undoer::of(look.context, Some(set));
    let outcome = undoer.replay(&mut state.journal, |_, undo| superfluous(undo));
    let again = format!(
        "mend what is named, then run lxc-autogen up -c {} again",
        set.spec.containers
    );
    match (outcome.into_result(), look.context.host.check_interrupt()) {
        (Ok(_), _) => Ok(()),
        (Err(e), Ok(())) => Err(e.mend(again)),
        (Err(e), Err(_)) => Err(e
            .context("interrupted")
            .mend(again)
            .with_kind(Kind::Interrupted)),
    }
}

fn is_superfluous(change: &Change, set: &Set) -> bool {
    change
        .container()
        .and_then(|name| set.spec.prefix.number(name))
        .is_some_and(|n| n > set.spec.containers || set.spec.removed.contains(&n))
}

/// Whether the journal has primitives in the CIB for containers that this set leaves out.
pub(crate) fn leaves_cib(state: &State, set: &Set) -> bool {
    state
        .journal
        .outstanding()
        .any(|(_, u)| is_superfluous(u, set) && matches!(u, Change::Cib(InCib::Resource(_))))
}

/// Whether a complete set of generated files is there to add to the CIB.
pub(crate) fn has_files(state: &State) -> bool {
    state.set.as_ref().is_some_and(|set| {
        set.guests()
            .iter()
            .all(|g| files::exists(&set.domain_xml_path(&g.name)))
    })
}
