use super::*;
use crate::plan::tests::sample;
use std::collections::HashSet;

fn cluster() -> Cluster {
    Cluster {
        this_node: "node1".into(),
        roles: Roles::of_schema("pacemaker-3.9"),
        revive: vec!["container2".into()],
        there: Vec::new(),
        named: Named::Tag,
        joining: None,
    }
}

#[test]
fn ids_are_unique_and_those_to_delete_are_all_there() {
    for (named, keep_off, anywhere) in [
        (Named::Tag, false, false),
        (Named::Tag, true, true),
        (Named::Pattern, true, false),
    ] {
        let mut set = sample(3);
        set.spec.keep_off = keep_off;
        set.spec.anywhere = anywhere;
        let cluster = Cluster { named, ..cluster() };
        let tree = additions(&set, Part::All, &cluster);
        let mut seen = HashSet::new();
        let is_object = |e: &&El| e.name != "obj_ref";
        for id in tree
            .walk()
            .into_iter()
            .filter(is_object)
            .filter_map(|e| e.get("id"))
        {
            assert!(seen.insert(id), "{id} twice");
        }
        let constraints = tree.find("constraints").unwrap();
        let to_delete = object_ids(&set, Part::All, named);
        for id in &to_delete {
            assert!(seen.contains(id.as_str()), "{id}");
        }
        let beside = if named == Named::Tag { 2 } else { 1 };
        assert_eq!(constraints.children.len() + beside, to_delete.len());
        assert_eq!(
            to_delete.contains(&"lxc-autogen-lxc-keep-off".to_owned()),
            keep_off
        );
    }
}

/// A constraint with both would be refused, so a set that has one keeps it.
#[test]
fn constraints_name_the_primitives_by_a_tag_or_by_a_pattern() {
    let mut set = sample(3);
    set.spec.removed.insert(2);
    let of = |named: Named| {
        let tree = additions(&set, Part::All, &Cluster { named, ..cluster() });
        let home = tree.find("constraints").unwrap().children[0].clone();
        (tree.find("tags").map(El::render), home)
    };
    let (tag, home) = of(Named::Tag);
    let expected = r#"<tags>
  <tag id="lxc-autogen-lxc-containers">
    <obj_ref id="container1"/>
    <obj_ref id="container3"/>
  </tag>
</tags>
"#;
    assert_eq!(tag.as_deref(), Some(expected));
    assert_eq!(home.get("rsc"), Some("lxc-autogen-lxc-containers"));
    assert_eq!(home.get("rsc-pattern"), None);
    let (tag, home) = of(Named::Pattern);
    assert_eq!((tag, home.get("rsc")), (None, None));
    assert_eq!(home.get("rsc-pattern"), Some("^container[1-3]$"));
}

#[test]
fn what_a_version_before_made_unasked_stays_until_cleanup() {
    let mut set = sample(3);
    let former = former_ids(&set);
    for stays in ["keep-off", "containers", "home", "clone-on-guests"] {
        assert!(
            !former.contains(&format!("lxc-autogen-lxc-{stays}")),
            "{stays}"
        );
    }
    set.spec.anywhere = true;
    assert!(former_ids(&set).contains(&"lxc-autogen-lxc-home".to_owned()));
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
fn a_virtual_machine_has_another_hypervisor_and_time_to_boot() {
    let mut set = sample(1);
    set.spec.vms = Some(crate::spec::Vms {
        cpus: 2,
        ..Default::default()
    });
    let shown = |set: &Set| {
        let primitive = primitive_of(set, &set.guests()[0]);
        let pairs = primitive.walk().into_iter();
        let pairs = pairs.filter_map(|e| Some(format!("{}={}", e.get("name")?, e.get("value")?)));
        pairs.collect::<Vec<_>>()
    };
    let pairs = shown(&set);
    for pair in [
        "hypervisor=qemu:///system",
        "remote-connect-timeout=180s",
        "cpu=2",
        "hv_memory=196",
    ] {
        assert!(pairs.contains(&pair.to_owned()), "{pair}: {pairs:?}");
    }
    set.spec.kind = NodeKind::Remote;
    let start = primitive_of(&set, &set.guests()[0]);
    let start = start
        .walk()
        .into_iter()
        .find(|e| e.get("name") == Some("start"));
    assert_eq!(start.and_then(|e| e.get("timeout")), Some("180s"));
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
