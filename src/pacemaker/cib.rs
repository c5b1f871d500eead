//! A CIB as `cibadmin --query` prints it, and the questions we ask of it.

use super::schema;
use crate::error::Result;
use crate::xml::{self, El};
use std::collections::HashSet;

/// Whether a resource is the connection to a remote node.
pub(super) fn is_remote(resource: &El) -> bool {
    resource.get("provider") == Some("pacemaker") && resource.get("type") == Some("remote")
}

/// A whole CIB.
#[derive(Debug, Clone)]
pub struct Cib {
    root: El,
}

impl Cib {
    /// Reads the output of `cibadmin --query`.
    ///
    /// # Errors
    /// When it is not XML.
    pub fn parse(text: &str) -> Result<Cib> {
        Ok(Cib {
            root: xml::parse(text, "cibadmin --query")?,
        })
    }

    /// The CIB as XML text.
    pub fn render(&self) -> String {
        self.root.render()
    }

    /// The root element, `<cib>`.
    pub fn root(&self) -> &El {
        &self.root
    }

    pub(super) fn section(&self, name: &str) -> Option<&El> {
        self.root.find("configuration")?.find(name)
    }

    pub(super) fn in_section(&self, name: &str) -> Vec<&El> {
        self.section(name).map(El::walk).unwrap_or_default()
    }

    /// The schema that the CIB is checked against (`validate-with`).
    pub fn schema(&self) -> &str {
        self.root.get("validate-with").unwrap_or_default()
    }

    /// Whether rules can select resources by their type (`rsc_expression`, xml/rule-3.4.rng).
    pub fn has_type_rules(&self) -> bool {
        schema::at_least(self.schema(), (3, 4))
    }

    /// Whether the configuration has this section.
    pub fn has_section(&self, name: &str) -> bool {
        self.section(name).is_some()
    }

    /// Whether there is a node other than this one that could be probed for a container: a cluster
    /// node or a remote node. Guest nodes do not count.
    pub fn has_others_than(&self, node: &str) -> bool {
        let cluster = self.cluster_nodes().iter().any(|name| *name != node);
        cluster || self.in_section("resources").into_iter().any(is_remote)
    }

    /// Names of the cluster nodes that have an entry in the CIB, online or not.
    pub fn cluster_nodes(&self) -> Vec<&str> {
        self.in_section("nodes")
            .into_iter()
            .filter(|e| e.name == "node" && e.get("type") != Some("remote"))
            .filter_map(|e| e.get("uname"))
            .collect()
    }

    /// Whether a controller has been elected.
    pub fn has_dc(&self) -> bool {
        self.root.get("dc-uuid").is_some_and(|d| !d.is_empty())
    }

    /// Whether the CIB says that this partition has quorum.
    pub fn has_quorum(&self) -> bool {
        self.root.get("have-quorum") == Some("1")
    }

    /// Guest and remote nodes whose connection is up; see [`super::connections`].
    pub fn connected(&self) -> HashSet<String> {
        super::connections::connected_in(&self.root)
    }

    /// Every XML id in a section of the configuration.
    pub fn ids_in(&self, section: &str) -> HashSet<&str> {
        let all = self.in_section(section).into_iter();
        all.filter_map(|e| e.get("id")).collect()
    }

    /// Every XML id in the configuration. What only refers to an object has no id of its own, though
    /// it may be in an attribute of that name.
    pub fn ids(&self) -> HashSet<&str> {
        self.root
            .find("configuration")
            .map(El::walk)
            .unwrap_or_default()
            .into_iter()
            .filter(|e| !["obj_ref", "resource_ref"].contains(&e.name.as_str()))
            .filter_map(|e| e.get("id"))
            .collect()
    }

    /// Names of the nodes that have an entry in the configuration: cluster nodes, guest nodes and
    /// remote nodes.
    pub fn node_names(&self) -> Vec<&str> {
        self.in_section("nodes")
            .into_iter()
            .filter(|e| e.name == "node")
            .filter_map(|e| e.get("uname"))
            .collect()
    }

    /// Names of all nodes that have an entry in the configuration or a state in the status section.
    pub fn traces_of_nodes(&self) -> HashSet<&str> {
        let status = self.root.find("status").into_iter();
        let states = status.flat_map(|s| &s.children);
        let states = states.filter_map(|s| s.get("uname"));
        states.chain(self.node_names()).collect()
    }

    /// Guest nodes, as (node name, id of the primitive that runs the node).
    pub fn guest_nodes(&self) -> Vec<(&str, &str)> {
        self.in_section("resources")
            .into_iter()
            .filter(|e| e.name == "primitive")
            .filter_map(|p| {
                let meta = p.children.iter().filter(|c| c.name == "meta_attributes");
                let node = meta
                    .flat_map(|m| &m.children)
                    .find(|n| n.get("name") == Some("remote-node"))?;
                Some((node.get("value")?, p.get("id")?))
            })
            .collect()
    }

    /// The value of an instance attribute of a primitive.
    pub fn parameter(&self, primitive: &str, name: &str) -> Option<&str> {
        self.in_section("resources")
            .into_iter()
            .find(|e| e.name == "primitive" && e.get("id") == Some(primitive))?
            .children
            .iter()
            .filter(|c| c.name == "instance_attributes")
            .flat_map(|c| &c.children)
            .find(|n| n.get("name") == Some(name))?
            .get("value")
    }

    /// Ids of the direct children of the sections that lxc-autogen adds to.
    pub fn top_ids(&self) -> Vec<&str> {
        ["nodes", "resources", "constraints"]
            .iter()
            .flat_map(|name| self.top_ids_of(name))
            .collect()
    }

    /// Ids of the direct children of one section.
    pub fn top_ids_of(&self, section: &str) -> Vec<&str> {
        self.section(section)
            .into_iter()
            .flat_map(|section| &section.children)
            .filter_map(|e| e.get("id"))
            .collect()
    }

    /// Ids of the primitives inside these clones.
    pub fn clone_primitives(&self, clones: &[String]) -> Vec<String> {
        self.in_section("resources")
            .into_iter()
            .filter(|e| e.get("id").is_some_and(|id| clones.iter().any(|c| c == id)))
            .flat_map(|e| e.all("primitive"))
            .filter_map(|p| p.get("id"))
            .map(str::to_owned)
            .collect()
    }

    /// Guest nodes, remote nodes and bundles: they all need the authentication key.
    pub fn remote_users(&self) -> Vec<String> {
        let resources = self.in_section("resources").into_iter();
        let remotes = resources.filter(|e| is_remote(e) || e.name == "bundle");
        let guests = self
            .guest_nodes()
            .into_iter()
            .map(|(node, _)| node.to_owned());
        remotes
            .filter_map(|e| e.get("id"))
            .map(str::to_owned)
            .chain(guests)
            .collect()
    }

    /// Whether any element of the configuration has this id.
    pub fn has_id(&self, id: &str) -> bool {
        self.ids().contains(id)
    }

    /// Resources that still have a history in the status section, as (resource, node).
    pub fn history(&self) -> Vec<(&str, &str)> {
        let Some(status) = self.root.find("status") else {
            return Vec::new();
        };
        status
            .children
            .iter()
            .filter_map(|state| Some((state, state.get("uname")?)))
            .flat_map(|(state, node)| {
                state
                    .all("lrm_resource")
                    .into_iter()
                    .filter_map(move |r| Some((r.get("id")?, node)))
            })
            .collect()
    }

    /// When a resource was last started, in seconds since the epoch.
    pub fn started_at(&self, resource: &str) -> Option<u64> {
        self.root
            .find("status")?
            .all("lrm_resource")
            .into_iter()
            .filter(|r| r.get("id") == Some(resource))
            .flat_map(|r| &r.children)
            .filter(|op| op.get("operation") == Some("start") && op.get("rc-code") == Some("0"))
            .filter_map(|op| op.get("last-rc-change")?.parse().ok())
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CIB: &str = r#"<cib validate-with="pacemaker-3.9" dc-uuid="1" have-quorum="1">
      <configuration>
        <crm_config><cluster_property_set id="o">
          <nvpair id="o-s" name="stonith-enabled" value="FALSE"/>
        </cluster_property_set></crm_config>
        <nodes><node id="1" uname="node1"/><node id="lxc1" uname="lxc1" type="remote"/></nodes>
        <resources>
          <primitive id="vm" class="ocf" provider="heartbeat" type="VirtualDomain">
            <instance_attributes id="vm-i"><nvpair id="vm-c" name="config" value="/x"/></instance_attributes>
            <meta_attributes id="vm-m"><nvpair id="vm-r" name="remote-node" value="web"/></meta_attributes>
          </primitive>
          <primitive id="container1" template="lxc-autogen-lxc"/>
          <primitive id="rem1" class="ocf" provider="pacemaker" type="remote" description="(remote node rem1 of lxc-autogen-rem)"/>
          <primitive id="far" class="ocf" provider="pacemaker" type="remote" description="the old one"/>
          <primitive id="other" class="ocf" provider="pacemaker" type="Dummy" description="(remote node rem1 of lxc-autogen-rem)"/>
        </resources><constraints/>
      </configuration>
      <status><node_state id="1" uname="node1"><lrm id="1"><lrm_resources>
        <lrm_resource id="lxc1"><lrm_rsc_op id="a" operation="start" rc-code="0" last-rc-change="17"/>
        </lrm_resource></lrm_resources></lrm></node_state></status>
    </cib>"#;

    #[test]
    fn the_questions_we_ask() {
        let cib = Cib::parse(CIB).unwrap();
        assert_eq!(cib.schema(), "pacemaker-3.9");
        assert!(cib.has_dc() && cib.has_quorum());
        assert!(!cib.flag("stonith-enabled", true));
        assert!(cib.flag("start-failure-is-fatal", true));
        assert_eq!(cib.node_names(), ["node1", "lxc1"]);
        assert_eq!(cib.guest_nodes(), [("web", "vm")]);
        assert_eq!(cib.of_set("lxc-autogen-lxc"), ["container1"]);
        assert!(cib.is_our_resource("container1") && !cib.is_our_resource("vm"));
        // Remote nodes tell by their description whose they are.
        assert_eq!(cib.nodes_of_set("lxc-autogen-rem"), [("rem1", "rem1")]);
        assert!(cib.is_our_resource("rem1") && !cib.is_our_resource("far"));
        assert!(!cib.is_our_resource("other"));
        assert_eq!(cib.remote_users(), ["rem1", "far", "web"]);
        assert_eq!(cib.parameter("vm", "config"), Some("/x"));
        assert!(cib.has_id("vm-r") && !cib.has_id("vm-x"));
        assert_eq!(cib.started_at("lxc1"), Some(17));
        assert_eq!(cib.history(), [("lxc1", "node1")]);
        assert!(!cib.can_fence() && !cib.fencing_enabled());
        assert!(cib.has_type_rules());
        assert!(cib.has_section("resources") && !cib.has_section("op_defaults"));
        assert!(cib.has_others_connections());
        // At least the remote nodes are other nodes.
        assert!(cib.has_others_than("node1"));
        assert_eq!(cib.cluster_nodes(), ["node1"]);
        let without = CIB.replace("remote\" desc", "Dummy\" desc");
        let cib = Cib::parse(&without).unwrap();
        assert!(!cib.has_others_than("node1") && cib.has_others_than("node2"));
    }
}
