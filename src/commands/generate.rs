//! `generate`: the key, the network and the containers' files.

use super::choose::{Choice, choose};
use super::{Context, make, preview};
use crate::cli::Shape;
use crate::error::Result;
use crate::host::users;
use crate::libvirt::virsh;
use crate::report::count;
use crate::state::{self, State};

/// # Errors
/// What is missing, before anything is touched; or what failed, after it was put back.
pub(super) fn run(context: &Context, shape: &Shape) -> Result<()> {
    if context.common.dry_run {
        let choice = choose(context, shape, preview::saved(context)?.as_ref())?;
        return preview::print(context, &choice, preview::With::Files);
    }
    users::require_root("generate")?;
    let (choice, mut state) = prepare(context, shape, |_| virsh::connect(&context.host))?;
    match generate(context, &mut state, &choice) {
        Ok(()) => {
            let set = &choice.set;
            context.report.line(format!(
                "{} in {}, network {} on {}",
                count(set.spec.containers as usize, "container"),
                set.state_dir.display(),
                set.network,
                set.subnet
            ));
            if context.common.json {
                return super::status::run(context);
            }
            Ok(())
        }
        Err(e) => Err(roll_back(context, &mut state, e)),
    }
}

/// Chooses, and lets `check` object, before anything is touched; then opens the state directory.
pub(super) fn prepare(
    context: &Context,
    shape: &Shape,
    check: impl Fn(&Choice) -> Result<()>,
) -> Result<(Choice, State)> {
    users::haclient()?;
    // Only a directory that is there can be locked before we know what to do; a new one is made
    // after all checks, so that a refusal leaves nothing.
    let state = State::open(&context.state_dir)?;
    let saved = state.as_ref().and_then(|s| s.set.as_ref());
    let choice = choose(context, shape, saved)?;
    make::check_key(&choice.set)?;
    check(&choice)?;
    let state = match state {
        Some(state) => state,
        None => State::open_or_make(&context.state_dir)?,
    };
    Ok((choice, state))
}

fn generate(context: &Context, state: &mut State, choice: &Choice) -> Result<()> {
    super::shrink::shrink(context, state, choice)?;
    make::make(context, state, choice)
}

/// Puts back what this run did, the kept set included.
pub(super) fn roll_back(
    context: &Context,
    state: &mut State,
    cause: crate::error::Error,
) -> crate::error::Error {
    let error = context.put_back(&mut state.journal, cause);
    // The set of before the run is what its journal entries belong to.
    match (&state.before, state::load_set(&state.dir)) {
        (Some(before), Ok(Some(now))) if *before != now => {
            let before = before.clone();
            match state.save_set(&before) {
                Ok(()) => error,
                Err(e) => error.detail(e.to_string()),
            }
        }
        _ => error,
    }
}
