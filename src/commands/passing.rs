//! What is changed in the cluster only while nodes join.

use super::Context;
use crate::error::Result;
use crate::journal::Undo;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::config;
use crate::pacemaker::throttle::{self, Raise};
use crate::plan::Set;
use crate::state::State;
use crate::xml::El;

/// What is changed only while nodes join.
#[derive(Debug, Default)]
pub(super) struct Passing {
    /// Nobody asks where the containers run.
    unprobed: bool,
    /// Throttling to raise.
    raises: Vec<Raise>,
}

impl Passing {
    /// What a join needs: nothing where all nodes are online already.
    pub(super) fn of(set: &Set, cib: &Cib, gentle: bool) -> Passing {
        if all_online(set, cib) {
            return Passing::default();
        }
        Passing {
            unprobed: true,
            raises: if gentle {
                Vec::new()
            } else {
                throttle::raises(cib)
            },
        }
    }

    /// Adds it to what goes into the CIB.
    pub(super) fn with(&self, mut additions: El, set: &Set) -> El {
        if !self.raises.is_empty() {
            additions = additions.child(throttle::crm_config(&self.raises));
        }
        if self.unprobed {
            let constraints = additions
                .children
                .iter_mut()
                .find(|c| c.name == "constraints");
            constraints
                .into_iter()
                .for_each(|c| c.children.push(config::unprobed(set)));
        }
        additions
    }

    /// What takes it back.
    pub(super) fn undos(&self, set: &Set) -> Vec<Undo> {
        let raises = self.raises.iter().map(unraise);
        let unprobed = self.unprobed.then(|| Undo::CibObject {
            id: config::unprobed_id(&set.tag()),
        });
        raises.chain(unprobed).collect()
    }
}

/// What takes a raise back.
pub(super) fn unraise(raise: &Raise) -> Undo {
    Undo::Throttle {
        name: raise.name.clone(),
        nvpair: raise.nvpair.clone(),
        raised: raise.raised.clone(),
        previous: raise.previous.clone(),
    }
}

fn all_online(set: &Set, cib: &Cib) -> bool {
    let (ids, connected) = (cib.ids(), cib.connected());
    set.guests()
        .iter()
        .all(|g| ids.contains(g.resource.as_str()) && connected.contains(&g.name))
}

/// Never for longer than the join: what was changed for it goes back before `up` ends, and what a
/// killed run left before the next one begins.
pub(super) fn end(context: &Context, state: &mut State, set: &Set) -> Result<()> {
    let unprobed = config::unprobed_id(&set.tag());
    let passing = |_: u64, undo: &Undo| match undo {
        Undo::Throttle { .. } => true,
        Undo::CibObject { id } => *id == unprobed,
        _ => false,
    };
    let outcome = context
        .undoer(state.set.as_ref())
        .replay(&mut state.journal, passing);
    outcome.into_result().map(drop)
}
