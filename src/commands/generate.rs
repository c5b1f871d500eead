//! `generate`: the key, the network and the containers' files.

use super::choose::{Choice, choose};
use super::{Context, join, make, preview};
use crate::cli::Shape;
use crate::error::{Error, Kind, Result};
use crate::host::{lock, users};
use crate::journal::Undo;
use crate::libvirt::virsh;
use crate::pacemaker::config::{self, Part};
use crate::pacemaker::tools;
use crate::plan::Set;
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
    let _host = lock::host()?;
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
    if choice.fetch.is_none() {
        join::check_version(context, &choice.set)?;
    }
    let state = match state {
        Some(state) => state,
        None => State::open_or_make(&context.state_dir)?,
    };
    Ok((choice, state))
}

fn generate(context: &Context, state: &mut State, choice: &Choice) -> Result<()> {
    super::shrink::shrink(context, state, choice)?;
    make::make(context, state, choice)?;
    // What -a would push; it is written anew then, as the cluster is by that time.
    let cib = config::additions(&choice.set, Part::All, &preview::cluster(context));
    state.write("cib.xml", &cib.render())
}

/// Puts back what this run did, the kept set included.
pub(super) fn roll_back(context: &Context, state: &mut State, cause: Error) -> Error {
    let error = context.put_back(state, cause);
    // The set of before the run is what the rest of the journal belongs to.
    match (state.before.clone(), state::load_set(&state.dir)) {
        (Some(before), Ok(Some(now))) if before != now => match back_to(context, state, &before) {
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

/// What a larger or richer set had changed of things that both have.
fn back_to(context: &Context, state: &mut State, before: &Set) -> Result<()> {
    state.save_set(before)?;
    if before.spec.hosts {
        make::add_hosts(state, before)?;
    }
    let joined = state
        .journal
        .outstanding()
        .any(|(_, undo)| matches!(undo, Undo::CibObject { .. }));
    if !joined {
        return Ok(());
    }
    let cib = tools::query(&context.host)?;
    let additions = join::additions(context, before, Part::All, &cib)?;
    state.write("cib.xml", &additions.render())?;
    tools::merge(&context.host, &additions)
}
