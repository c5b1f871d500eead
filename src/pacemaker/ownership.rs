//! What of the CIB is lxc-autogen's, and whose of its sets.

use super::cib::{Cib, is_remote};
use crate::xml::El;
use std::collections::{HashMap, HashSet};

/// What the ids of our templates and constraints begin with.
const OURS: &str = "lxc-autogen-";

/// What tells whose a primitive is, if it is one of lxc-autogen's.
fn set_of(primitive: &El) -> Option<&str> {
    match primitive.get("template") {
        None if is_remote(primitive) => primitive.get("description"),
        template => template,
    }
}

impl Cib {
    /// Whether there are connections to guest nodes or remote nodes that nothing of ours made.
    pub fn has_others_connections(&self) -> bool {
        let resources = self.in_section("resources");
        let theirs: HashSet<&str> = resources
            .iter()
            .filter(|e| e.name == "primitive")
            .filter(|e| !set_of(e).is_some_and(|set| set.starts_with(OURS)))
            .filter_map(|e| e.get("id"))
            .collect();
        let guests = self.guest_nodes().into_iter().map(|(_, id)| id);
        let remotes = resources.iter().filter(|e| is_remote(e));
        guests
            .chain(remotes.filter_map(|e| e.get("id")))
            .any(|id| theirs.contains(id))
    }

    /// The prefix in our mark on a node's entry, if it has one.
    pub fn node_mark(&self, node: &str) -> Option<&str> {
        self.in_section("nodes")
            .into_iter()
            .find(|e| e.name == "node" && e.get("uname") == Some(node))?
            .all("nvpair")
            .into_iter()
            .find(|n| n.get("name") == Some(super::config::NODE_ATTRIBUTE))?
            .get("value")
    }

    /// Ids of a set's primitives: those made from its template, and remote nodes whose description
    /// is its tag.
    pub fn of_set(&self, tag: &str) -> Vec<&str> {
        self.in_section("resources")
            .into_iter()
            .filter(|e| e.name == "primitive" && set_of(e) == Some(tag))
            .filter_map(|e| e.get("id"))
            .collect()
    }

    /// A set's nodes, as (node name, id of the primitive).
    pub fn nodes_of_set(&self, tag: &str) -> Vec<(&str, &str)> {
        let primitives = self.of_set(tag);
        let guests: HashMap<&str, &str> = self
            .guest_nodes()
            .into_iter()
            .map(|(node, id)| (id, node))
            .collect();
        let node = |id| guests.get(id).copied().unwrap_or(id);
        primitives.into_iter().map(|id| (node(id), id)).collect()
    }

    /// Ids of templates that lxc-autogen made, of whatever set.
    pub fn our_templates(&self) -> Vec<&str> {
        self.in_section("resources")
            .into_iter()
            .filter(|e| e.name == "template")
            .filter_map(|e| e.get("id"))
            .filter(|id| id.starts_with(OURS))
            .collect()
    }

    /// Whether a resource is one that lxc-autogen makes, of whatever set: a primitive of a template
    /// of ours, or a clone that a constraint of ours puts on guest nodes. Its id tells nothing:
    /// somebody else's can be `container1` too.
    pub fn is_our_resource(&self, id: &str) -> bool {
        let ours = |text: Option<&str>| text.is_some_and(|t| t.starts_with(OURS));
        let resources = self.in_section("resources").into_iter();
        let primitive = resources
            .filter(|e| e.name == "primitive" && e.get("id") == Some(id))
            .any(|e| ours(set_of(e)));
        let constraints = self.in_section("constraints").into_iter();
        primitive
            || constraints
                .filter(|e| e.name == "rsc_location" && e.get("rsc") == Some(id))
                .any(|e| ours(e.get("id")))
    }

    /// What the template of a tag says of whose set it is.
    pub fn description(&self, tag: &str) -> Option<&str> {
        self.in_section("resources")
            .into_iter()
            .find(|e| e.name == "template" && e.get("id") == Some(tag))?
            .get("description")
    }

    /// Names and ids that belong to other sets of lxc-autogen than the one with this mark.
    pub fn of_other_sets(&self, mark: &str) -> HashSet<String> {
        let mut others = HashSet::new();
        let end = format!(", set {mark}");
        for tag in self.our_templates() {
            if self.description(tag).is_some_and(|d| d.ends_with(&end)) {
                continue;
            }
            let nodes = self.nodes_of_set(tag).into_iter();
            others.extend(nodes.flat_map(|(node, id)| [node.to_owned(), id.to_owned()]));
            others.extend(super::config::ids_of_tag(tag));
            others.extend(super::config::clone_id_of_tag(tag));
        }
        others
    }
}
