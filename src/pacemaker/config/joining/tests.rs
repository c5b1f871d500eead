use super::*;
use crate::pacemaker::config::{Cluster, Part, additions, monitors as monitors_of, passing_ids};
use crate::pacemaker::schema::Roles;
use crate::plan::tests::sample;
use std::collections::HashSet;

#[test]
fn a_large_set_stays_eased_and_a_small_one_does_not() {
    let (small, large) = (sample(EASED_FROM - 1), sample(EASED_FROM));
    let joining = Joining {
        first: true,
        others: true,
        placed: Vec::new(),
        named: Named::Tag,
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
    let of_set = joining_id(&large.tag());
    let of_connections = defaults_id(&large.tag());
    assert_eq!(
        staying(&large, false),
        [
            "rsc_defaults",
            &of_set,
            &containers_id(&large.tag()),
            &of_connections
        ]
    );
    assert_eq!(
        staying(&large, true),
        [&of_set, &containers_id(&large.tag())]
    );
    assert!(staying(&small, false).is_empty());
}

#[test]
fn all_that_is_otherwise_is_put_back() {
    let set = sample(2);
    let joining = Joining {
        first: true,
        others: true,
        placed: ["lab-node1", "lab-node2"].map(String::from).to_vec(),
        named: Named::Tag,
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
        there: Vec::new(),
        named: Named::Tag,
        joining: Some(joining.clone()),
    };
    let during = additions(&set, Part::All, &cluster);
    cluster.joining = None;
    let after = additions(&set, Part::All, &cluster);
    let with_an_element = |back: &Afterwards| back.id != containers_id(&set.tag());
    for back in joining
        .afterwards(&set, "node1")
        .into_iter()
        .filter(with_an_element)
    {
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
    // Beside these only the constraint and the containers' monitors and meta attributes are
    // otherwise.
    let ids = |tree: &El| -> HashSet<String> {
        let all = tree.walk().into_iter();
        all.filter_map(|e| e.get("id")).map(str::to_owned).collect()
    };
    let recorded = |id: &String| {
        let is_constraint = passing_ids(&set.tag()).iter().any(|of| id.starts_with(of));
        is_constraint
            || id.starts_with("lxc-autogen-lxc-joining")
            || id.ends_with("-migration-threshold")
    };
    let monitors = ["container1-monitor-20s", "container2-monitor-20s"].map(String::from);
    let eased =
        ["container1", "container2"].map(|id| format!("{id}-meta_attributes-migration-threshold"));
    let (in_between, after) = (ids(&during), ids(&after));
    let later: HashSet<&String> = after.difference(&in_between).collect();
    assert_eq!(later, monitors.iter().collect());
    assert!(eased.iter().all(|id| in_between.contains(id)));
    assert!(
        in_between.difference(&after).all(recorded),
        "{in_between:?}"
    );

    // The monitors are added to those that have none, and to them alone.
    let cib = |tree: &El| {
        let root = El::new("cib").child(tree.clone());
        Cib::parse(&root.render()).unwrap()
    };
    let tag = set.tag();
    let begin = monitors_of(&cib(&during), &tag, 20).unwrap();
    assert_eq!(
        ids(&begin),
        ["container1", "container2"]
            .map(String::from)
            .into_iter()
            .chain(monitors)
            .collect()
    );
    cluster.joining = None;
    let joined = additions(&set, Part::All, &cluster);
    assert_eq!(monitors_of(&cib(&joined), &tag, 20), None);
}

#[test]
fn containers_that_run_already_are_wanted_where_they_run() {
    let set = sample(5);
    let joining = |others: bool, placed: &[&str]| Joining {
        first: true,
        others,
        placed: placed.iter().map(|node| (*node).to_owned()).collect(),
        named: Named::Tag,
        easing: Easing {
            tag: set.tag(),
            type_rules: true,
            missing: Vec::new(),
        },
    };
    let told = |joining: &Joining, there: &[String]| -> Vec<(String, String)> {
        let all = joining.constraints(&set, there).into_iter();
        let of = |el: &El, name: &str| el.get(name).unwrap_or_default().to_owned();
        all.filter(|el| el.get("node").is_some())
            .map(|el| (of(&el, "node"), of(&el, "rsc-pattern")))
            .collect()
    };
    let pair = |node: &str, pattern: &str| (node.to_owned(), pattern.to_owned());
    assert_eq!(
        told(&joining(true, &["n1", "n2", "n3"]), &[]),
        [
            pair("n1", "^(container1|container4)$"),
            pair("n2", "^(container2|container5)$"),
            pair("n3", "^(container3)$"),
        ]
    );
    // Those that the cluster has are its own.
    let there = ["container3", "container4"].map(String::from);
    assert_eq!(
        told(&joining(true, &["n1", "n2", "n3"]), &there),
        [
            pair("n1", "^(container1)$"),
            pair("n2", "^(container2|container5)$"),
        ]
    );
    assert!(told(&joining(true, &[]), &[]).is_empty());
    // No node is asked for the containers, nor for the connections to them.
    let unprobed = &joining(true, &[]).constraints(&set, &[])[0];
    assert_eq!(unprobed.get("rsc-pattern"), Some("^(container|lxc)[1-5]$"));
    assert!(joining(false, &["n1"]).constraints(&set, &[]).is_empty());
}

#[test]
fn a_section_that_only_joins_have_filled_goes_with_the_last_of_them() {
    let of = |inside: &str| {
        let text = format!("<cib><configuration>{inside}</configuration></cib>");
        is_of_joins(&Cib::parse(&text).unwrap(), "op_defaults")
    };
    let ours = r#"<meta_attributes id="lxc-autogen-qa-joining-operations"/>"#;
    let section = |all: &str| format!("<op_defaults>{all}</op_defaults>");
    assert!(of(&section(ours)));
    assert!(of(&section(&ours.repeat(2))));
    let theirs = r#"<meta_attributes id="op-options"/>"#;
    assert!(!of(&section(&format!("{ours}{theirs}"))));
    // Somebody's empty one stays, and what is not there is nobody's.
    assert!(!of(&section("")) && !of(""));
}
