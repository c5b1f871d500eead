//! Joining a set's containers to the cluster: checks, one change of the CIB, and the wait until
//! every node is online.

use super::Context;
use super::{choose, marks, passing};
use crate::error::{Error, Result};
use crate::host::files;
use crate::journal::Undo;
use crate::libvirt::by_products;
use crate::libvirt::virsh;
use crate::pacemaker::cib::{Cib, Roles};
use crate::pacemaker::config::{self, Cluster, Joining, Part};
use crate::pacemaker::{authkey, tools};
use crate::plan::Set;
use crate::state::State;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Whether the cluster can take the set; asked before anything is made.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with what is in the way and its mend.
pub(super) fn check(context: &Context, set: &Set) -> Result<Cib> {
    let cib = tools::query(&context.host)?;
    if !cib.has_dc() {
        return Err(Error::cant("the cluster has elected no controller yet")
            .mend("wait until crm_mon shows a DC, then try again"));
    }
    check_willing(&cib)?;
    check_names(context, set, &cib)?;
    if !files::exists(Path::new(authkey::PATH)) && !cib.remote_users().is_empty() {
        return Err(Error::cant(format!(
            "the cluster has guest or remote nodes, and this host has no {}",
            authkey::PATH
        ))
        .mend("copy it from another cluster node, with owner and mode"));
    }
    if agent_path().is_none() {
        return Err(no_agent());
    }
    Ok(cib)
}

/// The error where the agent is missing.
pub(super) fn no_agent() -> Error {
    Error::cant("the resource agent ocf:heartbeat:VirtualDomain is not installed")
        .mend(crate::host::packages::mend_for_tool("VirtualDomain"))
}

/// Refuses names that somebody else's domains on this host have.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the domain.
pub(super) fn check_domains(context: &Context, set: &Set) -> Result<()> {
    let foreign = foreign_domains(context, set)?;
    match set.guests().iter().find(|g| foreign.contains(&g.name)) {
        None => Ok(()),
        Some(guest) => Err(foreign_domain(&guest.name)),
    }
}

fn foreign_domains(context: &Context, set: &Set) -> Result<HashSet<String>> {
    let marked = virsh::marked_domains(&context.host, &set.state_dir)?.into_iter();
    Ok(marked
        .filter(|(_, ours)| !ours)
        .map(|(name, _)| name)
        .collect())
}

fn foreign_domain(name: &str) -> Error {
    Error::cant(format!("{name} is a domain of libvirt that is not ours"))
        .mend("choose another --prefix")
}

/// Where the agent is, if it is installed.
pub(super) fn agent_path() -> Option<PathBuf> {
    let root = std::env::var_os("OCF_ROOT").unwrap_or_else(|| "/usr/lib/ocf".into());
    let path = Path::new(&root).join("resource.d/heartbeat/VirtualDomain");
    path.exists().then_some(path)
}

/// Properties with which Pacemaker would start nothing at all, so that waiting would be in vain.
pub(super) fn check_willing(cib: &Cib) -> Result<()> {
    let off = |what: &str, mend: &str| {
        Err(Error::cant(format!("the cluster would start nothing: {what}")).mend(mend))
    };
    if cib.flag("maintenance-mode", false) {
        return off(
            "maintenance-mode is true",
            "crm_attribute -n maintenance-mode -v false",
        );
    }
    if cib.flag("stop-all-resources", false) {
        return off(
            "stop-all-resources is true",
            "crm_attribute -n stop-all-resources -v false",
        );
    }
    if cib.fencing_enabled() && !cib.can_fence() {
        return off(
            "stonith-enabled is true and there is no fence device",
            "configure fencing, or for a test cluster: crm_attribute -n stonith-enabled -v false",
        );
    }
    let policy = cib.property("no-quorum-policy").unwrap_or("stop");
    if !cib.has_quorum() && policy != "ignore" {
        return off(
            "it has no quorum",
            "start the other cluster nodes, or for a test cluster: crm_attribute -n no-quorum-policy -v ignore",
        );
    }
    Ok(())
}

/// Pacemaker ignores a guest node whose name is taken, silently; so we look first.
fn check_names(context: &Context, set: &Set, cib: &Cib) -> Result<()> {
    let ours: HashSet<&str> = cib.of_template(&set.tag()).into_iter().collect();
    if let Some(whose) = cib.description(&set.tag()) {
        if !whose.ends_with(&format!(", set {}", set.mark())) {
            return Err(Error::cant(format!(
                "guest nodes with these names are there already: {whose}"
            ))
            .mend("choose another --prefix, or clean up there"));
        }
    }
    let foreign_guests: HashSet<&str> = cib
        .guest_nodes()
        .into_iter()
        .filter(|(_, primitive)| !ours.contains(primitive))
        .map(|(node, _)| node)
        .collect();
    let ids = cib.ids();
    let nodes: HashSet<&str> = cib.node_names().into_iter().collect();
    // Pacemaker takes LXC1 and lxc1 for the same node.
    let in_other_letters = |name: &str| {
        nodes
            .iter()
            .any(|n| *n != name && n.eq_ignore_ascii_case(name))
    };
    for guest in set.guests() {
        let (name, resource) = (guest.name.as_str(), guest.resource.as_str());
        // With our primitive in the CIB, its node entry and resource id are ours.
        let joined = ours.contains(resource);
        let clash = if in_other_letters(name) {
            Some(format!(
                "{name} is a node of the cluster already, in other letters"
            ))
        } else if foreign_guests.contains(name) {
            Some(format!("{name} is a guest node already"))
        } else if !joined && nodes.contains(name) && !known_as_ours(cib, set, name) {
            Some(format!("{name} is a node of the cluster already"))
        } else if !joined
            && (ids.contains(resource) || (ids.contains(name) && !nodes.contains(name)))
        {
            let id = if ids.contains(resource) {
                resource
            } else {
                name
            };
            Some(format!("{id} is the id of something else in the CIB"))
        } else {
            None
        };
        if let Some(clash) = clash {
            return Err(Error::cant(clash).mend("choose another --prefix"));
        }
    }
    check_domains(context, set)?;
    check_clone_name(set, cib)
}

/// A node entry with our mark is left of an interrupted run.
fn known_as_ours(cib: &Cib, set: &Set, name: &str) -> bool {
    cib.node_mark(name) == Some(set.spec.prefix.as_str())
}

fn check_clone_name(set: &Set, cib: &Cib) -> Result<()> {
    let (id, inner) = (config::clone_id(set), config::clone_primitive_id(set));
    let ours = cib.has_id(&config::clone_constraint_id(&set.tag()));
    if set.spec.clone && !ours {
        if let Some(taken) = [id, inner].into_iter().find(|id| cib.has_id(id)) {
            return Err(
                Error::cant(format!("{taken} is the id of something else in the CIB"))
                    .mend("choose another --prefix, or leave -C out"),
            );
        }
    }
    Ok(())
}

/// Puts the set into the CIB as one change, with what holds only while it joins.
///
/// # Errors
/// When the cluster refuses it; nothing is in the CIB then.
pub(super) fn add(
    context: &Context,
    state: &mut State,
    set: &Set,
    part: Part,
    cib: &Cib,
    joining: Option<Joining>,
) -> Result<()> {
    let mut cluster = cluster(context, set, cib)?;
    if part == Part::All {
        write_down(context, state, set, cib)?;
    }
    if let Some(joining) = &joining {
        let undos = passing::undos(joining, set, &cluster.this_node);
        state.journal.intend(undos)?;
    }
    cluster.joining = joining;
    let new_clone = set.spec.clone && !cib.has_id(&config::clone_id(set));
    if !cib.has_id(&set.tag()) || new_clone {
        check_sample(context, set, part, &cluster)?;
    }
    intend(state, set, part, cib)?;
    let additions = config::additions(set, part, &cluster);
    let mut stage = context.report.stage("CIB", set.spec.containers as usize);
    tools::merge(&context.host, &additions)?;
    if part == Part::All {
        drop_former(context, set, cib)?;
    }
    stage.at(set.spec.containers as usize);
    stage.done();
    Ok(())
}

/// Writes what of a set is in the CIB into the state directory.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_down(context: &Context, state: &mut State, set: &Set, cib: &Cib) -> Result<()> {
    let cluster = cluster(context, set, cib)?;
    let additions = config::additions(set, Part::All, &cluster);
    state.write("cib.xml", &additions.render())
}

/// Adds more of a set that has begun to join.
///
/// # Errors
/// When the cluster refuses it.
pub(super) fn add_more(context: &Context, set: &Set, cib: &Cib, joining: &Joining) -> Result<()> {
    let mut cluster = cluster(context, set, cib)?;
    cluster.joining = Some(joining.clone());
    tools::merge(&context.host, &config::additions(set, Part::All, &cluster))
}

/// Writes down how the addition of a set is taken back.
pub(super) fn intend(state: &mut State, set: &Set, part: Part, cib: &Cib) -> Result<()> {
    // For the time that failed connections are tried again, or leftovers of history dropped.
    let refresh = Undo::Property {
        name: tools::REFRESH_PROPERTY.to_owned(),
        previous: cib.property(tools::REFRESH_PROPERTY).map(str::to_owned),
    };
    // Another node that leads the set has it as it was before the set.
    let refresh = (set.nodes.is_empty() || !cib.has_id(&set.tag())).then_some(refresh);
    state
        .journal
        .intend(refresh.into_iter().chain(undos(set, part)))
}

/// Constraints of what the set was before, which would hold on beside its own.
fn drop_former(context: &Context, set: &Set, cib: &Cib) -> Result<()> {
    let mut former = config::former_ids(set);
    former.retain(|id| cib.has_id(id));
    tools::delete(&context.host, &former)
}

/// Puts into the CIB what a set is that it already knew as another.
///
/// # Errors
/// When the cluster does not say who this node is, or refuses it.
pub(super) fn add_again(context: &Context, state: &mut State, set: &Set, cib: &Cib) -> Result<()> {
    write_down(context, state, set, cib)?;
    let additions = config::additions(set, Part::All, &cluster(context, set, cib)?);
    tools::merge(&context.host, &additions)?;
    drop_former(context, set, cib)
}

fn cluster(context: &Context, set: &Set, cib: &Cib) -> Result<Cluster> {
    Ok(Cluster {
        this_node: home(context, set)?,
        roles: Roles::of_schema(cib.schema()),
        revive: revived(set, cib),
        joining: None,
    })
}

/// Learns what other runs than this one have made of the set in a state directory that other nodes
/// lead too, so that this run's failure does not take it away.
///
/// # Errors
/// When the journal cannot be written.
pub(super) fn adopt(context: &Context, state: &mut State) -> Result<()> {
    let Some(set) = state.set.clone().filter(|set| !set.nodes.is_empty()) else {
        return Ok(());
    };
    // Without a cluster nothing can be in its CIB that a run without one could touch.
    if let Ok(cib) = tools::query(&context.host) {
        let known = marks::in_cib(context, &cib, Some(&set))?;
        state.journal.intend(known)?;
    }
    state.journal.intend(left_here(&set))?;
    state.journal.runs_from_here();
    Ok(())
}

/// The node that the containers prefer: the one where a shared set was made, else this one.
pub(super) fn home(context: &Context, set: &Set) -> Result<String> {
    match set.nodes.first() {
        Some(home) => Ok(home.clone()),
        None => tools::this_node(&context.host),
    }
}

/// Lets crm_verify judge a few of a set, or a clone, that is new to the CIB; the rest are alike, and cibadmin
/// checks all of them against the schema. Its time grows with the square of their number (0.7 s
/// for 100), and it would ask nothing that the few do not answer.
fn check_sample(context: &Context, set: &Set, part: Part, cluster: &Cluster) -> Result<()> {
    const FEW: u32 = 8;
    let mut few = set.clone();
    few.spec.containers = few.spec.containers.min(FEW);
    tools::check_merge(&context.host, &config::additions(&few, part, cluster))
}

/// Ours that an interrupted removal has left stopped.
fn revived(set: &Set, cib: &Cib) -> Vec<String> {
    let ids = cib.ids();
    set.guests()
        .into_iter()
        .map(|g| g.resource)
        .chain([config::clone_id(set)])
        .filter(|id| ids.contains(config::target_role_id(id).as_str()))
        .collect()
}

/// What takes back the addition of a set, and what its containers leave on this host.
fn undos(set: &Set, part: Part) -> Vec<Undo> {
    let mut undos = Vec::new();
    if part == Part::All {
        undos.extend(left_here(set));
        for guest in set.guests() {
            undos.push(Undo::Node {
                name: guest.name.clone(),
            });
            undos.push(Undo::Resource {
                id: guest.resource,
                container: Some(guest.name),
            });
        }
    }
    undos.extend(
        config::object_ids(set, part)
            .into_iter()
            .map(|id| Undo::CibObject { id }),
    );
    if set.spec.clone {
        undos.push(Undo::Resource {
            id: config::clone_id(set),
            container: None,
        });
    }
    undos
}

/// What a set's containers leave on a node where the cluster can run them.
pub(super) fn left_here(set: &Set) -> Vec<Undo> {
    let mut undos: Vec<Undo> = Vec::new();
    let absent = |path: &PathBuf| !files::exists(path);
    undos.extend(
        by_products::directories()
            .filter(absent)
            .map(|path| Undo::EmptyDir { path }),
    );
    undos.extend(
        by_products::drop_ins()
            .filter(absent)
            .map(|path| Undo::File {
                path,
                container: None,
            }),
    );
    for guest in set.guests() {
        let container = Some(guest.name.clone());
        undos.extend(
            by_products::of_container(&guest.name)
                .into_iter()
                .filter(absent)
                .map(|path| Undo::File {
                    path,
                    container: container.clone(),
                }),
        );
        undos.push(Undo::Domain { name: guest.name });
    }
    undos
}

/// What mends two versions.
pub(super) const VERSION_MEND: &str = "install the same version of both, or give the daemon with \
     --remoted; for containers made before an upgrade: lxc-autogen cleanup, then up again";

/// A daemon of another version than the cluster's is told before it fails to join.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when the versions differ.
pub(super) fn check_version(context: &Context, set: &Set) -> Result<()> {
    match choose::version_mismatch(&context.host, &set.remoted, &set.layout.base)? {
        None => Ok(()),
        Some(what) => Err(Error::cant(what).mend(VERSION_MEND)),
    }
}
