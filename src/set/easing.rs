//! Changes of the cluster that last only while nodes join: meta attributes of the set's CIB
//! objects, and throttling.

use crate::change::{self, Change, CibObject, InCib, Properties, Throttle, Undoer};
use crate::context::Context;
use crate::error::Result;
use crate::look::Look;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::config::{self, Easing, Joining, SECTIONS};
use crate::pacemaker::throttle::{self, Raise};
use crate::pacemaker::tools;
use crate::plan::Set;
use crate::state::State;
use crate::xml::El;
use std::collections::HashSet;

/// The changes of the cluster that last only while a set's nodes join.
#[derive(Debug, Default)]
pub(crate) struct Passing {
    /// How the set's CIB objects differ while its nodes join; `None` when all of them are online.
    pub joining: Option<Joining>,
    /// Cluster properties of throttling, and the values they are raised to.
    raises: Vec<Raise>,
}

/// How nodes join, as the command line has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manner {
    /// The cluster's throttling stays as it is.
    pub gentle: bool,
    /// Cluster nodes where containers that are new to the cluster run already: the first on the
    /// first, the second on the second, and so on in turn.
    pub placed: Vec<String>,
    /// Resources of other people's are kept off the nodes.
    pub keep_mine: bool,
    /// Nodes that somebody has disabled, unmanaged or banned, and that are given back.
    pub enable: Vec<String>,
}

impl Passing {
    /// The changes that this join needs: none where all nodes of the set are online already, but for
    /// those that somebody holds.
    pub(crate) fn of(
        set: &Set,
        home: &str,
        cib: &Cib,
        manner: Manner,
        held: &HashSet<String>,
    ) -> Passing {
        if all_online(set, cib, held) {
            return Passing::default();
        }
        Passing {
            joining: Some(Joining {
                first: !cib.has_id(&set.tag()),
                others: set.spec.anywhere || !set.nodes.is_empty() || cib.has_others_than(home),
                placed: manner.placed,
                named: cib.named(&set.tag()),
                easing: easing(&set.tag(), cib),
            }),
            raises: if manner.gentle {
                Vec::new()
            } else {
                throttle::raises(cib)
            },
        }
    }

    /// Raises the throttling, in a change of its own and before the changes that join the nodes.
    /// The controller reads its options anew then, and when it wants the scheduler at the same time
    /// it sleeps for a second (Pacemaker 2.1.5, daemons/controld/controld_schedulerd.c,
    /// do_pe_invoke_callback). So early, it sleeps while files, network and containers are made.
    pub(crate) fn raise(&self, context: &Context, state: &mut State) -> Result<()> {
        raise(context, state, &self.raises)
    }
}

/// From this many primitives on, removing a set could overwhelm the cluster's daemons.
const MANY: usize = 100;

fn raise(context: &Context, state: &mut State, raises: &[Raise]) -> Result<()> {
    if raises.is_empty() {
        return Ok(());
    }
    state.journal.intend(raises.iter().map(Throttle::from))?;
    let change = El::new("configuration").child(throttle::crm_config(raises));
    tools::merge(&context.host, &change)
}

/// The journal's records that end how the set's CIB objects differ while nodes join.
pub(crate) fn undos(joining: &Joining, set: &Set, home: &str) -> Vec<Change> {
    let mut undos = Vec::new();
    let constraints = joining.constraints(set, &[]).into_iter();
    undos.extend(constraints.filter_map(|constraint| {
        let id = constraint.get("id")?.to_owned();
        Some(Change::from(CibObject { id }))
    }));
    if joining.has_monitors_later(set) {
        let monitors = change::Monitors {
            set: set.tag(),
            interval_s: set.spec.monitor_s,
        };
        undos.push(monitors.into());
    }
    let afterwards = joining.afterwards(set, home).into_iter();
    undos.extend(afterwards.map(|it| change::Joining::from(it).into()));
    undos
}

/// How a set's CIB objects differ while many of its containers start or stop, given this CIB.
fn easing(tag: &str, cib: &Cib) -> Easing {
    Easing {
        tag: tag.to_owned(),
        type_rules: cib.has_type_rules(),
        missing: SECTIONS
            .into_iter()
            .filter(|name| !cib.has_section(name) || config::is_of_joins(cib, name))
            .collect(),
    }
}

/// Writes into the journal, and raises in the cluster, what makes taking a set out of the CIB
/// easier. Gives back how the set's CIB objects are to differ meanwhile; `None` where the set is
/// not in the CIB, or the disk is full.
///
/// # Errors
/// When the journal cannot be written, or the cluster refuses it.
pub(crate) fn ease_removal(
    context: &Context,
    state: &mut State,
    cib: &Cib,
) -> Result<Option<Easing>> {
    let tag = state.set.as_ref().map(Set::tag);
    let Some(tag) = tag.filter(|tag| !cib.of_set(tag).is_empty()) else {
        return Ok(None);
    };
    let easing = easing(&tag, cib);
    let undos = easing.afterwards().into_iter().map(change::Joining::from);
    let written = state
        .journal
        .intend(undos)
        .and_then(|()| match cib.of_set(&tag).len() >= MANY {
            true => raise(context, state, &throttle::raises_to_leave(cib)),
            false => Ok(()),
        });
    match written {
        // Without room to write it down, the set is taken out with less ease: that makes room.
        Err(e) if e.lacks_room() => Ok(None),
        written => written.map(|()| Some(easing)),
    }
}

fn all_online(set: &Set, cib: &Cib, held: &HashSet<String>) -> bool {
    let (ids, connected) = (cib.ids(), cib.connected());
    set.guests()
        .iter()
        .filter(|g| !held.contains(&g.name))
        .all(|g| ids.contains(g.resource.as_str()) && connected.contains(&g.name))
}

/// Ends the changes that last only while nodes join: those of this run before `up` ends, and those
/// of a killed run before the next join begins. Of a large set, the changes stay that its cluster
/// could not work without ([`config::stays`]).
pub(crate) fn end(look: &Look<'_>, state: &mut State, set: &Set) -> Result<()> {
    let constraints = config::passing_ids(&set.tag());
    let large = config::is_large(set.spec.containers);
    let others_connect = large && look.cib()?.has_others_connections();
    let passing = |_: u64, change: &Change| match change {
        Change::Properties(Properties::Throttle(_) | Properties::Monitors(_)) => true,
        Change::Properties(Properties::Joining(it)) => !config::stays(&it.id, set, others_connect),
        Change::Cib(InCib::CibObject(it)) => constraints.contains(&it.id),
        _ => false,
    };
    let outcome = Undoer::of(look.context, state.set.as_ref()).replay(&mut state.journal, passing);
    if outcome.undone > 0 {
        look.cib_has_changed();
    }
    outcome.into_result().map(drop)
}
