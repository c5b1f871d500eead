//! Where things may run (Pacemaker Explained, "Rules", "Location constraints"): rules, so that
//! their number does not grow with the containers'.

use super::{NODE_ATTRIBUTE, clone_id};
use crate::plan::Set;
use crate::xml::El;

/// This node preferred, as lxc_autogen.sh has it; with -A all cluster nodes alike, said so that
/// it holds where symmetric-cluster is false too.
pub(super) fn placement(set: &Set, this_node: &str) -> El {
    let id = format!("{}-placement", set.tag());
    let location = El::new("rsc_location")
        .attr("id", &id)
        .attr("rsc", set.tag());
    // Always a rule, so that a merge can turn the one into the other.
    let (score, attribute, value) = if set.spec.anywhere {
        ("0", "#kind", "cluster")
    } else {
        ("INFINITY", "#uname", this_node)
    };
    location.child(rule(&id, score, None, &[(attribute, "eq", Some(value))]))
}

/// Containers run on cluster nodes; probing them elsewhere would only cost time and errors.
pub(super) fn cluster_nodes_only(set: &Set) -> El {
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

/// Only on the nodes that hold the set: elsewhere their files are not there.
pub(super) fn members_only(set: &Set) -> El {
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

/// While new containers join nobody need ask every cluster node whether one runs there already:
/// they were made just now, and asking costs as many jobs as starting them. Taken out again when
/// they have joined, since with it the cluster could overlook one that runs somewhere.
pub fn unprobed(set: &Set) -> El {
    let id = unprobed_id(&set.tag());
    El::new("rsc_location")
        .attr("id", &id)
        .attr("rsc", set.tag())
        .attr("resource-discovery", "never")
        .child(rule(&id, "0", None, &[("#kind", "eq", Some("cluster"))]))
}

/// The id of [`unprobed`].
pub fn unprobed_id(tag: &str) -> String {
    format!("{tag}-unprobed")
}

/// The resources of Pacemaker's test suite stay off our guests.
pub(super) fn keep_off(set: &Set) -> El {
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
