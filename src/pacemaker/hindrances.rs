//! What in a CIB can keep a set's nodes from being started: other people's constraints and nodes'
//! attributes; and what somebody has done to single nodes.

use super::cib::Cib;
use crate::xml::El;
use regex::Regex;

/// Node attributes by which a node runs nothing (Pacemaker Explained, "Special Node Attributes").
const NODE_OFF: [&str; 2] = ["standby", "maintenance"];

impl Cib {
    /// Whether there is anything that could keep nodes from being started: a constraint that
    /// lxc-autogen did not make, a cluster node's attribute, or a cluster in which resources run only
    /// where a constraint says so.
    pub fn has_hindrances(&self) -> bool {
        let constraints = self.in_section("constraints").into_iter();
        let others = constraints
            .filter_map(|e| e.get("id"))
            .any(|id| !is_ours(id));
        others || self.has_node_off() || !self.flag("symmetric-cluster", true)
    }

    /// Whether a node has, or had, an attribute by which it runs nothing.
    pub fn has_node_off(&self) -> bool {
        let state = self.root().find("status").map(El::walk).unwrap_or_default();
        let all = self.in_section("nodes").into_iter().chain(state);
        all.filter(|e| e.name == "nvpair")
            .filter_map(|e| e.get("name"))
            .any(|name| NODE_OFF.contains(&name))
    }

    /// Ids of other people's constraints by which any of these resources is kept off any of these
    /// nodes, or by a rule off some nodes.
    pub fn bans(&self, resources: &[&str], nodes: &[String]) -> Vec<&str> {
        let is_rule = |child: &El| child.name == "rule" && is_negative(child);
        let is_there = |e: &El| match e.get("node") {
            Some(node) => is_negative(e) && nodes.iter().any(|n| n == node),
            None => e.children.iter().any(is_rule),
        };
        self.against(resources, is_there)
    }

    /// Ids of other people's constraints that keep any of these resources off this very node.
    pub(super) fn bans_of(&self, resources: &[&str], node: &str) -> Vec<&str> {
        let is_off = |e: &El| e.get("node") == Some(node) && e.get("score") == Some("-INFINITY");
        self.against(resources, is_off)
    }

    fn against(&self, resources: &[&str], is_there: impl Fn(&El) -> bool) -> Vec<&str> {
        let tags = self.tags_with(resources);
        let is_of = |e: &El| {
            let is_meant = |id: &str| resources.contains(&id) || tags.contains(id);
            let named = e.get("rsc").is_some_and(is_meant);
            let pattern = e.get("rsc-pattern").and_then(|p| Regex::new(p).ok());
            named || pattern.is_some_and(|p| resources.iter().any(|id| p.is_match(id)))
        };
        self.in_section("constraints")
            .into_iter()
            .filter(|e| e.name == "rsc_location" && is_of(e) && is_there(e))
            .filter_map(|e| e.get("id"))
            .filter(|id| !is_ours(id))
            .collect()
    }
}

fn is_negative(e: &El) -> bool {
    e.get("score").is_some_and(|score| score.starts_with('-'))
}

/// Whether a constraint's id is one that lxc-autogen gives.
fn is_ours(id: &str) -> bool {
    id.starts_with("lxc-autogen-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cib(constraints: &str, attributes: &str) -> Cib {
        Cib::parse(&format!(
            "<cib><configuration><nodes><node id=\"1\" uname=\"n1\"><instance_attributes id=\"a\">\
             {attributes}</instance_attributes></node></nodes><constraints>{constraints}\
             </constraints></configuration></cib>"
        ))
        .unwrap()
    }

    #[test]
    fn bans_are_other_peoples_constraints_against_these_resources_here() {
        let found = |constraints: &str| {
            let cib = cib(constraints, "");
            let nodes = ["n1".to_owned()];
            let ids = cib.bans(&["lxc1", "container1"], &nodes);
            ids.join(" ")
        };
        let ban = |id: &str, what: &str, node: &str, score: &str| {
            format!("<rsc_location id=\"{id}\" {what} node=\"{node}\" score=\"{score}\"/>")
        };
        assert_eq!(
            found(&ban("b", "rsc=\"container1\"", "n1", "-INFINITY")),
            "b"
        );
        assert_eq!(
            found(&ban("b", "rsc-pattern=\"cont.*\"", "n1", "-100")),
            "b"
        );
        assert_eq!(
            found(&ban("b", "rsc=\"container1\"", "n2", "-INFINITY")),
            ""
        );
        assert_eq!(found(&ban("b", "rsc=\"container1\"", "n1", "100")), "");
        assert_eq!(found(&ban("b", "rsc=\"web\"", "n1", "-INFINITY")), "");
        // By a tag that has it.
        let tagged = ban("b", "rsc=\"all\"", "n1", "-INFINITY")
            + "</constraints><tags><tag id=\"all\"><obj_ref id=\"container1\"/></tag></tags><constraints>";
        assert_eq!(found(&tagged), "b");
        assert_eq!(found(&tagged.replace("container1", "web")), "");
        let ours = ban("lxc-autogen-lxc-x", "rsc=\"container1\"", "n1", "-INFINITY");
        assert_eq!(found(&ours), "");
        let rule = "<rsc_location id=\"r\" rsc=\"lxc1\"><rule id=\"x\" score=\"-INFINITY\"/></rsc_location>";
        assert_eq!(found(rule), "r");
    }

    #[test]
    fn a_plain_cluster_has_nothing_in_the_way() {
        assert!(!cib("<rsc_location id=\"lxc-autogen-lxc-home\"/>", "").has_hindrances());
        assert!(cib("<rsc_location id=\"mine\"/>", "").has_hindrances());
        let standby = "<nvpair id=\"s\" name=\"standby\" value=\"on\"/>";
        assert!(cib("", standby).has_hindrances());
        assert!(!cib("", &standby.replace("standby", "rack")).has_hindrances());
    }
}
