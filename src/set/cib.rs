//! Joining a set's containers to the cluster: one change of the CIB, and what takes it back.

use super::easing;
use crate::change::{self, Change};
use crate::checks::outlook;
use crate::error::Result;
use crate::host::files;
use crate::libvirt::leftovers;
use crate::look::Look;
use crate::machine::{self, Lifetime};
use crate::pacemaker::cib::Cib;
use crate::pacemaker::config::{self, Cluster, Joining, Named, Part};
use crate::pacemaker::schema::Roles;
use crate::pacemaker::tools;
use crate::plan::Set;
use crate::state::State;
use std::collections::HashSet;

/// Puts the set into the CIB as one change, with `joining` for the time until its nodes have
/// joined.
///
/// # Errors
/// When the cluster refuses it; nothing is in the CIB then.
pub(crate) fn add(
    look: &Look<'_>,
    state: &mut State,
    set: &Set,
    part: Part,
    cib: &Cib,
    joining: Option<Joining>,
) -> Result<()> {
    let mut cluster = cluster(look, set, cib)?;
    if part == Part::All {
        write_down(look, state, set, cib)?;
    }
    if let Some(joining) = &joining {
        let undos = easing::undos(joining, set, &cluster.this_node);
        state.journal.intend(undos)?;
    }
    cluster.joining = joining;
    let new_clone = set.spec.clone && !cib.has_id(&config::clone_id(set));
    if !cib.has_id(&set.tag()) || new_clone {
        check_sample(look, set, part, cib, &cluster)?;
    }
    intend(state, set, part, cib)?;
    let additions = config::additions(set, part, &cluster);
    let mut stage = look.context.report.stage("CIB", set.spec.count() as usize);
    tools::merge(&look.context.host, &additions)?;
    if part == Part::All {
        drop_former(look, set, cib)?;
    }
    stage.at(set.spec.count() as usize);
    stage.done();
    Ok(())
}

/// Writes the set's part of the CIB to cib.xml in the state directory, for people to read.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_down(look: &Look<'_>, state: &mut State, set: &Set, cib: &Cib) -> Result<()> {
    let mut cluster = cluster(look, set, cib)?;
    cluster.there.clear();
    let additions = config::additions(set, Part::All, &cluster);
    state.write("cib.xml", &additions.render())
}

/// Adds the next containers of a set whose first ones are joining already.
///
/// # Errors
/// When the cluster refuses it.
pub(crate) fn add_more(look: &Look<'_>, set: &Set, cib: &Cib, joining: &Joining) -> Result<()> {
    let mut cluster = cluster(look, set, cib)?;
    cluster.joining = Some(joining.clone());
    tools::merge(
        &look.context.host,
        &config::additions(set, Part::All, &cluster),
    )
}

/// Writes down how the addition of a set is taken back.
pub(crate) fn intend(state: &mut State, set: &Set, part: Part, cib: &Cib) -> Result<()> {
    // The property changes when failed connections are tried again, or leftover history is dropped.
    let refresh = change::Property {
        name: tools::REFRESH_PROPERTY.to_owned(),
        previous: cib.property(tools::REFRESH_PROPERTY).map(str::to_owned),
    };
    // Where another node leads the set, its journal has the property's value of before the set.
    let refresh = (set.nodes.is_empty() || !cib.has_id(&set.tag())).then(|| refresh.into());
    let named = cib.named(&set.tag());
    let section = cib.tags_afterwards();
    let section = section.filter(|_| part == Part::All && named == Named::Tag);
    let section = section.map(|it| change::Joining::from(it).into());
    let undos = undos(set, part, named);
    state
        .journal
        .intend(refresh.into_iter().chain(section).chain(undos))
}

/// Deletes constraints that the set had with earlier options and has no more: they would go on to
/// hold beside the new ones.
fn drop_former(look: &Look<'_>, set: &Set, cib: &Cib) -> Result<()> {
    let mut former = config::former_ids(set);
    former.retain(|id| cib.has_id(id));
    tools::delete(&look.context.host, &former)
}

/// Merges the set as it was before a failed run into the CIB, which has it as that run left it, and
/// deletes the constraints that only that run's set had.
///
/// # Errors
/// When the cluster does not say who this node is, or refuses it.
pub(crate) fn add_again(look: &Look<'_>, state: &mut State, set: &Set, cib: &Cib) -> Result<()> {
    write_down(look, state, set, cib)?;
    let additions = config::additions(set, Part::All, &cluster(look, set, cib)?);
    tools::merge(&look.context.host, &additions)?;
    drop_former(look, set, cib)
}

fn cluster(look: &Look<'_>, set: &Set, cib: &Cib) -> Result<Cluster> {
    Ok(Cluster {
        this_node: home(look, set)?,
        roles: Roles::of_schema(cib.schema()),
        revive: revived(set, cib),
        there: cib
            .of_set(&set.tag())
            .into_iter()
            .map(str::to_owned)
            .collect(),
        named: cib.named(&set.tag()),
        joining: None,
    })
}

/// Learns what other runs than this one have made of the set in a state directory that other nodes
/// lead too, so that this run's failure does not take it away.
///
/// # Errors
/// When the journal cannot be written.
pub(crate) fn adopt(look: &Look<'_>, state: &mut State) -> Result<()> {
    let Some(set) = state.set.clone().filter(|set| !set.nodes.is_empty()) else {
        return Ok(());
    };
    // Without a cluster there is no CIB that this run could change.
    if let Ok(cib) = look.cib() {
        let known = change::found_in_cib(look.context, &cib, Some(&set))?;
        state.journal.intend(known)?;
    }
    state.journal.intend(left_here(&set))?;
    state.journal.runs_from_here();
    Ok(())
}

/// The node that the containers prefer: the one where a shared set was made, else this one.
pub(crate) fn home(look: &Look<'_>, set: &Set) -> Result<String> {
    Ok(set.home(look.node()?).to_owned())
}

/// Keeps those resources of other people that the cluster could run on the set's nodes off them, each
/// by a constraint.
///
/// # Errors
/// When the cluster does not answer, or refuses it.
pub(crate) fn keep_mine(look: &Look<'_>, state: &mut State, set: &Set) -> Result<()> {
    let outlook = outlook::of(look, set)?;
    let theirs = outlook.map(|it| it.could_move).unwrap_or_default();
    if theirs.is_empty() {
        return Ok(());
    }
    let ids = theirs.iter().map(|it| config::keep_mine_id(&set.tag(), it));
    state
        .journal
        .intend(ids.map(|id| Change::from(change::CibObject { id })))?;
    tools::merge(&look.context.host, &config::keep_mine(set, &theirs))?;
    look.cib_has_changed();
    let kept = format!("kept off the new nodes: {}", theirs.join(", "));
    look.context.report.line(kept);
    Ok(())
}

/// Lets crm_verify judge the first few containers of a set, or a clone, that is new to the CIB. The
/// other containers are like them, and cibadmin checks all of them against the schema. The time of
/// crm_verify grows with the square of their number (0.7 s for 100), and it would find nothing in
/// the rest that it does not find in the few.
fn check_sample(
    look: &Look<'_>,
    set: &Set,
    part: Part,
    cib: &Cib,
    cluster: &Cluster,
) -> Result<()> {
    const FEW: usize = 8;
    let mut few = set.clone();
    // By its number: of the first ones, some may have been removed.
    few.spec.containers = (set.spec.numbers().nth(FEW - 1)).unwrap_or(set.spec.containers);
    tools::check_merge(
        &look.context.host,
        cib,
        &config::additions(&few, part, cluster),
    )
}

/// Resources of the set that an interrupted removal has left stopped.
fn revived(set: &Set, cib: &Cib) -> Vec<String> {
    let guests = set.guests().into_iter().map(|g| g.resource);
    let leaving: HashSet<&str> = cib.leaving().into_iter().collect();
    guests
        .chain([config::clone_id(set)])
        .filter(|id| leaving.contains(config::leaving_id(id).as_str()))
        .collect()
}

/// The journal's records that take a set's part out of the CIB, and those of its traces on this
/// host.
fn undos(set: &Set, part: Part, named: Named) -> Vec<Change> {
    let mut undos = Vec::new();
    if part == Part::All {
        undos.extend(left_here(set));
        for guest in set.guests() {
            undos.push(change::Node::named(&guest.name).into());
            let primitive = change::Resource {
                id: guest.resource,
                container: Some(guest.name),
            };
            undos.push(primitive.into());
        }
    }
    undos.extend(
        config::object_ids(set, part, named)
            .into_iter()
            .map(|id| change::CibObject { id }.into()),
    );
    if set.spec.clone {
        let clone = change::Resource {
            id: config::clone_id(set),
            container: None,
        };
        undos.push(clone.into());
    }
    undos
}

/// Traces that a set's containers leave on a node where the cluster can run them.
pub(crate) fn left_here(set: &Set) -> Vec<Change> {
    let mut undos = machine::leaves(&set.guests(), Lifetime::Transient);
    let drop_ins = leftovers::drop_ins().filter(|path| !files::exists(path));
    undos.extend(drop_ins.map(|path| {
        let container = None;
        Change::from(change::File { path, container })
    }));
    undos
}
