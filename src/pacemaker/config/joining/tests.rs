use super::*;
use crate::pacemaker::config::{Cluster, Part, additions};
use crate::pacemaker::schema::Roles;
use crate::plan::tests::sample;
use std::collections::HashSet;

#[test]
fn a_large_set_stays_eased_and_a_small_one_does_not() {
    let (small, large) = (sample(EASED_FROM - 1), sample(EASED_FROM));
    let joining = Joining {
        first: true,
        others: true,
        easing: Easing {
            tag: large.tag(),
            type_rules: true,
            missing: SECTIONS.to_vec(),
        },
    };
    let all = joining.afterwards(&large, "node1");
    let staying = |set: &Set, others: bool| -> Vec<&str> {
        let ids = all.iter().map(|back| back.id.as_str());
        ids.filter(|id| stays(id, set, others)).collect()
    };
    let of_containers = joining_id(&large.tag());
    let of_connections = defaults_id(&large.tag());
    assert_eq!(
        staying(&large, false),
        ["rsc_defaults", &of_containers, &of_connections]
    );
    assert_eq!(staying(&large, true), [&of_containers]);
    assert!(staying(&small, false).is_empty());
}

#[test]
fn all_that_is_otherwise_is_put_back() {
    let set = sample(2);
    let joining = Joining {
        first: true,
        others: true,
        easing: Easing {
            tag: set.tag(),
            type_rules: true,
            missing: Vec::new(),
        },
    };
    let mut cluster = Cluster {
        this_node: "node1".into(),
        roles: Roles::of_schema("pacemaker-3.9"),
        revive: Vec::new(),
        joining: Some(joining.clone()),
    };
    let during = additions(&set, Part::All, &cluster);
    cluster.joining = None;
    let after = additions(&set, Part::All, &cluster);
    for back in joining.afterwards(&set, "node1") {
        let of = |tree: &El| {
            let all = tree.walk().into_iter();
            all.filter(|e| e.get("id") == Some(&back.id))
                .map(El::render)
                .next()
        };
        assert!(of(&during).is_some(), "{}", back.id);
        assert_ne!(of(&during), of(&after), "{}", back.id);
        assert_eq!(of(&after), back.then, "{}", back.id);
    }
    // Beside these only the constraint is otherwise, which has a record of its own.
    let ids = |tree: &El| -> HashSet<String> {
        let all = tree.walk().into_iter();
        all.filter_map(|e| e.get("id")).map(str::to_owned).collect()
    };
    let recorded = |id: &String| {
        ["lxc-autogen-lxc-joining", "lxc-autogen-lxc-unprobed"]
            .iter()
            .any(|of| id.starts_with(of))
    };
    let (during, after) = (ids(&during), ids(&after));
    assert!(after.is_subset(&during));
    assert!(during.difference(&after).all(recorded), "{during:?}");
}
