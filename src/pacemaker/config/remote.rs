//! Remote nodes: each is a primitive that is only the connection to a container which the cluster
//! does not start or stop (Pacemaker Remote, "Remote nodes"; Pacemaker 2.1.5,
//! extra/resources/remote).

use super::container::BOOTS_S;
use super::ids::of_primitive;
use super::stop::back;
use super::{Cluster, meta_id, nvpairs};
use crate::plan::{Form, Machine, Set};
use crate::xml::El;
use std::net::Ipv4Addr;

/// Seconds between two attempts to reach a remote node again.
const RECONNECT_S: u32 = 10;

/// Seconds that the cluster tries to reach a remote node that runs (Pacemaker 2.1.5,
/// extra/resources/remote).
const START_S: u32 = 60;

/// The primitive of a remote node. Its id is also the node's name; `monitor_s` is in seconds.
pub fn connection(id: &str, address: Ipv4Addr, monitor_s: u32) -> El {
    with_start(id, address, monitor_s, START_S)
}

fn with_start(id: &str, address: Ipv4Addr, monitor_s: u32, start_s: u32) -> El {
    let parameters = [
        ("server", address.to_string()),
        ("reconnect_interval", format!("{RECONNECT_S}s")),
    ];
    let operation = |name: &str, interval: &str, timeout: &str| {
        El::new("op")
            .attr("id", format!("{id}-{name}"))
            .attr("name", name)
            .attr("interval", interval)
            .attr("timeout", timeout)
    };
    El::new("primitive")
        .attr("id", id)
        .attr("class", "ocf")
        .attr("provider", "pacemaker")
        .attr("type", "remote")
        .child(nvpairs(
            "instance_attributes",
            &format!("{id}-instance_attributes"),
            &parameters,
        ))
        .child(
            El::new("operations")
                .child(operation("monitor", &format!("{monitor_s}s"), "30s"))
                .child(operation("start", "0s", &format!("{start_s}s"))),
        )
}

/// The primitive of a remote node of a set. Its description tells whose it is.
pub(super) fn primitive(set: &Set, guest: &Machine, cluster: &Cluster) -> El {
    let id = &guest.resource;
    let start_s = match guest.form {
        Form::Container => START_S,
        Form::Virtual => BOOTS_S,
    };
    let mut primitive = with_start(id, guest.address, set.spec.monitor_s, start_s)
        .attr("description", of_primitive(set, id));
    if cluster.there.contains(id) {
        primitive.children.retain(|e| e.name != "operations");
    }
    if cluster.revive.contains(id) {
        let meta = El::new("meta_attributes").attr("id", meta_id(id));
        primitive = primitive.child(meta.children(back(id)));
    }
    primitive
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacemaker::config::{Named, Part, additions};
    use crate::pacemaker::schema::Roles;
    use crate::plan::tests::sample;
    use crate::spec::NodeKind;

    #[test]
    fn a_remote_node_is_a_connection_that_tells_whose_it_is() {
        let mut set = sample(3);
        set.spec.kind = NodeKind::Remote;
        let cluster = Cluster {
            this_node: "node1".into(),
            roles: Roles::of_schema("pacemaker-3.9"),
            revive: vec!["lxc2".into()],
            there: Vec::new(),
            named: Named::Pattern,
            joining: None,
        };
        let tree = additions(&set, Part::All, &cluster);
        let resources = tree.find("resources").unwrap();
        let of = |id: &str| {
            let mut all = resources.children.iter();
            all.find(|e| e.get("id") == Some(id)).unwrap()
        };
        let expected = r#"<primitive id="lxc2" class="ocf" provider="pacemaker" type="remote" description="(remote node lxc2 of lxc-autogen-lxc)">
  <instance_attributes id="lxc2-instance_attributes">
    <nvpair id="lxc2-instance_attributes-server" name="server" value="192.168.123.12"/>
    <nvpair id="lxc2-instance_attributes-reconnect_interval" name="reconnect_interval" value="10s"/>
  </instance_attributes>
  <operations>
    <op id="lxc2-monitor" name="monitor" interval="20s" timeout="30s"/>
    <op id="lxc2-start" name="start" interval="0s" timeout="60s"/>
  </operations>
  <meta_attributes id="lxc2-meta_attributes">
    <nvpair id="lxc2-meta_attributes-target-role" name="target-role" value="Started"/>
    <nvpair id="lxc2-meta_attributes-lxc-autogen" name="lxc-autogen" value="back"/>
  </meta_attributes>
</primitive>
"#;
        assert_eq!(of("lxc2").render(), expected);
        // A template of type remote would be a node to the scheduler.
        assert_eq!(of("lxc-autogen-lxc").get("type"), Some("Dummy"));
        // A constraint names what it places by their numbers.
        let constraints = tree.find("constraints").unwrap();
        let home = constraints
            .children
            .iter()
            .find(|c| c.get("node") == Some("node1"));
        assert_eq!(home.unwrap().get("rsc-pattern"), Some("^lxc[1-3]$"));
        assert!(
            constraints
                .children
                .iter()
                .all(|c| c.get("rsc") != Some("lxc-autogen-lxc"))
        );
    }
}
