//! Ids of what a set has in the CIB, and the description that tells whose it is.

use super::{Part, unprobed_id};
use crate::plan::Set;
use std::path::Path;

/// Ends of the ids of a set's constraints, behind its tag.
const CONSTRAINTS: &[&str] = &[HOME, ANYWHERE, CLUSTER_NODES, "keep-off", MEMBERS];
/// Those of sets that prefer one node, and of sets that any node can run.
pub(super) const HOME: &str = "home";
pub(super) const ANYWHERE: &str = "placement";
pub(super) const CLUSTER_NODES: &str = "cluster-nodes-only";
/// The same of the one that sets have which several nodes hold.
pub(super) const MEMBERS: &str = "members-only";
/// The same of the clone's.
pub(super) const CLONE_CONSTRAINT: &str = "clone-on-guests";

/// Ids of a part's constraints and template.
pub fn object_ids(set: &Set, part: Part) -> Vec<String> {
    let mut ids = match part {
        Part::All => ids_of_tag(&set.tag()),
        Part::Clone => vec![clone_constraint_id(&set.tag())],
    };
    // It comes and goes with a join.
    ids.retain(|id| *id != unprobed_id(&set.tag()));
    let mut without: Vec<&str> = Vec::new();
    let shared = !set.nodes.is_empty();
    if !shared {
        without.push(MEMBERS);
    }
    if shared || !set.spec.anywhere {
        without.push(CLUSTER_NODES);
    }
    without.push(if set.spec.anywhere { HOME } else { ANYWHERE });
    if !set.spec.clone {
        without.push(CLONE_CONSTRAINT);
    }
    ids.retain(|id| {
        !without
            .iter()
            .any(|end| *id == format!("{}-{end}", set.tag()))
    });
    ids
}

/// Ids of constraints that the set had when it was another (a node of its own, then any), and has
/// no more.
pub fn former_ids(set: &Set) -> Vec<String> {
    let now = object_ids(set, Part::All);
    let mut ids = ids_of_tag(&set.tag());
    // A clone stays until cleanup.
    ids.retain(|id| !now.contains(id) && *id != clone_constraint_id(&set.tag()));
    ids.retain(|id| *id != unprobed_id(&set.tag()));
    ids
}

/// Ids that the template and constraints of a tag can have, exactly: tags can begin alike.
pub fn ids_of_tag(tag: &str) -> Vec<String> {
    let constraints = CONSTRAINTS.iter().map(|end| format!("{tag}-{end}"));
    constraints
        .chain([clone_constraint_id(tag), unprobed_id(tag), tag.to_owned()])
        .collect()
}

/// The id of the clone's constraint.
pub fn clone_constraint_id(tag: &str) -> String {
    format!("{tag}-{CLONE_CONSTRAINT}")
}

/// The id of the clone of a tag, whatever set has it.
pub fn clone_id_of_tag(tag: &str) -> Option<String> {
    let prefix = tag.strip_prefix("lxc-autogen-")?;
    Some(format!("{prefix}-clone"))
}

/// The id of the set's promotable clone.
pub fn clone_id(set: &Set) -> String {
    format!("{}-clone", set.spec.prefix)
}

/// The id of the primitive in the set's promotable clone.
pub fn clone_primitive_id(set: &Set) -> String {
    let end = if set.spec.old_names { "ms" } else { "rsc" };
    format!("{}-{end}", set.spec.prefix)
}

/// The template's description, by which people and we tell whose set it is.
pub fn description(this_node: &str, state_dir: &Path, mark: &str) -> String {
    format!(
        "made by lxc-autogen on {this_node} in {}, set {mark}",
        state_dir.display()
    )
}
