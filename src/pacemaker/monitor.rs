//! The cluster's state as `crm_mon --output-as=xml` prints it (api/crm_mon.rng).

use crate::error::Result;
use crate::xml;
use std::collections::{BTreeMap, HashMap};

/// One look at the cluster.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Whether the cluster has a controller whose partition has quorum.
    pub quorum: bool,
    /// Whether the cluster fences nodes, as far as crm_mon says.
    pub fencing: Option<bool>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, NodeView>,
    /// Active resources by id, with role and nodes. Instances of a clone are under their
    /// primitive's id.
    pub active: HashMap<String, Vec<ActiveView>>,
    /// Failed actions, one line each.
    pub failures: Vec<Failure>,
}

/// A node as the cluster sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// Whether the node is a working member of the cluster.
    pub online: bool,
    /// `standby`, `maintenance`, `unclean` or `pending`, when it is one of these; `connecting` where
    /// crm_mon shows a node as online whose connection is still being made.
    pub note: Option<&'static str>,
}

/// A place where a resource is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveView {
    /// The resource's role: `Started`, `Promoted` and so on.
    pub role: String,
    /// Names of the nodes where it is active.
    pub nodes: Vec<String>,
    /// Whether a failed action blocks the cluster from managing this resource.
    pub blocked: bool,
}

/// A failed action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The operation's key (`lxc1_start_0`), or the resource's id where there is no key.
    pub what: String,
    /// Name of the node where the action failed.
    pub node: String,
    /// The reason, in the agent's or Pacemaker's words.
    pub reason: String,
}

/// Of a node whose connection is still being made.
const CONNECTING: &str = "connecting";

impl NodeView {
    /// What people read: what crm_mon says, and what is known besides. `connected` tells of a guest or
    /// remote node whether its connection is up.
    pub fn in_words(&self, connected: bool) -> String {
        match (self.online, self.note) {
            (_, Some(CONNECTING)) => format!("online, {CONNECTING}"),
            (true, _) if !connected => format!("online, {CONNECTING}"),
            (true, None) => "online".to_owned(),
            (true, Some(note)) => format!("online, {note}"),
            (false, None) => "offline".to_owned(),
            (false, Some(note)) => format!("offline, {note}"),
        }
    }
}

impl View {
    /// Reads what crm_mon printed (`--output-as=xml`).
    ///
    /// # Errors
    /// When it is not XML.
    pub fn parse(text: &str) -> Result<View> {
        let root = xml::parse(text, "crm_mon")?;
        let with_quorum = |dc: &&xml::El| dc.get("with_quorum") == Some("true");
        let mut view = View {
            quorum: root.all("current_dc").iter().any(with_quorum),
            fencing: (root.all("cluster_options").first())
                .and_then(|options| options.get("stonith-enabled"))
                .map(|value| value == "true"),
            ..View::default()
        };
        for node in root
            .find("nodes")
            .map(|n| n.children.as_slice())
            .unwrap_or_default()
        {
            let is = |name: &str| node.get(name) == Some("true");
            if let Some(name) = node.get("name") {
                let note = ["unclean", "pending", "standby", "maintenance"]
                    .into_iter()
                    .find(|n| is(n));
                let online = is("online");
                view.nodes
                    .insert(name.to_owned(), NodeView { online, note });
            }
        }
        for resource in root
            .find("resources")
            .map(|r| r.all("resource"))
            .unwrap_or_default()
        {
            let Some(id) = resource
                .get("id")
                .filter(|_| resource.get("active") == Some("true"))
            else {
                continue;
            };
            // crm_mon writes instances of a clone as ID or ID:NUMBER.
            let id = id.split(':').next().unwrap_or(id);
            view.active
                .entry(id.to_owned())
                .or_default()
                .push(ActiveView {
                    role: resource.get("role").unwrap_or_default().to_owned(),
                    nodes: resource
                        .all("node")
                        .iter()
                        .filter_map(|n| n.get("name"))
                        .map(str::to_owned)
                        .collect(),
                    blocked: resource.get("blocked") == Some("true"),
                });
        }
        view.no_connection_yet();
        for failure in root
            .find("failures")
            .map(|f| f.children.as_slice())
            .unwrap_or_default()
        {
            let get = |name: &str| failure.get(name).unwrap_or_default();
            let reason = match get("exitreason") {
                "" | "none" => format!("{} {}", get("exitstatus"), get("status")),
                reason => reason.to_owned(),
            };
            view.failures.push(Failure {
                what: failure
                    .get("op_key")
                    .or(failure.get("id"))
                    .unwrap_or_default()
                    .to_owned(),
                node: get("node").to_owned(),
                reason,
            });
        }
        Ok(view)
    }

    /// Shows guest and remote nodes as not online while the start of their connection has not ended.
    ///
    /// The scheduler takes a start in flight for done (Pacemaker 2.1.5, lib/pengine/unpack.c), and
    /// so crm_mon shows these nodes as online, for up to a minute where the start fails in the end.
    fn no_connection_yet(&mut self) {
        for (name, node) in &mut self.nodes {
            let places = self.active.get(name).map(Vec::as_slice);
            if node.online
                && places
                    .unwrap_or_default()
                    .iter()
                    .any(|a| a.role == "Starting")
            {
                node.online = false;
                node.note = Some(CONNECTING);
            }
        }
    }

    /// Whether a node is online.
    pub fn online(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|n| n.online)
    }

    /// Whether a cluster node that is off was stopped in good order or has been fenced: the cluster
    /// waits for nothing more from it, and will not fence it. So has one that the cluster never knew.
    pub fn has_left(&self, node: &str) -> bool {
        let waits = |n: &NodeView| n.online || n.note == Some("unclean");
        !self.nodes.get(node).is_some_and(waits)
    }

    /// Whether a node's connection has failed and the cluster has stopped it.
    ///
    /// A failure must not be forgotten before that stop. A connection whose failure is forgotten
    /// while the connection counts as active is started again without a stop, and the controller
    /// then ends every new connection as soon as it is up (it keeps the size of a buffer that it
    /// has freed; Pacemaker 2.1.5, lib/lrmd/lrmd_client.c, lrmd_tls_connection_destroy).
    pub fn connection_given_up(&self, node: &str) -> bool {
        let action = format!("{node}_");
        let failed = self.failures.iter().any(|f| f.what.starts_with(&action));
        failed && !self.active.contains_key(node)
    }

    /// Whether the start of a node's connection failed because the controller used another
    /// authentication key than the node.
    pub fn key_rejected(&self, node: &str) -> bool {
        let start = format!("{node}_start_0");
        self.failures
            .iter()
            .any(|f| f.what == start && f.reason.contains("Key was rejected"))
    }

    /// Failures of these resources (or of their connections), one line each.
    pub fn failures_of(&self, names: &[&str]) -> Vec<String> {
        self.failures
            .iter()
            .filter(|f| {
                names.iter().any(|n| {
                    f.what
                        .strip_prefix(n)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
                })
            })
            .map(|f| format!("{} on {}: {}", f.what, f.node, f.reason))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Pacemaker 2.1.5's crm_mon, shortened.
    const MON: &str = r#"<pacemaker-result api-version="2.25" request="crm_mon">
  <summary><cluster_options stonith-enabled="false" symmetric-cluster="true"/></summary>
  <nodes>
    <node name="node1" id="1" online="true" standby="false" pending="false" unclean="false" type="member"/>
    <node name="lxc1" id="lxc1" online="true" standby="true" pending="false" unclean="false" type="remote" id_as_resource="container1"/>
    <node name="lxc2" id="lxc2" online="false" standby="false" pending="false" unclean="true" type="remote" id_as_resource="container2"/>
    <node name="far1" id="far1" online="true" standby="false" pending="false" unclean="false" type="remote"/>
    <node name="far2" id="far2" online="false" standby="false" pending="false" unclean="false" type="remote"/>
    <node name="far3" id="far3" online="false" standby="false" pending="false" unclean="false" type="remote"/>
  </nodes>
  <resources>
    <resource id="container1" role="Started" active="true" orphaned="false" blocked="false" managed="true" failed="false" nodes_running_on="1"><node name="node1" id="1" cached="true"/></resource>
    <resource id="container2" role="Stopped" active="false" orphaned="false" blocked="false"/>
    <resource id="far1" role="Starting" target_role="Started" active="true" orphaned="false" blocked="false" managed="true" failed="false" nodes_running_on="1"><node name="node1" id="1" cached="true"/></resource>
    <resource id="far2" role="Started" target_role="Started" active="true" orphaned="false" blocked="false" managed="true" failed="true" nodes_running_on="1"><node name="node1" id="1" cached="true"/></resource>
    <resource id="far3" role="Stopped" target_role="Started" active="false" orphaned="false" blocked="false" managed="true" failed="true" nodes_running_on="0"/>
    <clone id="lxc-clone" multi_state="true">
      <resource id="lxc-rsc" role="Promoted" active="true" blocked="false"><node name="lxc1" id="lxc1" cached="false"/></resource>
    </clone>
  </resources>
  <failures>
    <failure op_key="container2_start_0" node="node1" exitstatus="error" exitreason="no libvirtd" exitcode="1" status="complete"/>
    <failure op_key="container22_start_0" node="node1" exitstatus="error" exitreason="" exitcode="1" status="Timed Out"/>
    <failure op_key="far2_monitor_20000" node="node1" exitstatus="error" exitreason="Lost connection to remote executor" exitcode="1" status="Error"/>
    <failure op_key="far3_monitor_20000" node="node1" exitstatus="error" exitreason="Lost connection to remote executor" exitcode="1" status="Error"/>
  </failures>
</pacemaker-result>"#;

    #[test]
    fn nodes_resources_and_failures() {
        let view = View::parse(MON).unwrap();
        assert!(view.online("lxc1") && !view.online("lxc2") && !view.online("lxc3"));
        assert_eq!(view.fencing, Some(false));
        assert_eq!(view.nodes["lxc2"].note, Some("unclean"));
        assert_eq!(view.active["container1"][0].nodes, ["node1"]);
        assert_eq!(view.active["lxc-rsc"][0].role, "Promoted");
        assert!(!view.active.contains_key("container2"));
        assert_eq!(
            view.failures_of(&["container2", "lxc2"]),
            ["container2_start_0 on node1: no libvirtd"]
        );
    }

    #[test]
    fn a_node_has_left_when_nobody_is_about_to_fence_it() {
        let view = View::parse(MON).unwrap();
        assert!(!view.has_left("node1"), "online");
        assert!(!view.has_left("lxc2"), "unclean");
        assert!(view.has_left("far2") && view.has_left("unknown"));
    }

    #[test]
    fn a_node_whose_connection_starts_is_not_online() {
        let view = View::parse(MON).unwrap();
        assert!(!view.online("far1"));
        assert_eq!(view.nodes["far1"].note, Some("connecting"));
        assert_eq!(view.nodes["far1"].in_words(false), "online, connecting");
    }

    #[test]
    fn a_connection_is_given_up_when_it_is_stopped() {
        let view = View::parse(MON).unwrap();
        let of = |node| view.connection_given_up(node);
        assert!(!of("far1") && !of("far2") && of("far3"));
    }
}
