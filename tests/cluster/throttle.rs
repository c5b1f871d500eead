//! The cluster's throttling is raised while nodes join, and put back whatever happens.

use crate::Test;
use crate::crash::succeeds;
use crate::kill::{killed, signal_at, start};
use crate::world::{Before, cluster_property, lxa, run, tool, until};

pub const TESTS: &[Test] = &[
    ("throttling_raised_and_put_back", raised_and_put_back),
    ("throttling_put_back_after_a_kill", put_back_after_a_kill),
    ("only_while_nodes_join", only_while_nodes_join),
    (
        "joining_put_back_after_a_kill",
        joining_put_back_after_a_kill,
    ),
    ("no_empty_section_is_left", no_empty_section_is_left),
    ("nor_by_two_sets_at_once", nor_by_two_sets_at_once),
];

fn limit() -> Option<String> {
    cluster_property("node-action-limit")
}

fn threshold() -> Option<String> {
    cluster_property("load-threshold")
}

pub fn is_raised() -> bool {
    limit().as_deref() == Some("100")
}

fn raised_and_put_back() {
    let before = Before::new();
    tool("crm_attribute -t crm_config -n node-action-limit -v 4");
    let mut child = start("up -c 2");
    signal_at(&mut child, None, "raised limits", is_raised);
    assert_eq!(threshold().as_deref(), Some("10000%"));
    succeeds(child);
    assert_eq!(limit().as_deref(), Some("4"));
    assert_eq!(threshold(), None);

    // What another administrator says meanwhile counts.
    let mut child = start("up -c 4");
    signal_at(&mut child, None, "raised limits", is_raised);
    tool("crm_attribute -t crm_config -n node-action-limit -v 7");
    succeeds(child);
    assert_eq!(limit().as_deref(), Some("7"));
    assert_eq!(threshold(), None);

    // With --gentle nothing is announced, so nothing was raised.
    let said = lxa("up -c 5 --gentle --verbose").exits(0);
    assert!(!said.err.contains("node-action-limit"), "{}", said.err);
    assert_eq!(limit().as_deref(), Some("7"));

    lxa("cleanup").exits(0);
    tool("crm_attribute -t crm_config -n node-action-limit -D");
    before.is_as_now();
}

fn put_back_after_a_kill() {
    let before = Before::new();
    for next in ["up -c 2", "cleanup"] {
        killed("up -c 2", "raised limits", is_raised);
        assert!(is_raised(), "it was killed before it could put them back");
        lxa(next).exits(0);
        assert_eq!((limit(), threshold()), (None, None), "after {next}");
        lxa("cleanup").exits(0);
        before.is_as_now();
    }
}

/// Where the CIB had no resource defaults, the section comes and goes with the join's own.
fn no_empty_section_is_left() {
    const SECTION: &str = "/cib/configuration/rsc_defaults";
    let section = || run("cibadmin", ["--query", "--xpath", SECTION]);
    let was = section().exits(0).out;
    tool(&format!("cibadmin --delete-all --force --xpath {SECTION}"));
    let before = Before::new();
    let mut child = start("up -c 1");
    signal_at(&mut child, None, "the section", || section().code == 0);
    succeeds(child);
    // 105: there is none. Nor of the operations' defaults, which the world's CIB never had.
    section().exits(105);
    let operations = "/cib/configuration/op_defaults";
    run("cibadmin", ["--query", "--xpath", operations]).exits(105);
    lxa("cleanup").exits(0);
    section().exits(105);
    before.is_as_now();
    run(
        "cibadmin",
        ["--create", "--scope", "configuration", "--xml-text", &was],
    )
    .exits(0);
}

/// What is in the CIB while nodes join, and no longer.
const JOINING: [&str; 5] = [
    "lxc-autogen-lxc-joining\"",
    "lxc-autogen-lxc-joining-connections\"",
    "lxc-autogen-lxc-joining-operations\"",
    "container1-meta_attributes-migration-threshold\"",
    "node=\"world-node1\" score=\"INFINITY\" resource-discovery=\"never\"",
];

/// The operation of a container that begins only afterwards.
const MONITOR: &str = "<op id=\"container1-monitor-";

pub fn is_joining() -> bool {
    let cib = tool("cibadmin --query");
    JOINING.iter().all(|what| cib.contains(what)) && !cib.contains(MONITOR)
}

#[track_caller]
fn has_joined() {
    let cib = tool("cibadmin --query");
    for what in JOINING {
        assert!(!cib.contains(what), "{what} in {cib}");
    }
    let is_there = cib.contains("\"container1\"");
    assert_eq!(cib.contains(MONITOR), is_there, "{cib}");
}

fn only_while_nodes_join() {
    let before = Before::new();
    let mut child = start("up -c 2");
    signal_at(&mut child, None, "joining", is_joining);
    succeeds(child);
    has_joined();
    let cib = tool("cibadmin --query");
    assert!(cib.contains("resource-discovery=\"exclusive\""), "{cib}");
    // The monitors begin then.
    until("monitored", 30, || {
        let history = tool("cibadmin --query --xpath //lrm_resource[@id='container1']");
        history.contains("operation=\"monitor\" ") && history.contains("interval=\"20000\"")
    });
    lxa("cleanup").exits(0);
    before.is_as_now();
}

fn joining_put_back_after_a_kill() {
    let before = Before::new();
    for next in ["up -c 2", "cleanup"] {
        killed("up -c 2", "joining", is_joining);
        assert!(is_joining(), "it was killed before it could put it back");
        lxa(next).exits(0);
        has_joined();
        lxa("cleanup").exits(0);
        before.is_as_now();
    }
}

/// The second comes while the first joins, and is ready later.
fn nor_by_two_sets_at_once() {
    let section = |name: &str| {
        let path = format!("/cib/configuration/{name}");
        run("cibadmin", ["--query", "--xpath", &path])
    };
    let was = section("rsc_defaults").exits(0).out;
    tool("cibadmin --delete-all --force --xpath /cib/configuration/rsc_defaults");
    let before = Before::new();
    let qa = "--state-dir /var/lib/lxc-autogen-qa";
    let mut first = start("up -c 3");
    signal_at(&mut first, None, "its part of the CIB", is_joining);
    let second = start(&format!("up -c 3 --prefix qa {qa}"));
    succeeds(first);
    succeeds(second);
    // 105: there is none.
    for name in ["op_defaults", "rsc_defaults"] {
        section(name).exits(105);
    }
    lxa(&format!("cleanup {qa}")).exits(0);
    lxa("cleanup").exits(0);
    before.is_as_now();
    let create = ["--create", "--scope", "configuration", "--xml-text", &was];
    run("cibadmin", create).exits(0);
}
