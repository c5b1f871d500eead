//! `generate`: the key, the network and the containers' files.

use super::choose::{Choice, choose};
use super::share::Shared;
use super::{Context, admission, ahead, join, make, preview, shrink};
use crate::cli::{Shape, Share};
use crate::error::{Error, Kind, Result};
use crate::host::{hosts, lock, users};
use crate::journal::Undo;
use crate::libvirt::virsh;
use crate::pacemaker::config::{self, Part};
use crate::pacemaker::tools;
use crate::plan::Set;
use crate::report::count;
use crate::spec::NodeKind;
use crate::state::{self, State};
use std::path::Path;

/// With a part, that is added to the CIB too: all that can be said against it is said before
/// anything is touched, and a failure puts back all of it.
///
/// # Errors
/// What is missing, before anything is touched; or what failed, after it was put back.
pub(super) fn run(
    context: &Context,
    shape: &Shape,
    share: &Share,
    part: Option<Part>,
) -> Result<()> {
    if context.common.dry_run {
        return preview::run(context, shape, share, preview::With::Files(part));
    }
    users::require_root("generate")?;
    let _host = lock::host()?;
    let Prepared {
        choice,
        mut state,
        mut shared,
    } = prepare(context, shape, share, |choice, state| {
        virsh::connect(&context.host)?;
        let leaves = state.is_some_and(|s| shrink::leaves_cib(s, &choice.set));
        if part.is_some() || leaves {
            admission::check(context, &choice.set)?;
        }
        Ok(())
    })?;
    let made = generate(context, &mut state, &choice, &mut shared).and_then(|()| match part {
        Some(part) => push(context, &mut state, &choice.set, part),
        None => Ok(()),
    });
    match made {
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
        Err(e) => {
            let e = shared.put_back(&mut state, e);
            Err(roll_back(context, &mut state, e))
        }
    }
}

/// What is to be made, and that it can be; nothing is changed yet.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What is to be.
    pub choice: Choice,
    /// The state directory, locked.
    pub state: State,
    /// The other nodes that take part, locked.
    pub shared: Shared,
}

/// Chooses, and lets `check` object, before anything is touched; then opens the state directory.
pub(super) fn prepare(
    context: &Context,
    shape: &Shape,
    share: &Share,
    check: impl Fn(&Choice, Option<&State>) -> Result<()>,
) -> Result<Prepared> {
    users::haclient()?;
    // Only a directory that is there can be locked before we know what to do; a new one is made
    // after all checks, so that a refusal leaves nothing.
    let state = State::open(&context.state_dir)?;
    let saved = state.as_ref().and_then(|s| s.set.as_ref());
    refuse_sharing(shape, share, saved)?;
    let mut shared = Shared::open(context, share, saved)?;
    let mut choice = choose(context, shape, saved, &shared.elsewhere())?;
    choice.set.nodes = shared.nodes();
    make::check_key(&choice.set)?;
    if choice.set.spec.hosts {
        hosts::check(Path::new(hosts::PATH))?;
    }
    check(&choice, state.as_ref())?;
    if choice.fetch.is_none() {
        admission::check_version(context, &choice.set)?;
    }
    shared.prepare(&choice.set)?;
    let mut state = match state {
        Some(state) => state,
        None => State::open_or_make(&context.state_dir)?,
    };
    if let Err(e) = join::adopt(context, &mut state).and_then(|()| shared.announce(&mut state)) {
        return Err(context.put_back(&mut state, e));
    }
    Ok(Prepared {
        choice,
        state,
        shared,
    })
}

/// Remote nodes run where they were made: the cluster moves none.
fn refuse_sharing(shape: &Shape, share: &Share, saved: Option<&Set>) -> Result<()> {
    let kind = NodeKind::wanted(shape, saved.map(|set| &set.spec));
    if kind != NodeKind::Remote || !share.is_wanted() {
        return Ok(());
    }
    Err(
        Error::usage("remote nodes' containers run here and nowhere else: -s is for guest nodes")
            .mend("leave out -s and --nodes, or --kind remote"),
    )
}

/// Everything but the CIB, here and on the other nodes.
///
/// # Errors
/// When any of it fails, on any of them.
pub(super) fn make_everywhere(
    context: &Context,
    state: &mut State,
    choice: &Choice,
    shared: &mut Shared,
) -> Result<()> {
    shrink::shrink(context, state, choice)?;
    shared.take_key(state)?;
    if !shared.is_alone() {
        // The cluster may run containers here whichever node adds them to it.
        state.journal.intend(join::left_here(&choice.set))?;
    }
    shared.realise(&context.host, &choice.set, || {
        make::make(context, state, choice)
    })
}

fn generate(
    context: &Context,
    state: &mut State,
    choice: &Choice,
    shared: &mut Shared,
) -> Result<()> {
    make_everywhere(context, state, choice, shared)?;
    // What -a would push; it is written anew then, as the cluster is by that time.
    let cib = config::additions(&choice.set, Part::All, &preview::cluster(context));
    state.write("cib.xml", &cib.render())
}

/// What was generated goes into the CIB. As the original, it does not wait.
///
/// # Errors
/// When something of it is missing or changed, or the cluster refuses it.
pub(super) fn push(context: &Context, state: &mut State, set: &Set, part: Part) -> Result<()> {
    make::check_key(set)?;
    if !virsh::active_networks(&context.host)?.contains(&set.network) {
        return Err(
            Error::cant(format!("network {} is not active", set.network))
                .mend("start it with -g, or all at once: lxc-autogen up"),
        );
    }
    admission::check_version(context, set)?;
    let cib = admission::check(context, set)?;
    state.save_set(set)?;
    if set.spec.kind == NodeKind::Remote && part == Part::All {
        join::intend(state, set, part, &cib)?;
        ahead::start(context, set, &ahead::of(context, set, &cib)?)?;
    }
    join::add(context, state, set, part, &cib, None)?;
    context
        .report
        .line("added to the CIB; lxc-autogen status shows them come online");
    Ok(())
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
    join::add_again(context, state, before, &cib)
}
