//! Ids of a set's objects in the CIB, and the description that tells whose set it is.

use super::Part;
use super::constraints::{keep_off_id, placed_id, unprobed_id};
use super::named::{Named, containers_tag};
use crate::plan::Set;
use std::path::Path;

/// What follows a set's tag in the ids of the constraints on all of its primitives.
const CONSTRAINTS: &[&str] = &[HOME, ANYWHERE, CLUSTER_NODES, MEMBERS];
/// Ends of constraint ids: [`HOME`] is for sets that prefer one node, [`ANYWHERE`] and
/// [`CLUSTER_NODES`] are for sets that any cluster node can run.
pub(super) const HOME: &str = "home";
pub(super) const ANYWHERE: &str = "placement";
pub(super) const CLUSTER_NODES: &str = "cluster-nodes-only";
/// The end of the id of the constraint for sets that several nodes hold.
pub(super) const MEMBERS: &str = "members-only";
/// The end of the id of the clone's constraint.
pub(super) const CLONE_CONSTRAINT: &str = "clone-on-guests";

/// Ids of the constraints, the tag and the marker of this part of the set.
pub fn object_ids(set: &Set, part: Part, named: Named) -> Vec<String> {
    let mut ids = match part {
        Part::All => ids_of_tag(&set.tag()),
        Part::Clone => vec![clone_constraint_id(&set.tag())],
    };
    let passing = passing_ids(&set.tag());
    ids.retain(|id| !passing.contains(id));
    if named == Named::Pattern {
        ids.retain(|id| *id != containers_tag(&set.tag()));
    }
    let mut without: Vec<&str> = Vec::new();
    if !set.spec.keep_off {
        ids.retain(|id| *id != keep_off_id(&set.tag()));
    }
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

/// Ids of constraints that the set no longer has, but had with earlier options: when it preferred
/// one node, say, and now any node can run it.
pub fn former_ids(set: &Set) -> Vec<String> {
    let now = object_ids(set, Part::All, Named::Tag);
    let mut ids = ids_of_tag(&set.tag());
    // A clone stays until cleanup, and so does what a version before made without being asked.
    let until_cleanup = [clone_constraint_id(&set.tag()), keep_off_id(&set.tag())];
    ids.retain(|id| !now.contains(id) && !until_cleanup.contains(id));
    let passing = passing_ids(&set.tag());
    ids.retain(|id| !passing.contains(id));
    ids
}

/// All ids that the marker, the constraints and the tag of a set can have. They are whole ids, since
/// one set's can be the beginning of another's.
pub fn ids_of_tag(tag: &str) -> Vec<String> {
    let constraints = constraints_on_all(tag).into_iter();
    let others = [keep_off_id(tag), clone_constraint_id(tag)];
    constraints
        .chain(others)
        .chain([containers_tag(tag), tag.to_owned()])
        .chain(passing_ids(tag))
        .collect()
}

/// Ids of the constraints of a tag that are on all of the set's primitives.
pub fn constraints_on_all(tag: &str) -> Vec<String> {
    CONSTRAINTS
        .iter()
        .map(|end| format!("{tag}-{end}"))
        .collect()
}

/// Ids of the constraints of a tag that are in the CIB only while containers join.
pub fn passing_ids(tag: &str) -> Vec<String> {
    let placed = (0..MOST_PLACES).map(|place| placed_id(tag, place));
    [unprobed_id(tag)].into_iter().chain(placed).collect()
}

/// On so many nodes containers can run before the cluster knows them: as many as a lab has.
const MOST_PLACES: usize = 32;

/// The id of the constraint of a tag's clone.
pub fn clone_constraint_id(tag: &str) -> String {
    format!("{tag}-{CLONE_CONSTRAINT}")
}

/// The id of the constraint that keeps somebody else's resource off a tag's nodes.
pub fn keep_mine_id(tag: &str, resource: &str) -> String {
    format!("{tag}-off-{resource}")
}

/// The id of the clone of a tag, whichever set the tag is of; `None` for a tag that is not ours.
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

/// The description of a set's primitive, which ends with the set's tag. People read it behind the
/// state that crm_resource(8) and crm(8) print.
pub fn of_primitive(set: &Set, node: &str) -> String {
    let kind = set.spec.kind;
    format!("({kind} {node} of {})", set.tag())
}

/// The tag in the description of a set's primitive.
pub fn tag_of(description: &str) -> Option<&str> {
    let (_, tag) = description.strip_suffix(')')?.rsplit_once(" of ")?;
    Some(tag)
}

/// The description of a set's marker: people, and lxc-autogen itself, tell by it whose set it is.
pub fn description(this_node: &str, state_dir: &Path, mark: &str) -> String {
    format!(
        "made by lxc-autogen on {this_node} in {}, set {mark}",
        state_dir.display()
    )
}
