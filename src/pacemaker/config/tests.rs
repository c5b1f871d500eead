use super::*;
use crate::plan::tests::sample;
use std::collections::HashSet;

fn cluster() -> Cluster {
    Cluster {
        this_node: "node1".into(),
        roles: Roles::of_schema("pacemaker-3.9"),
        revive: vec!["container2".into()],
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

#[test]
fn a_primitive_is_short_and_carries_what_a_template_cannot() {
    let set = sample(3);
    let expected = r#"<primitive id="container1" template="lxc-autogen-lxc">
  <instance_attributes id="container1-instance_attributes">
    <nvpair id="container1-instance_attributes-config" name="config" value="/var/lib/lxc-autogen/lxc1/domain.xml"/>
  </instance_attributes>
  <meta_attributes id="container1-meta_attributes">
    <nvpair id="container1-meta_attributes-remote-node" name="remote-node" value="lxc1"/>
    <nvpair id="container1-meta_attributes-remote-addr" name="remote-addr" value="192.168.123.11"/>
  </meta_attributes>
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
    assert_eq!(roles, [target_role_id("container2")]);
}
