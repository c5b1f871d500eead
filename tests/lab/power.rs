//! Single nodes of a lab that is up: stopped and started again, restarted, without their plug; and
//! fencing switched off for a while.

use crate::lab::Lab;
use crate::trouble::guest_init;
use crate::world::{BINARY, lxa, until};
use std::process::{Child, Command, Stdio};

const EVERYBODY: &str = "node1 node2 node3 remote1 remote2 lxc1 lxc2 lxc3 lxc4";

/// In a lab with three cluster nodes, two remote nodes and guest nodes, none of which is fenced for
/// it but the one that is killed.
pub fn nodes_are_switched(lab: &Lab) {
    let of = |verb: &str, nodes: &str| lxa(&format!("lab {verb} {nodes}"));

    // In good order: what ran there moves, and nobody fences them or counts a failure.
    let plan = of("stop", "node2 remote1 --dry-run").exits(0).out;
    assert_eq!(plan, "would stop lab-node2, lab-remote1 of lab lab\n");
    of("stop", "node2 lab-remote1").exits(0);
    for node in ["node2", "remote1"] {
        assert_eq!(lab.domain(node), "shut off");
        assert!(!lab.fenced("node1", node), "{node}");
    }
    lab.await_online("node1", 60, "node1 node3 remote2 lxc1 lxc2 lxc3 lxc4");
    let failures = lab.ok("node1", "crm_mon -1 --include=none,failures");
    assert!(!failures.contains("lab-"), "{failures}");
    // Which is to be seen: as off, and not as trouble.
    let table = of("status", "").exits(0).out;
    assert!(
        table.contains("\nnot up: lab-node2 (off), lab-remote1 (off)\n"),
        "{table}"
    );
    let row = table
        .lines()
        .find(|line| line.starts_with("lab-node2"))
        .unwrap();
    assert!(row.ends_with("shut off  offline"), "{table}");
    let json = of("status", "--json").exits(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        [0, 1].map(|n| json["nodes"][n]["up"].clone()),
        [true, false]
    );
    let picture = of("graph", "").exits(0).out;
    assert!(picture.contains(">lab-node2 (off)<"), "{picture}");
    let picture = of("graph", "--format mermaid").exits(0).out;
    assert_eq!(picture.matches(":::down").count(), 2, "{picture}");

    // They stay off, and are started again by one command or by lab up.
    of("stop", "node2").exits(0);
    of("kill", "node2 remote1")
        .exits(0)
        .complains("lab lab: lab-node2, lab-remote1 are off already");
    let json = of("start", "remote1 --json").exits(0).out;
    let json = crate::schema::conforms("switched", &json);
    let wanted = serde_json::json!({"lab": "lab", "name": "lab-remote1", "state": "online"});
    assert_eq!(json["nodes"], serde_json::json!([wanted]));
    of("stop", "remote2").exits(0);
    lab.change("").exits(0);
    lab.await_online("node1", 30, EVERYBODY);
    let off = "cibadmin --query --xpath //meta_attributes[starts-with(@id,'lxc-autogen-off-')]";
    assert_ne!(lab.exec("node1", off).code, 0, "a remote node is kept off");

    // Again at once.
    let was = ["node3", "remote2", "node1"].map(|node| lab.init(node));
    of("restart", "node3 remote2").exits(0);
    lab.await_online("node1", 30, EVERYBODY);
    let now = ["node3", "remote2", "node1"].map(|node| lab.init(node));
    assert!(was[0] != now[0] && was[1] != now[1] && was[2] == now[2]);
    assert!(!lab.fenced("node1", "node3"));

    // Guest nodes are the cluster's.
    of("stop", "lxc1")
        .exits(3)
        .complains("the cluster stops and starts it")
        .complains("crm_resource --resource container1");
    let was = guest_init("lxc1");
    of("restart", "lxc1").exits(0);
    assert_ne!(guest_init("lxc1"), was);
    lab.await_online("node1", 1, EVERYBODY);
    guests_that_somebody_holds(lab);
    let was = guest_init("lxc2");
    of("kill", "lxc2").exits(0);
    until("lxc2 is recovered", 60, || {
        ![0, was].contains(&guest_init("lxc2"))
    });
    lab.await_online("node1", 90, EVERYBODY);

    // Its plug pulled, a node is fenced, and comes back by it. Who was at work in it is told.
    let was = lab.init("node2");
    let at_work = at_work_in(lab, "node2");
    of("kill", "node2").exits(0);
    ended_with(at_work, "lab-node2 has ended");
    until("it is fenced", 60, || lab.fenced("node1", "node2"));
    lab.await_online("node1", 90, EVERYBODY);
    assert_ne!(lab.init("node2"), was);

    of("kill", "nobody")
        .exits(3)
        .complains("no node of lab lab is called nobody");
}

/// A command in a node that takes long.
fn at_work_in(lab: &Lab, node: &str) -> Child {
    let child = Command::new(BINARY)
        .args(["lab", "exec", node, "--", "sleep", "6543"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("it runs", 10, || {
        lab.exec(node, "pgrep -f ^sleep.6543").code == 0
    });
    child
}

/// By a signal, and with the reason.
#[track_caller]
fn ended_with(at_work: Child, reason: &str) {
    let ended = at_work.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), None, "{ended:?}");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(said.matches(reason).count(), 1, "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// A guest that somebody has disabled stays so, and is told; one that a killed restart has stopped is
/// started by the next `lab up`.
fn guests_that_somebody_holds(lab: &Lab) {
    let resource = "crm_resource --resource container3 --meta --parameter-value Stopped";
    lab.ok("node1", &format!("{resource} --set-parameter target-role"));
    until("lxc3 is off", 60, || guest_init("lxc3") == 0);
    let held = "lxc3 (disabled)";
    lxa("lab kill lxc3")
        .exits(0)
        .complains("lab lab: lxc3 is off already");
    lxa("lab restart lxc3")
        .exits(3)
        .complains(&format!("{held} is left as it is"));
    let up = lab.change("").exits(0).err;
    let summary = "3 cluster nodes, 2 remote nodes, 3 guest nodes online";
    assert!(up.contains(summary), "{up}");
    // What undoes it is said, for people to paste.
    let said = up.split_once(&format!("left as somebody made them: {held}; lxc-autogen "));
    let command = said.and_then(|(_, rest)| rest.split_once(" undoes that"));
    lxa(command.expect(&up).0).exits(0);
    lab.await_online("node1", 1, EVERYBODY);
    let stopped = || {
        let resources = lab.exec("node1", "cibadmin --query --scope resources");
        resources.out.contains("value=\"leaving\"")
    };
    crate::kill::killed("lab restart lxc3", "lxc3 is being stopped", stopped);
    let up = lab.change("").exits(0).err;
    assert!(!up.contains("left as somebody made them"), "{up}");
    lab.await_online("node1", 1, EVERYBODY);
}

/// Nobody is fenced for a while: not one that is killed, which the lab has to start again.
pub fn fencing_is_switched(lab: &Lab) {
    let status = || lxa(&format!("lab status --name {}", lab.name)).exits(0).out;
    let fencing = |switch: &str| lxa(&format!("lab fencing {switch} --name {}", lab.name));
    let enabled = || {
        let property = "crm_attribute -t crm_config -n stonith-enabled -G -q";
        lab.ok("node1", property).trim().to_owned()
    };
    let plan = fencing("off --dry-run").exits(0).out;
    assert!(plan.starts_with("would switch fencing of lab"), "{plan}");
    crate::schema::conforms(
        "fencing-plan",
        &fencing("off --dry-run --json").exits(0).out,
    );
    assert_eq!(enabled(), "true");
    let json = fencing("off --json").exits(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["fencing"], "disabled");
    assert_eq!(enabled(), "false");
    assert!(status().contains("fencing is off"), "{}", status());
    fencing("on").exits(0);
    assert_eq!(enabled(), "true");
    assert!(status().contains("fenced by fence_virtd"), "{}", status());

    fencing("off").exits(0);
    lxa(&format!("lab kill {}/node2", lab.name)).exits(0);
    // Offline, or unclean where something ran on it, which no fencing will end.
    until("node1 has lost node2", 60, || {
        !lab.online("node1").contains(&lab.node("node2"))
    });
    assert_eq!(lab.domain("node2"), "shut off");
    lab.change("").exits(0);
    lab.await_online("node1", 30, EVERYBODY);
    assert_eq!(enabled(), "true");
    // It is put back once: what somebody else switches off is theirs.
    let off = "crm_attribute -t crm_config -n stonith-enabled -v false";
    lab.ok("node1", off);
    assert!(status().contains("fencing is off"), "{}", status());
    lab.change("").exits(0);
    assert_eq!(enabled(), "false");
    fencing("on").exits(0);
}

/// A whole lab, by a pattern: nobody is left to say who has left.
pub fn all_nodes_are_switched(lab: &Lab) {
    let all = format!("{}/*", lab.name);
    lxa(&format!("lab stop {all}")).exits(0);
    assert_eq!(lab.domain("node1"), "shut off");
    let table = lxa(&format!("lab status --name {}", lab.name)).exits(0).out;
    assert_eq!(table.matches("no cluster node runs").count(), 2, "{table}");
    lxa(&format!("lab start {all}")).exits(0);
}
