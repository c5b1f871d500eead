use super::*;
use crate::plan::tests::sample;
use std::collections::HashSet;

fn cluster() -> Cluster {
    Cluster {
        this_node: "node1".into(),
        roles: Roles::of_schema("pacemaker-3.9"),
        revive: vec!["container2".into()],
        there: Vec::new(),
        joining: None,
    }
}

#[test]
fn ids_are_unique_and_those_to_delete_are_all_there() {
    let set = sample(3);
    let tree = additions(&set, Part::All, &cluster());
    let mut seen = HashSet::new();
    for id in tree.walk().iter().filter_map(|e| e.get("id")) {
        assert!(seen.insert(id), "{id} twice");
    }
    let constraints = tree.find("constraints").unwrap();
    for id in object_ids(&set, Part::All) {
        assert!(seen.contains(id.as_str()), "{id}");
    }
    assert_eq!(
        constraints.children.len() + 1,
        object_ids(&set, Part::All).len()
    );
}

/// pcs reads no templates, and no references to attribute sets.
#[test]
fn a_primitive_has_all_in_it_that_pcs_must_read() {
    let set = sample(3);
    let expected = r#"<primitive id="container1" class="ocf" provider="heartbeat" type="VirtualDomain" description="(guest node lxc1 of lxc-autogen-lxc)">
  <instance_attributes id="container1-instance_attributes">
    <nvpair id="container1-instance_attributes-config" name="config" value="/var/lib/lxc-autogen/lxc1/domain.xml"/>
    <nvpair id="container1-instance_attributes-force_stop" name="force_stop" value="true"/>
    <nvpair id="container1-instance_attributes-hypervisor" name="hypervisor" value="lxc:///"/>
    <nvpair id="container1-instance_attributes-autoset_utilization_cpu" name="autoset_utilization_cpu" value="false"/>
    <nvpair id="container1-instance_attributes-autoset_utilization_hv_memory" name="autoset_utilization_hv_memory" value="false"/>
    <nvpair id="container1-instance_attributes-autoset_utilization_host_memory" name="autoset_utilization_host_memory" value="false"/>
  </instance_attributes>
  <operations>
    <op id="container1-start-0s" name="start" interval="0s" timeout="90s"/>
    <op id="container1-stop-0s" name="stop" interval="0s" timeout="90s"/>
    <op id="container1-monitor-20s" name="monitor" interval="20s" timeout="30s"/>
  </operations>
  <meta_attributes id="container1-meta_attributes">
    <nvpair id="container1-meta_attributes-remote-node" name="remote-node" value="lxc1"/>
    <nvpair id="container1-meta_attributes-remote-addr" name="remote-addr" value="192.168.123.11"/>
  </meta_attributes>
  <utilization id="container1-utilization">
    <nvpair id="container1-utilization-cpu" name="cpu" value="1"/>
    <nvpair id="container1-utilization-hv_memory" name="hv_memory" value="100"/>
  </utilization>
</primitive>
"#;
    assert_eq!(primitive_of(&set, &set.guests()[0]).render(), expected);
}

#[test]
fn what_was_left_stopped_is_started_again_and_nothing_else_is_told_to() {
    let tree = additions(&sample(3), Part::All, &cluster());
    let roles: Vec<&str> = tree
        .walk()
        .into_iter()
        .filter(|e| e.get("name") == Some("target-role"))
        .filter_map(|e| e.get("id"))
        .collect();
    assert_eq!(roles, ["container2-meta_attributes-target-role"]);
    let marks = tree.walk();
    let mark = marks
        .iter()
        .find(|e| e.get("id") == Some(&leaving_id("container2")));
    assert_eq!(mark.and_then(|e| e.get("value")), Some("back"));
}
