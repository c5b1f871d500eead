//! Which objects in the CIB are lxc-autogen's, and to which of its sets they belong.

use super::cib::{Cib, is_remote};
use crate::xml::El;
use std::collections::{HashMap, HashSet};

/// The beginning of our sets' tags, and of the ids of their markers and constraints.
const OURS: &str = "lxc-autogen-";

/// The tag of the set that a primitive is of, for one that lxc-autogen made: its description, or its
/// template where version 0.1.0 made it.
fn set_of(primitive: &El) -> Option<&str> {
    let is_container = primitive.get("type") == Some("VirtualDomain");
    let said = match is_remote(primitive) || is_container {
        true => primitive.get("description"),
        false => primitive.get("template"),
    };
    said.filter(|tag| tag.starts_with(OURS))
}

impl Cib {
    /// Whether there are connections to guest nodes or remote nodes that lxc-autogen did not make.
    pub fn has_others_connections(&self) -> bool {
        let resources = self.in_section("resources");
        let theirs: HashSet<&str> = resources
            .iter()
            .filter(|e| e.name == "primitive")
            .filter(|e| set_of(e).is_none())
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

    /// Ids of a set's primitives.
    pub fn of_set(&self, tag: &str) -> Vec<&str> {
        let primitives = self.primitives_of_set(tag).into_iter();
        primitives.filter_map(|e| e.get("id")).collect()
    }

    /// A set's primitives: those whose description is its tag.
    pub fn primitives_of_set(&self, tag: &str) -> Vec<&El> {
        self.in_section("resources")
            .into_iter()
            .filter(|e| e.name == "primitive" && set_of(e) == Some(tag))
            .collect()
    }

    /// Whether a set's primitives are made from a template, as those of version 0.1.0 are.
    pub fn is_of_a_template(&self, tag: &str) -> bool {
        let primitives = self.primitives_of_set(tag);
        primitives.iter().any(|e| e.get("template").is_some())
    }

    /// The nodes of a set, as (node name, id of the primitive).
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

    /// The tags of all sets that lxc-autogen made: the ids of their markers, which are templates.
    pub fn our_sets(&self) -> Vec<&str> {
        self.in_section("resources")
            .into_iter()
            .filter(|e| e.name == "template")
            .filter_map(|e| e.get("id"))
            .filter(|id| id.starts_with(OURS))
            .collect()
    }

    /// Whether lxc-autogen made this resource, for any set: a primitive that says so, or a
    /// clone that a constraint of ours puts on guest nodes. The id alone does not tell: somebody
    /// else's resource can be called `container1` too.
    pub fn is_our_resource(&self, id: &str) -> bool {
        let ours = |text: Option<&str>| text.is_some_and(|t| t.starts_with(OURS));
        let resources = self.in_section("resources").into_iter();
        let primitive = resources
            .filter(|e| e.name == "primitive" && e.get("id") == Some(id))
            .any(|e| set_of(e).is_some());
        let constraints = self.in_section("constraints").into_iter();
        primitive
            || constraints
                .filter(|e| e.name == "rsc_location" && e.get("rsc") == Some(id))
                .any(|e| ours(e.get("id")))
    }

    /// The description of a tag's marker, which tells whose set it is.
    pub fn description(&self, tag: &str) -> Option<&str> {
        self.in_section("resources")
            .into_iter()
            .find(|e| e.name == "template" && e.get("id") == Some(tag))?
            .get("description")
    }

    /// Node names and ids that belong to sets of lxc-autogen other than the one with this mark.
    pub fn of_other_sets(&self, mark: &str) -> HashSet<String> {
        let mut others = HashSet::new();
        let end = format!(", set {mark}");
        for tag in self.our_sets() {
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
