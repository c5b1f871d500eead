//! Growing and shrinking a set that runs, with the promotable clone on it.

use crate::Test;
use crate::world::{Before, STATE, cluster, init_of, lxa, names, online, tool, until};
use std::path::Path;

pub const TESTS: &[Test] = &[(
    "eight_twelve_five_with_a_clone",
    eight_twelve_five_with_a_clone,
)];

/// Where instances of the clone are promoted, and how many there are.
fn clone() -> (Vec<String>, usize) {
    let view = cluster();
    let instances = view.active.get("lxc-rsc").cloned().unwrap_or_default();
    // Before Pacemaker 2.1 the role has its old name.
    let promoted = instances
        .iter()
        .filter(|i| ["Promoted", "Master"].contains(&i.role.as_str()));
    let nodes = promoted.flat_map(|i| i.nodes.clone()).collect();
    (nodes, instances.iter().flat_map(|i| &i.nodes).count())
}

#[track_caller]
fn clone_is(count: usize) {
    until(&format!("{count} instances, one promoted"), 60, || {
        let (promoted, instances) = clone();
        promoted.len() == 1 && instances == count
    });
    let (promoted, _) = clone();
    assert!(promoted[0].starts_with("lxc"), "{promoted:?}");
}

fn inits(count: usize) -> Vec<u32> {
    (1..=count).map(|n| init_of(&format!("lxc{n}"))).collect()
}

fn eight_twelve_five_with_a_clone() {
    let before = Before::new();
    lxa("up -c 8 -C").exits(0);
    assert_eq!(online(), names("lxc", 8));
    clone_is(8);
    let eight = inits(8);

    lxa("up -c 12").exits(0);
    assert_eq!(online(), names("lxc", 12));
    assert_eq!(inits(8), eight, "the eight were restarted");
    clone_is(12);

    lxa("up -c 5").exits(0);
    assert_eq!(online(), names("lxc", 5));
    assert_eq!(inits(5), eight[..5], "the five were restarted");
    clone_is(5);
    let nodes = tool("crm_node -l");
    let domains = tool("virsh -c lxc:/// list --all --name");
    let cib = tool("cibadmin --query");
    for n in 6..=12 {
        let name = format!("lxc{n}");
        assert!(!nodes.contains(&format!(" {name} ")), "{nodes}");
        assert!(!domains.lines().any(|l| l == name), "{domains}");
        assert!(!cib.contains(&format!("\"{name}\"")), "{name} in {cib}");
        assert!(!Path::new(STATE).join(&name).exists());
    }
    assert!(cib.contains(r#"name="clone-max" value="5""#), "{cib}");

    lxa("cleanup").exits(0);
    before.is_as_now();
}
