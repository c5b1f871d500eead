//! Changes to the CIB that come before resources are removed from it.

use super::joining::eased_meta;
use super::{Easing, NODE_ATTRIBUTE, clone_id, meta_id, nvpair, nvpairs};
use crate::plan::Set;
use crate::xml::El;

/// A change that sets the clone's number of instances (`clone-max`) to the set's number of
/// containers.
pub fn clone_limit(set: &Set) -> El {
    let id = clone_id(set);
    let limit = [("clone-max", set.spec.count().to_string())];
    El::new("configuration").child(
        El::new("resources").child(El::new("clone").attr("id", &id).child(nvpairs(
            "meta_attributes",
            &meta_id(&id),
            &limit,
        ))),
    )
}

/// A change that stops resources: it sets `target-role` in the meta attributes of each, and beside it
/// a mark by which a later run tells it from a resource that somebody has disabled.
pub fn stop(primitives: &[String], clones: &[String], easing: Option<&Easing>) -> El {
    let stopped = |kind: &str, id: &String, eased: Option<(&str, &str)>| {
        let set = meta_id(id);
        let eased = eased.map(|(name, value)| nvpair(&set, name, value));
        let meta = nvpairs(
            "meta_attributes",
            &set,
            &[("target-role", "Stopped".to_owned())],
        );
        let meta = meta.child(leaving(id, LEAVING));
        El::new(kind).attr("id", id).child(meta.children(eased))
    };
    let eased = easing.map(|_| eased_meta());
    let marker = |easing: &Easing| {
        El::new("template")
            .attr("id", &easing.tag)
            .child(easing.mark())
    };
    let resources = El::new("resources")
        .children(easing.map(marker))
        .children(primitives.iter().map(|id| stopped("primitive", id, eased)))
        .children(clones.iter().map(|id| stopped("clone", id, None)));
    El::new("configuration")
        .child(resources)
        .children(easing.map(Easing::defaults).unwrap_or_default())
}

/// The value of the mark of a resource that [`stop`] has stopped.
pub const LEAVING: &str = "leaving";

/// The id of that mark, a meta attribute that means nothing to the cluster.
pub fn leaving_id(resource: &str) -> String {
    format!("{}-{NODE_ATTRIBUTE}", meta_id(resource))
}

fn leaving(resource: &str, value: &str) -> El {
    El::new("nvpair")
        .attr("id", leaving_id(resource))
        .attr("name", NODE_ATTRIBUTE)
        .attr("value", value)
}

/// The meta attributes with which a resource runs again that [`stop`] has stopped.
pub(super) fn back(resource: &str) -> [El; 2] {
    let role = nvpair(&meta_id(resource), "target-role", "Started");
    [role, leaving(resource, "back")]
}
