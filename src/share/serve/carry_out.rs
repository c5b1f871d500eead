//! Carrying out a plan that another node has sent.

use crate::change::authkey;
use crate::change::{Peer, StateFile};
use crate::checks::admission;
use crate::error::{Error, Result};
use crate::host::files;
use crate::look::Look;
use crate::peer::{PROGRAM, Plan, sent_program};
use crate::rootfs::UNPACKED;
use crate::set::resolve::Choice;
use crate::set::steps::{Goal, Present, Steps};
use crate::set::{agent, cib, make, shrink};
use crate::state::State;
use std::path::Path;

/// Path of a pacemaker-remoted that was sent, below the directory for unpacked packages.
pub(crate) const SENT_REMOTED: &str = "usr/sbin/pacemaker-remoted";

pub(crate) fn carry_out(
    look: &Look<'_>,
    node: &str,
    state: &mut State,
    plan: &Plan,
    choice: Option<&Choice>,
) -> Result<()> {
    cib::adopt(look, state)?;
    let others = plan.group.but(node).into_iter();
    state.journal.intend(others.map(|target| Peer {
        target,
        group: plan.group.id.clone(),
    }))?;
    keep_program(state)?;
    if let Some(key) = &plan.key {
        authkey::put(&mut state.journal, &state.dir, &key.bytes, key.replace)?;
    }
    if let Some(bytes) = &plan.agent {
        agent::install_bytes(look.context, state, bytes)?;
    }
    let Some(choice) = choice else {
        return Ok(());
    };
    let path = state.dir.join(UNPACKED).join(SENT_REMOTED);
    if let (Some(bytes), true) = (
        &plan.remoted,
        choice.set.remoted.bind_source() == Some(&path),
    ) {
        keep_remoted(state, &path, bytes)?;
    }
    if choice.fetch.is_none() {
        admission::check_version(look, &choice.set)?;
    }
    let before = state.before.clone();
    // The leading node has taken the containers that go out of the cluster already.
    shrink::shrink(look, state, choice)?;
    let steps = Steps::of(
        choice,
        Goal::Files(None),
        &Present::of(&choice.set, before.as_ref()),
    );
    make::make(look, state, &choice.set, &steps)?;
    state.journal.intend(cib::left_here(&choice.set))
}

/// Moves a copy of this program that was sent to the node into the state directory.
fn keep_program(state: &mut State) -> Result<()> {
    let sent = sent_program(&state.dir);
    if !files::exists(&sent) {
        return Ok(());
    }
    state.journal.intend([StateFile::named(PROGRAM)])?;
    let path = state.dir.join(PROGRAM);
    std::fs::rename(&sent, &path).map_err(|e| Error::io("name", &path, e))
}

fn keep_remoted(state: &mut State, path: &Path, bytes: &[u8]) -> Result<()> {
    let file = StateFile::named(UNPACKED).into();
    state.claim(&file)?;
    state.journal.intend([file])?;
    let directory = path.parent().unwrap_or(&state.dir);
    std::fs::create_dir_all(directory).map_err(|e| Error::io("make directory", directory, e))?;
    let attributes = files::Attributes::root(0o755);
    files::write_atomic(path, bytes, attributes, files::Existing::Replace)
}
