//! Which objects in the CIB are lxc-autogen's, and to which of its sets they belong.

use super::cib::{Cib, is_remote};
use super::config::{clone_constraint_id, keep_mine_id, tag_of};
use crate::xml::El;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The beginning of our sets' tags, and of the ids of their markers and constraints.
const OURS: &str = "lxc-autogen-";

/// The tag of the set that a primitive is of, for one that lxc-autogen made: its description, or its
/// template where version 0.1.0 made it.
fn set_of(primitive: &El) -> Option<&str> {
    let is_container = primitive.get("type") == Some("VirtualDomain");
    let said = match is_remote(primitive) || is_container {
        true => primitive.get("description").and_then(tag_of),
        false => primitive.get("template"),
    };
    said.filter(|tag| tag.starts_with(OURS))
}

/// Whether this is the id of the constraint that puts this clone of ours on guest nodes.
fn is_of_a_clone(constraint: &str, clone: &str) -> bool {
    let tag = clone
        .strip_suffix("-clone")
        .map(|prefix| format!("{OURS}{prefix}"));
    tag.is_some_and(|tag| constraint == clone_constraint_id(&tag))
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

    /// A set's primitives: those whose description has its tag.
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
        let resources = self.in_section("resources").into_iter();
        let primitive = resources
            .filter(|e| e.name == "primitive" && e.get("id") == Some(id))
            .any(|e| set_of(e).is_some());
        let constraints = self.in_section("constraints").into_iter();
        primitive
            || constraints
                .filter(|e| e.name == "rsc_location" && e.get("rsc") == Some(id))
                .filter_map(|e| e.get("id"))
                .any(|constraint| is_of_a_clone(constraint, id))
    }

    /// Resources that lxc-autogen did not make, each with the ids of its primitives, or its own: those
    /// that the cluster runs on nodes of any kind. So no fence devices, which run on cluster nodes only,
    /// and neither guests nor connections, which remote nodes cannot run.
    pub fn others_resources(&self) -> Vec<(&str, Vec<&str>)> {
        let guests: HashSet<&str> = self.guest_nodes().into_iter().map(|(_, id)| id).collect();
        let runs_anywhere = |e: &&El| {
            e.name != "template"
                && e.get("class") != Some("stonith")
                && !is_remote(e)
                && e.get("id").is_some_and(|id| !guests.contains(id))
        };
        let top = self.section("resources").into_iter();
        let top = top.flat_map(|section| &section.children);
        top.filter(runs_anywhere)
            .filter_map(|e| Some((e.get("id")?, e)))
            .filter(|(id, _)| !self.is_our_resource(id))
            .map(|(id, e)| {
                let primitives = e.all("primitive").into_iter();
                let inside: Vec<&str> = primitives.filter_map(|p| p.get("id")).collect();
                (id, if inside.is_empty() { vec![id] } else { inside })
            })
            .collect()
    }

    /// The ids of a set's constraints that keep others' resources off its nodes.
    pub fn kept_off(&self, tag: &str) -> Vec<&str> {
        let constraints = self.in_section("constraints").into_iter();
        constraints
            .filter_map(|e| Some((e.get("id")?, e.get("rsc")?)))
            .filter(|(id, resource)| *id == keep_mine_id(tag, resource))
            .map(|(id, _)| id)
            .collect()
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
        let end = format!(", set {mark}");
        self.of_sets(|description| !description.ends_with(&end))
    }

    /// The same of sets that were not made from this state directory, where a mark is not known: the
    /// set in it cannot be read, or it is a lab's.
    pub fn of_sets_elsewhere(&self, state_dir: &Path) -> HashSet<String> {
        let here = format!(" in {}, set ", state_dir.display());
        self.of_sets(|description| !description.contains(&here))
    }

    fn of_sets(&self, is_wanted: impl Fn(&str) -> bool) -> HashSet<String> {
        let mut others = HashSet::new();
        for tag in self.our_sets() {
            if !is_wanted(self.description(tag).unwrap_or_default()) {
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
