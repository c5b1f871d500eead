//! The cluster as `crm_mon --output-as=xml` shows it (Pacemaker's api/crm_mon.rng), read by another
//! reader than the program's own: a mistake in that one must not hide itself.

use roxmltree::{Document, Node};
use std::collections::{BTreeMap, HashMap};

/// One look at the cluster.
#[derive(Debug, Default)]
pub struct View {
    /// Whether each node is online, and what else is said of it: `standby`, `unclean` and so on.
    pub nodes: BTreeMap<String, (bool, Vec<String>)>,
    /// Where each resource is active; instances of a clone under their primitive's id.
    pub active: HashMap<String, Vec<Active>>,
    /// Failed actions by the key of the operation: `lxc1_start_0`.
    pub failures: Vec<String>,
}

/// A place where a resource is active.
#[derive(Debug, Clone)]
pub struct Active {
    /// `Started`, `Promoted` and so on.
    pub role: String,
    /// Node names.
    pub nodes: Vec<String>,
}

impl View {
    /// Reads what crm_mon printed.
    pub fn parse(text: &str) -> View {
        let document = Document::parse(text).unwrap_or_else(|e| panic!("{e} in {text}"));
        let mut view = View::default();
        for node in elements(&document, "nodes", "node") {
            let notes = ["unclean", "pending", "standby", "maintenance"];
            let notes = notes.into_iter().filter(|note| is(node, note));
            let what = (is(node, "online"), notes.map(str::to_owned).collect());
            view.nodes.insert(attribute(node, "name"), what);
        }
        let resources = document
            .descendants()
            .filter(|n| n.has_tag_name("resource"));
        for resource in resources.filter(|resource| is(*resource, "active")) {
            let id = attribute(resource, "id");
            let id = id.split(':').next().unwrap_or_default();
            let nodes = resource.children().filter(|n| n.has_tag_name("node"));
            view.active.entry(id.to_owned()).or_default().push(Active {
                role: attribute(resource, "role"),
                nodes: nodes.map(|n| attribute(n, "name")).collect(),
            });
        }
        let failures = elements(&document, "failures", "failure");
        view.failures = failures
            .map(|failure| attribute(failure, "op_key"))
            .collect();
        view
    }

    /// Whether a node is online.
    pub fn online(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|(online, _)| *online)
    }

    /// Nodes that are online and nothing else. crm_mon takes a guest or remote node for online while
    /// its connection is only being started.
    pub fn all_online(&self) -> impl Iterator<Item = &str> {
        let starting = |name: &String| {
            let places = self.active.get(name).into_iter().flatten();
            places.into_iter().any(|a| a.role == "Starting")
        };
        let nodes = self.nodes.iter();
        let online = nodes
            .filter(move |(name, (online, notes))| *online && notes.is_empty() && !starting(name));
        online.map(|(name, _)| name.as_str())
    }

    /// The nodes on which a resource is active.
    pub fn runs_on(&self, resource: &str) -> Vec<String> {
        let places = self.active.get(resource).into_iter().flatten();
        places.flat_map(|place| place.nodes.clone()).collect()
    }
}

fn elements<'a>(
    document: &'a Document<'a>,
    list: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'a>> {
    let lists = document.root_element().children();
    lists
        .filter(move |n| n.has_tag_name(list))
        .flat_map(|n| n.children())
        .filter(move |n| n.has_tag_name(name))
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    node.attribute(name).unwrap_or_default().to_owned()
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.attribute(name) == Some("true")
}
