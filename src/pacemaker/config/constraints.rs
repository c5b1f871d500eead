//! Location constraints of a set (Pacemaker Explained, "Rules", "Location constraints"). They are
//! over many resources, so that their number does not grow with the number of containers.

use super::{NODE_ATTRIBUTE, clone_id};
use crate::plan::{Machine, Set};
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

/// The pattern (an extended regular expression) of the ids of the set's primitives, and of no other
/// that somebody else could have: `^container([1-9]|1[0-2])$` of twelve.
fn all_of(set: &Set) -> String {
    numbered(&stem(&ids_of_first(set)[0]), set)
}

/// The pattern of the ids of the set's primitives and of those of its guest nodes' connections, which
/// are their names.
fn all_with_connections_of(set: &Set) -> String {
    let stems = ids_of_first(set).map(|id| stem(&id));
    numbered(&format!("({})", stems.join("|")), set)
}

/// The ids of the primitive and of the connection that a set's first container has or would have.
fn ids_of_first(set: &Set) -> [String; 2] {
    let prefix = &set.spec.prefix;
    match set.spec.kind {
        NodeKind::Guest => [prefix.resource(1), prefix.node(1)],
        NodeKind::Remote => [prefix.node(1), prefix.node(1)],
    }
}

/// What precedes the number in the id of a set's first container, as a pattern.
fn stem(id: &str) -> String {
    id.trim_end_matches('1').replace('.', "[.]")
}

fn numbered(stem: &str, set: &Set) -> String {
    let numbers = up_to(set.spec.containers);
    match numbers.as_slice() {
        [one] => format!("^{stem}{one}$"),
        several => format!("^{stem}({})$", several.join("|")),
    }
}

/// Patterns of the numbers from 1 to `last`, by their digits.
fn up_to(last: u32) -> Vec<String> {
    let digits = last.to_string().into_bytes();
    let range = |from: u8, to: u8| match from == to {
        true => char::from(from).to_string(),
        false => format!("[{}-{}]", char::from(from), char::from(to)),
    };
    let any = |count: usize| "[0-9]".repeat(count);
    // Those of fewer digits.
    let mut all: Vec<String> = (0..digits.len() - 1)
        .map(|more| format!("[1-9]{}", any(more)))
        .collect();
    // Those that begin with some of its digits and go on with a smaller one; and itself.
    for (at, digit) in digits.iter().enumerate() {
        let least = if at == 0 { b'1' } else { b'0' };
        let last = at + 1 == digits.len();
        let most = if last { *digit } else { digit - 1 };
        if most >= least && *digit > 0 {
            let begin = String::from_utf8_lossy(&digits[..at]).into_owned();
            let rest = any(digits.len() - at - 1);
            all.push(begin + &range(least, most) + &rest);
        }
    }
    all
}

/// With -A every cluster node may run the containers. A rule says so, so that it also holds where
/// symmetric-cluster is false.
fn anywhere(set: &Set) -> El {
    let id = format!("{}-placement", set.tag());
    El::new("rsc_location")
        .attr("id", &id)
        .attr("rsc-pattern", all_of(set))
        .child(rule(&id, "0", None, &[("#kind", "eq", Some("cluster"))]))
}

/// Prefers this node, as lxc_autogen.sh does for guest nodes. Where no other node has the
/// containers' files, no other node is probed or used.
pub(super) fn home(set: &Set, this_node: &str, discovery: Discovery) -> El {
    let location = El::new("rsc_location").attr("id", home_id(set));
    let location = location.attr("rsc-pattern", all_of(set));
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
        .attr("rsc-pattern", all_of(set))
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
        .attr("rsc-pattern", all_of(set))
        .attr("resource-discovery", "never")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;

    /// Every number is matched against the pattern, as grep -E would.
    #[test]
    fn a_pattern_is_of_the_sets_primitives_and_of_no_other() {
        assert_eq!(all_of(&sample(1)), "^container1$");
        assert_eq!(all_of(&sample(12)), "^container([1-9]|1[0-2])$");
        assert_eq!(
            all_with_connections_of(&sample(12)),
            "^(container|lxc)([1-9]|1[0-2])$"
        );
        assert_eq!(
            all_of(&sample(1203)),
            "^container([1-9]|[1-9][0-9]|[1-9][0-9][0-9]|1[0-1][0-9][0-9]|120[0-3])$"
        );
        for last in [
            1, 9, 10, 19, 20, 99, 100, 101, 110, 600, 999, 1000, 1203, 2000,
        ] {
            let pattern = regex::Regex::new(&all_of(&sample(last))).unwrap();
            for number in 0..2500 {
                let of_set = (1..=last).contains(&number);
                let id = format!("container{number}");
                assert_eq!(pattern.is_match(&id), of_set, "{number} of {last}");
            }
            assert!(!pattern.is_match("container01") && !pattern.is_match("xcontainer1"));
        }
    }
}
