//! `-a` and `-C` of a set that was generated before.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::users;
use crate::look::Look;
use crate::pacemaker::config::Part;
use crate::resolve::Elsewhere;
use crate::set::push::push;
use crate::set::resolve::choose;
use crate::set::rollback::roll_back;
use crate::set::steps::Goal;
use crate::set::{adjust, cib, preview, shrink};
use crate::spec::Wanted;
use crate::state::{State, turn};
use std::slice::from_ref;

/// # Errors
/// When nothing was generated, or the cluster refuses it; what was done is put back.
pub(super) fn run(context: &Context, wanted: &Wanted, part: Part) -> Result<()> {
    if context.options.dry_run {
        let look = Look::new(context);
        let saved = preview::saved(context)?;
        let choice = choose(&look, wanted, saved.as_ref(), &Elsewhere::default())?;
        return preview::print(&look, &choice, Goal::Added(part));
    }
    users::require_root("adding to the CIB")?;
    let _host = turn::host(context, from_ref(&context.state_dir))?;
    let missing = || {
        Error::cant(format!(
            "nothing has been generated in {}",
            context.state_dir.display()
        ))
        .mend("generate first: -g -c N, or all at once: lxc-autogen up -c N")
    };
    let mut state = State::open(&context.state_dir)?.ok_or_else(missing)?;
    let saved = state.set.clone().ok_or_else(missing)?;
    let look = Look::new(context);
    let choice = choose(&look, wanted, Some(&saved), &Elsewhere::default())?;
    if choice.set.spec.containers != saved.spec.containers || !shrink::has_files(&state) {
        return Err(missing());
    }
    adjust::refuse_but_by_up(&choice.set)?;
    cib::adopt(&look, &mut state)?;
    match push(&look, &mut state, &choice.set, part) {
        Ok(()) => Ok(()),
        Err(e) => Err(roll_back(&look, &mut state, e)),
    }
}
