//! Location constraints of a set (Pacemaker Explained, "Rules", "Location constraints"). They are
//! rules over many resources, so that their number does not grow with the number of containers.

use super::{NODE_ATTRIBUTE, clone_id};
use crate::plan::Set;
use crate::spec::NodeKind;
use crate::xml::El;

/// All constraints of a set's containers.
///
/// Where a rule decides, the scheduler evaluates it for every container on every node. Guest nodes
/// are nodes themselves, so with many of them this takes most of the scheduler's time. A constraint
/// that names its node costs nothing. So rules are used only where several nodes can run the
/// containers.
pub(super) fn of_containers(set: &Set, this_node: &str, discovery: Discovery) -> Vec<El> {
    let mut all = vec![match set.spec.anywhere {
        true => anywhere(set),
        false => home(set, this_node, discovery),
    }];
    if !set.nodes.is_empty() {
        all.push(members_only(set));
    } else if set.spec.anywhere {
        all.push(cluster_nodes_only(set));
    }
    all.push(keep_off(set));
    all
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
fn anywhere(set: &Set) -> El {
    let id = format!("{}-placement", set.tag());
    El::new("rsc_location")
        .attr("id", &id)
        .attr("rsc", set.tag())
        .child(rule(&id, "0", None, &[("#kind", "eq", Some("cluster"))]))
}

/// Prefers this node, as lxc_autogen.sh does for guest nodes. Where no other node has the
/// containers' files, no other node is probed or used.
pub(super) fn home(set: &Set, this_node: &str, discovery: Discovery) -> El {
    let location = El::new("rsc_location").attr("id", home_id(set));
    let location = match set.spec.kind {
        NodeKind::Guest => location.attr("rsc", set.tag()),
        // Their primitives are not made from the template, so a pattern over their ids selects
        // them. Only this node has the network that they are on.
        NodeKind::Remote => location.attr(
            "rsc-pattern",
            format!("^{}[0-9]+$", set.spec.prefix.as_str().replace('.', "[.]")),
        ),
    };
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
fn cluster_nodes_only(set: &Set) -> El {
    let id = format!("{}-cluster-nodes-only", set.tag());
    El::new("rsc_location")
        .attr("id", &id)
        .attr("rsc", set.tag())
        .attr("resource-discovery", "never")
        .child(rule(
            &id,
            "-INFINITY",
            None,
            &[("#kind", "ne", Some("cluster"))],
        ))
}

/// The containers run only on the nodes that hold the set: no other node has their files.
fn members_only(set: &Set) -> El {
    let id = format!("{}-members-only", set.tag());
    let others: Vec<(&str, &str, Option<&str>)> = set
        .nodes
        .iter()
        .map(|node| ("#uname", "ne", Some(node.as_str())))
        .collect();
    El::new("rsc_location")
        .attr("id", &id)
        .attr("rsc", set.tag())
        .attr("resource-discovery", "never")
        .child(rule(&id, "-INFINITY", Some("and"), &others))
}

/// While new containers join, no cluster node is probed for them: they were made just now and run
/// nowhere, and a probe costs as many jobs as a start. The constraint is taken out when they have
/// joined, since with it the cluster could overlook a container that runs somewhere. Where home is
/// the only node that can run them, [`home`] has the same effect and this constraint is not needed.
pub(super) fn unprobed(set: &Set) -> El {
    let id = unprobed_id(&set.tag());
    El::new("rsc_location")
        .attr("id", &id)
        .attr("rsc", set.tag())
        .attr("resource-discovery", "never")
        .child(rule(&id, "0", None, &[("#kind", "ne", Some("container"))]))
}

/// The id of the constraint that keeps cluster nodes from being probed while containers join.
pub fn unprobed_id(tag: &str) -> String {
    format!("{tag}-unprobed")
}

/// The resources of Pacemaker's test suite stay off our guests.
fn keep_off(set: &Set) -> El {
    let id = format!("{}-keep-off", set.tag());
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

fn rule(id: &str, score: &str, op: Option<&str>, parts: &[(&str, &str, Option<&str>)]) -> El {
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
