//! Undoing this node's changes, at the request of another node.

use super::Server;
use crate::change::{Change, InState, Peer, SET_FILE, Undoer};
use crate::error::Result;
use crate::host::lock;
use crate::pacemaker::tools;
use crate::peer::{Answer, PROGRAM, Target};
use crate::set::discover;
use crate::spec::Scope;
use crate::state::State;

impl Server<'_> {
    /// Undoes the journal's changes of this scope, but keeps the records of other nodes, and the
    /// set file and program that undoing those takes.
    pub(crate) fn undo(
        &mut self,
        group: Option<&str>,
        scope: Scope,
        force: bool,
        forget: &[String],
    ) -> Result<Answer> {
        let context = self.context;
        let lock = match self.host_lock.take() {
            Some(lock) => lock,
            None => lock::host()?,
        };
        self.host_lock = Some(lock);
        let nothing = Answer::Undone {
            undone: 0,
            remains: Vec::new(),
            others: Vec::new(),
        };
        let cib = tools::query(&context.host);
        let opened = State::open_to_undo(context)?;
        if group.is_some() && opened.as_ref().and_then(group_of).as_deref() != group {
            // The node belongs to another group by now, or to none.
            return Ok(nothing);
        }
        let found = discover::found(context, cib.as_ref().ok())?;
        let mut state = match opened {
            Some(state) => state,
            None if found.is_empty() => {
                State::clear_unfinished(&context.state_dir)?;
                return Ok(nothing);
            }
            None => State::open_or_make(&context.state_dir)?,
        };
        state.journal.remember(found);
        let in_cib = |change: &Change| matches!(change, Change::Cib(_) | Change::Nodes(_));
        if let (Err(e), false) = (&cib, force) {
            if state
                .journal
                .outstanding()
                .any(|(_, change)| in_cib(change))
            {
                return Err(e.clone());
            }
        }
        forget_peers(&mut state, |_, target| forget.contains(&target.node))?;
        let mut undoer = Undoer::of(context, state.set.as_ref());
        undoer.cluster_down = cib.is_err();
        let stays = |change: &Change| match change {
            Change::Inside(InState::StateFile(file)) => {
                file.name == SET_FILE || file.name == PROGRAM
            }
            other => matches!(other, Change::Peers(_) | Change::StateDir(_)),
        };
        let outcome = undoer.replay(&mut state.journal, |_, change| {
            change.is_of(scope) && !stays(change)
        });
        let others = state
            .journal
            .outstanding()
            .filter_map(|(_, change)| match change {
                Change::Peers(Peer { target, .. }) => Some(target.clone()),
                _ => None,
            });
        let others = others.collect();
        self.state = Some(state);
        Ok(Answer::Undone {
            undone: outcome.undone,
            remains: outcome.remains,
            others,
        })
    }

    /// Nothing is left on any node: drops the records of the other nodes, and undoes the rest.
    pub(crate) fn release(&mut self) -> Result<()> {
        let Some(mut state) = self.state.take() else {
            return Ok(());
        };
        forget_peers(&mut state, |_, _| true)?;
        let undoer = Undoer::of(self.context, state.set.as_ref());
        let outcome = undoer.replay(&mut state.journal, |_, _| true);
        outcome.into_result().map(drop)
    }
}

/// Id of the group that this node belongs to, from its journal.
pub(crate) fn group_of(state: &State) -> Option<String> {
    state
        .journal
        .outstanding()
        .find_map(|(_, change)| match change {
            Change::Peers(Peer { group, .. }) => Some(group.clone()),
            _ => None,
        })
}

/// Drops the journal's records of other nodes that `which` picks, without asking those nodes.
pub(crate) fn forget_peers(state: &mut State, which: impl Fn(u64, &Target) -> bool) -> Result<()> {
    let records = state.journal.outstanding();
    let dropped: Vec<u64> = records
        .filter(|(seq, change)| matches!(change, Change::Peers(peer) if which(*seq, &peer.target)))
        .map(|(seq, _)| seq)
        .collect();
    state.journal.undone(&dropped)
}
