//! Location constraints of a set (Pacemaker Explained, "Rules", "Location constraints"). They are
//! over many resources, so that their number does not grow with the number of containers.

use super::named::{Named, all_with_connections_of};
use super::{NODE_ATTRIBUTE, clone_id};
use crate::plan::{Machine, Set};
use crate::xml::El;

/// All constraints of a set's containers.
///
/// Where a rule decides, the scheduler evaluates it for every container on every node. Guest nodes
/// are nodes themselves, so with many of them this takes most of the scheduler's time. A constraint
/// that names its node costs nothing. So rules are used only where several nodes can run the
/// containers.
pub(super) fn of_containers(
    set: &Set,
    named: Named,
    this_node: &str,
    discovery: Discovery,
) -> Vec<El> {
    let mut all = vec![match set.spec.anywhere {
        true => anywhere(set, named),
        false => home(set, named, this_node, discovery),
    }];
    if !set.nodes.is_empty() {
        all.push(members_only(set, named));
    } else if set.spec.anywhere {
        all.push(cluster_nodes_only(set, named));
    }
    all.extend(set.spec.keep_off.then(|| keep_off(set)));
    all
}

/// A location constraint on all of a set's primitives, to be completed.
fn on_all(set: &Set, named: Named, id: &str) -> El {
    named.on_all(set, El::new("rsc_location").attr("id", id))
}

/// Whether the cluster probes nodes for a container that may run there already (Pacemaker
/// Explained, "Limiting Resource Discovery to a Subset of Nodes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discovery {
    /// While the containers join: no node is probed.
    Joining,
    /// When they have joined: the nodes that can run them are probed.
    Joined,
}

/// With -A every cluster node may run the containers. A rule says so, so that it also holds where
/// symmetric-cluster is false.
fn anywhere(set: &Set, named: Named) -> El {
    let id = format!("{}-placement", set.tag());
    let only = [("#kind", "eq", Some("cluster"))];
    on_all(set, named, &id).child(rule(&id, "0", None, &only))
}

/// Prefers this node, as lxc_autogen.sh does for guest nodes. Where no other node has the
/// containers' files, no other node is probed or used.
pub(super) fn home(set: &Set, named: Named, this_node: &str, discovery: Discovery) -> El {
    let location = on_all(set, named, &home_id(set));
    let location = location.attr("node", this_node).attr("score", "INFINITY");
    match discovery {
        Discovery::Joining => location.attr("resource-discovery", NEVER),
        Discovery::Joined if set.nodes.is_empty() => {
            location.attr("resource-discovery", "exclusive")
        }
        Discovery::Joined => location.attr("resource-discovery", "always"),
    }
}

/// The value of resource-discovery while containers join.
pub(super) const NEVER: &str = "never";

/// The id of the constraint that [`home`] makes.
pub(super) fn home_id(set: &Set) -> String {
    format!("{}-home", set.tag())
}

/// Containers run on cluster nodes; probing them elsewhere would only cost time and errors.
fn cluster_nodes_only(set: &Set, named: Named) -> El {
    let id = format!("{}-cluster-nodes-only", set.tag());
    let others = [("#kind", "ne", Some("cluster"))];
    on_all(set, named, &id)
        .attr("resource-discovery", NEVER)
        .child(rule(&id, "-INFINITY", None, &others))
}

/// The containers run only on the nodes that hold the set: no other node has their files.
fn members_only(set: &Set, named: Named) -> El {
    let id = format!("{}-members-only", set.tag());
    let others: Vec<(&str, &str, Option<&str>)> = set
        .nodes
        .iter()
        .map(|node| ("#uname", "ne", Some(node.as_str())))
        .collect();
    on_all(set, named, &id)
        .attr("resource-discovery", NEVER)
        .child(rule(&id, "-INFINITY", Some("and"), &others))
}

/// While new containers join, no cluster node is probed for them, nor for a connection to them: they
/// were made just now and run nowhere, and a probe costs as many jobs as a start. The constraint is taken out when they have
/// joined, since with it the cluster could overlook a container that runs somewhere. Where home is
/// the only node that can run them, [`home`] has the same effect and this constraint is not needed.
pub(super) fn unprobed(set: &Set) -> El {
    let id = unprobed_id(&set.tag());
    El::new("rsc_location")
        .attr("id", &id)
        .attr("rsc-pattern", all_with_connections_of(set))
        .attr("resource-discovery", "never")
        .child(rule(&id, "0", None, &[("#kind", "ne", Some("container"))]))
}

/// While containers join that run on this node already: the cluster finds them started there. Without
/// it the cluster would choose the node, and start them a second time. `place` is the node's number
/// among those that containers are placed on, from 0. `None` when none of them is there.
pub(super) fn placed(set: &Set, place: usize, node: &str, guests: &[&Machine]) -> Option<El> {
    let ids: Vec<String> = guests
        .iter()
        .map(|g| g.resource.replace('.', "[.]"))
        .collect();
    (!ids.is_empty()).then(|| {
        El::new("rsc_location")
            .attr("id", placed_id(&set.tag(), place))
            .attr("rsc-pattern", format!("^({})$", ids.join("|")))
            .attr("node", node)
            // More than a resource-stickiness that people use, and no order.
            .attr("score", 10_000)
            .attr("resource-discovery", NEVER)
    })
}

/// The id of the constraint that [`placed`] makes.
pub(super) fn placed_id(tag: &str, place: usize) -> String {
    format!("{tag}-placed-{}", place + 1)
}

/// The id of the constraint that keeps cluster nodes from being probed while containers join.
pub(super) fn unprobed_id(tag: &str) -> String {
    format!("{tag}-unprobed")
}

/// The id of the constraint that [`keep_off`] makes.
pub(super) fn keep_off_id(tag: &str) -> String {
    format!("{tag}-keep-off")
}

/// The resources of Pacemaker's test suite stay off our guests, as lxc_autogen.sh has it. They need
/// not exist: a tag cannot name them.
fn keep_off(set: &Set) -> El {
    let id = keep_off_id(&set.tag());
    El::new("rsc_location")
        .attr("id", &id)
        .attr("rsc-pattern", "^(Connectivity$|rsc_)")
        .attr("resource-discovery", "never")
        .child(rule(
            &id,
            "-INFINITY",
            None,
            &[(NODE_ATTRIBUTE, "eq", Some(set.spec.prefix.as_str()))],
        ))
}

/// The promotable clone runs on our guests and nowhere else, as if each had its own constraint.
pub(super) fn clone_on_guests(set: &Set) -> El {
    let id = format!("{}-clone-on-guests", set.tag());
    El::new("rsc_location")
        .attr("id", &id)
        .attr("rsc", clone_id(set))
        .attr("resource-discovery", "never")
        .child(rule(
            &id,
            "-INFINITY",
            Some("or"),
            &[
                (NODE_ATTRIBUTE, "not_defined", None),
                (NODE_ATTRIBUTE, "ne", Some(set.spec.prefix.as_str())),
            ],
        ))
}

pub(super) fn rule(
    id: &str,
    score: &str,
    op: Option<&str>,
    parts: &[(&str, &str, Option<&str>)],
) -> El {
    let mut rule = El::new("rule")
        .attr("id", format!("{id}-rule"))
        .attr("score", score);
    if let Some(op) = op {
        rule = rule.attr("boolean-op", op);
    }
    rule.children(
        parts
            .iter()
            .enumerate()
            .map(|(n, (attribute, operation, value))| {
                let expression = El::new("expression")
                    .attr("id", format!("{id}-rule-{n}"))
                    .attr("attribute", attribute)
                    .attr("operation", operation);
                match value {
                    Some(value) => expression.attr("value", value),
                    None => expression,
                }
            }),
    )
}
