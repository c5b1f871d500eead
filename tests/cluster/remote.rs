//! Remote nodes of the running cluster.

use crate::Test;
use crate::mon::View;
use crate::world::{Before, NODE, cluster, init_of, lxa, names, online, run, tool, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub const TESTS: &[Test] = &[
    (
        "remote_nodes_come_grow_and_go",
        remote_nodes_come_grow_and_go,
    ),
    (
        "a_lost_connection_is_stopped_first",
        a_lost_connection_is_stopped_first,
    ),
];

fn is_remote(name: &str) -> bool {
    cluster()
        .active
        .get(name)
        .is_some_and(|all| all.iter().any(|a| a.nodes == [NODE.to_owned()]))
}

fn remote_nodes_come_grow_and_go() {
    let before = Before::new();
    // What cannot be is refused before anything is touched.
    lxa("up -c 2 --kind remote -A").exits(2);
    lxa("up -c 2 --kind remote -s").exits(2);
    before.is_as_now();

    lxa("up -c 3 --kind remote -C").exits(0);
    assert_eq!(online(), names("lxc", 3));
    assert!(is_remote("lxc3"), "lxc3 is no connection");
    tool("crm_verify --live-check");
    let cib = tool("cibadmin --query");
    assert!(!cib.contains(r#"id="container1""#), "{cib}");
    // Another set's guest nodes beside them.
    lxa("up -c 1 --prefix web --state-dir /var/lib/web").exits(0);
    lxa("cleanup --state-dir /var/lib/web").exits(0);
    assert_eq!(online(), names("lxc", 3));
    let again = lxa("up -c 2 --kind guest").exits(2);
    assert!(again.err.contains("--kind"), "{}", again.err);

    // One crashes, and one ends in good order: nobody but up starts their containers again.
    let was = [init_of("lxc1"), init_of("lxc2")];
    let pid = Pid::from_raw(i32::try_from(was[0]).unwrap());
    kill(pid, Signal::SIGKILL).unwrap();
    tool("virsh -c lxc:/// destroy lxc2");
    until("both are known to be gone", 90, || {
        online() == ["lxc3".to_owned()]
    });
    lxa("up").exits(0);
    assert_eq!(online(), names("lxc", 3));
    assert_ne!([init_of("lxc1"), init_of("lxc2")], was);

    lxa("up -c 4").exits(0);
    assert_eq!(online(), names("lxc", 4));
    lxa("up -c 1").exits(0);
    assert_eq!(online(), names("lxc", 1));
    let cib = tool("cibadmin --query");
    assert!(!cib.contains("\"lxc2\""), "{cib}");
    let domains = tool("virsh -c lxc:/// list --all --name");
    assert_eq!(domains.trim(), "lxc1");
    let status = lxa("status").exits(0).out;
    assert!(status.contains("1 node: 1 running, 1 online"), "{status}");

    lxa("cleanup").exits(0);
    before.is_as_now();

    // By lxc_autogen.sh's options, which do not wait.
    lxa("-g -a -c 2 --kind remote").exits(0);
    until("two are online", 60, || online() == names("lxc", 2));
    lxa("-p").exits(0);
    assert_eq!(online(), names("lxc", 0));
    lxa("-R").exits(0);
    before.is_as_now();
}

/// Where the only action of [`SLOW`] runs.
const HERE: &str = r#"<rsc_location id="slow-here" rsc-pattern="^slow$" node="world-node1" score="0" resource-discovery="exclusive"/>"#;

/// A resource that does nothing but answer, after 6 s, whether it runs. That is less than the
/// connection's reconnect_interval, after which its failure expires: a cluster that comes to look at
/// it only then takes the lost connection for one that stands (Pacemaker 2.1.5).
const SLOW: &str = r#"<primitive id="slow" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="slow-m"><nvpair id="slow-m-r" name="target-role" value="Stopped"/></meta_attributes><instance_attributes id="slow-i"><nvpair id="slow-i-s" name="op_sleep" value="6"/></instance_attributes></primitive>"#;

fn configuration(change: &str, section: &str, xml: &str) {
    let scope = ["--scope", section, "--xml-text", xml];
    run("cibadmin", [&[change][..], &scope].concat()).exits(0);
}

/// `up` has no failure forgotten of a connection that the cluster has not stopped yet, as it
/// cannot while another action goes on.
fn a_lost_connection_is_stopped_first() {
    let before = Before::new();
    lxa("up -c 2 --kind remote").exits(0);
    configuration("--create", "constraints", HERE);
    configuration("--create", "resources", SLOW);
    until("the slow action has begun", 10, || {
        tool("cibadmin --query --scope status").contains("slow_last_0")
    });
    let pid = Pid::from_raw(i32::try_from(init_of("lxc1")).unwrap());
    kill(pid, Signal::SIGKILL).unwrap();
    let failed = |view: &View| view.failures.iter().any(|f| f.starts_with("lxc1_"));
    until("the connection is lost", 10, || failed(&cluster()));
    assert!(cluster().active.contains_key("lxc1"), "stopped already");
    lxa("up --timeout 50").exits(0);
    // Not at once: while the other action goes on the cluster says that the node is online, and up
    // believes it.
    until("it is connected again", 60, || online() == names("lxc", 2));

    configuration("--delete", "resources", SLOW);
    configuration("--delete", "constraints", HERE);
    lxa("cleanup").exits(0);
    before.is_as_now();
}
