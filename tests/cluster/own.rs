//! A cluster that has resources, constraints and habits of its own, as an administrator's has.

use crate::Test;
use crate::world::{Before, NODE, cluster, lxa, online, run, tool, until};

pub const TESTS: &[Test] = &[
    (
        "ones_own_resources_stay_or_are_named",
        ones_own_resources_stay_or_are_named,
    ),
    ("what_somebody_holds_stays_so", what_somebody_holds_stays_so),
    (
        "a_cluster_that_would_start_no_node",
        a_cluster_that_would_start_no_node,
    ),
];

/// Adds an object to the cluster's configuration, and takes it away again.
struct Object {
    section: &'static str,
    xml: String,
}

impl Object {
    fn new(section: &'static str, xml: String) -> Object {
        let object = Object { section, xml };
        object.cibadmin("--create");
        object
    }

    fn cibadmin(&self, what: &str) {
        run(
            "cibadmin",
            [what, "--scope", self.section, "--xml-text", &self.xml],
        )
        .exits(0);
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        self.cibadmin("--delete");
    }
}

/// A resource, and a clone of one, whose second instance a guest node takes at once.
fn resources() -> [Object; 2] {
    let dummy = |id: &str| {
        format!("<primitive id=\"{id}\" class=\"ocf\" provider=\"pacemaker\" type=\"Dummy\"/>")
    };
    let clone = format!("<clone id=\"mine-clone\">{}</clone>", dummy("mine"));
    [
        Object::new("resources", dummy("web")),
        Object::new("resources", clone),
    ]
}

/// With many nodes the scheduler takes seconds, which are spent for those alone who ask for it.
fn among_many_nodes(named: &str) {
    let node = |n: u32| format!("<node id=\"qa{n}\" uname=\"qa{n}\" type=\"remote\"/>");
    let many = format!("<nodes>{}</nodes>", (1..=100).map(node).collect::<String>());
    let add = ["--modify", "--allow-create", "--scope", "nodes"];
    run("cibadmin", add.iter().chain(&["--xml-text", &many])).exits(0);
    let dry = lxa("up -c 2 --dry-run --keep-mine").exits(0).out;
    let checked = lxa("verify --quick").exits(0).out;
    let all = "//nodes/node[starts-with(@id,'qa')]";
    run("cibadmin", ["--delete-all", "--force", "--xpath", all]).exits(0);
    assert!(
        dry.contains("a constraint for each of web, mine-clone"),
        "{dry}"
    );
    assert!(checked.contains("the scheduler is not asked"), "{checked}");
    assert!(!checked.contains(named), "{checked}");
}

fn ones_own_resources_stay_or_are_named() {
    let before = Before::new();
    let theirs = resources();
    until("they run here", 30, || {
        ["web", "mine"]
            .iter()
            .all(|id| cluster().runs_on(id) == [NODE])
    });
    let named = "may move them there: web, mine-clone";
    let paste = "pcs constraint location mine-clone rule resource-discovery=never \
                 score=-INFINITY lxc-autogen eq lxc";

    // Said before anything is made.
    let checked = lxa("verify --quick").exits(0).out;
    assert!(
        checked.contains(named) && checked.contains(paste),
        "{checked}"
    );
    assert!(
        checked.contains("the cluster would start them"),
        "{checked}"
    );
    let dry = lxa("up -c 2 --dry-run").exits(0);
    assert!(
        dry.err.contains(named) && dry.err.contains(paste),
        "{dry:?}"
    );
    let dry = lxa("up -c 2 --dry-run --keep-mine").exits(0);
    assert!(
        dry.out.contains("a constraint for each of web, mine-clone"),
        "{dry:?}"
    );
    assert!(!dry.err.contains(named), "{dry:?}");
    among_many_nodes(named);

    // Without a constraint the clone's instances are on the new nodes, and status tells it.
    let up = lxa("up -c 2").exits(0).err;
    assert!(up.contains(named) && up.contains(paste), "{up}");
    until("each has its instance", 30, || {
        cluster().runs_on("mine").len() == 3
    });
    let status = lxa("status").exits(0).out;
    assert!(status.contains("on lxc2: mine\n"), "{status}");
    // What is pasted ends it, and the next up has nothing to say.
    tool(paste);
    until("it runs here alone", 30, || {
        cluster().runs_on("mine") == [NODE]
    });
    assert!(
        !lxa("up -c 2").exits(0).err.contains("warning"),
        "of a set that is there"
    );
    tool("pcs constraint delete location-mine-clone");
    lxa("cleanup").exits(0);

    // Kept from the beginning, by what cleanup takes away.
    let up = lxa("up -c 2 --keep-mine").exits(0).err;
    assert!(
        up.contains("kept off the new nodes: web, mine-clone"),
        "{up}"
    );
    for resource in ["web", "mine"] {
        assert_eq!(cluster().runs_on(resource), [NODE]);
    }
    let json: serde_json::Value = serde_json::from_str(&lxa("status --json").exits(0).out).unwrap();
    assert_eq!(json["nodes"][0]["runs"], serde_json::json!([]));
    let shown = tool("pcs constraint");
    assert!(shown.contains("lxc-autogen-lxc-off-web"), "{shown}");
    lxa("cleanup").exits(0);
    drop(theirs);
    until("they have stopped", 30, || {
        ["web", "mine"]
            .iter()
            .all(|id| cluster().runs_on(id).is_empty())
    });
    before.is_as_now();
}

fn a_cluster_that_would_start_no_node() {
    let before = Before::new();
    let refused = |what: &str, mend: &str| {
        let said = lxa("up -c 2").exits(3).err;
        assert!(said.contains(what) && said.contains(mend), "{said}");
        let said = lxa("verify --quick").exits(3).out;
        assert!(said.contains(what), "{said}");
        assert!(!std::path::Path::new("/var/lib/lxc-autogen").exists());
    };
    // pcs and crm_standby leave the empty set.
    let no_attributes = || {
        let set = "<instance_attributes id=\"nodes-1\"/>";
        run("cibadmin", ["--delete", "--xml-text", set]).exits(0);
    };
    for (state, value) in [("standby", "on"), ("maintenance", "true")] {
        let mend = format!("pcs node un{state} {NODE}");
        tool(&format!(
            "crm_attribute --node {NODE} --name {state} --update {value}"
        ));
        let what = format!("the cluster would start no node: {NODE} is in {state}");
        refused(&what, &mend);
        tool(&mend);
        no_attributes();
    }
    let ban = format!(
        "<rsc_location id=\"left-over\" rsc-pattern=\"^(container|lxc)\" node=\"{NODE}\" \
         score=\"-INFINITY\"/>"
    );
    let ban = Object::new("constraints", ban);
    refused(
        "constraint left-over keeps it off",
        "pcs constraint delete left-over",
    );
    drop(ban);
    // Where resources run only by a constraint, ours are enough.
    tool("crm_attribute --name symmetric-cluster --update false");
    lxa("up -c 1").exits(0);
    tool("crm_attribute --name symmetric-cluster --delete");
    // Of a set that is there nothing is waited for that would be in vain.
    let off = format!("the cluster would start no node: {NODE} is in standby");
    tool(&format!("crm_standby --node {NODE} --update on"));
    until("it has stopped", 30, || online().is_empty());
    for line in ["up", "up -c 2", "up -c 2 --dry-run", "restart lxc1"] {
        lxa(line).exits(3).complains(&off);
    }
    assert!(lxa("status").exits(0).out.contains(&off));
    assert!(lxa("verify --quick").exits(3).out.contains(&off));
    tool(&format!("crm_standby --node {NODE} --delete"));
    no_attributes();
    lxa("up").exits(0);
    let off = "would start nothing: maintenance-mode is true";
    tool("crm_attribute --name maintenance-mode --update true");
    lxa("restart lxc1").exits(3).complains(off);
    let said = lxa("status").exits(0).out;
    assert!(said.contains(off) && said.contains("1 online"), "{said}");
    tool("crm_attribute --name maintenance-mode --delete");
    lxa("cleanup").exits(0);
    before.is_as_now();
}

fn what_somebody_holds_stays_so() {
    let before = Before::new();
    lxa("up -c 3").exits(0);
    let pacemaker = |n: usize| {
        let json = lxa("status --json").exits(0).out;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let node = &json["nodes"][n - 1];
        let held = node["held"].as_str().unwrap_or("free").to_owned();
        (node["pacemaker"].as_str().unwrap().to_owned(), held)
    };
    let (online, free) = ("online".to_owned(), "free".to_owned());
    tool("pcs resource disable container2 --wait=30");
    tool(&format!(
        "crm_resource --ban --resource container3 --node {NODE}"
    ));

    // The set grows, the two stay as they are, and nobody waits for them, not even for the one that
    // is just being stopped.
    let up = lxa("up -c 4").exits(0).err;
    let said = "left as somebody made them: lxc2 (disabled), lxc3 (banned); lxc-autogen up --enable \
                lxc2,lxc3 undoes that";
    assert!(up.contains(said) && up.contains("2 nodes online"), "{up}");
    until("neither runs", 40, || {
        ["container2", "container3"]
            .iter()
            .all(|id| cluster().runs_on(id).is_empty())
    });
    assert_eq!(pacemaker(2), ("offline".to_owned(), "disabled".to_owned()));
    assert_eq!(pacemaker(3).1, "banned");
    assert_eq!(
        (pacemaker(1), pacemaker(4)),
        (
            (online.clone(), free.clone()),
            (online.clone(), free.clone())
        )
    );
    assert!(lxa("status").exits(0).out.contains("offline, disabled"));

    // One after the other is given back.
    lxa("up --enable lxc5")
        .exits(2)
        .complains("lxc5 is not a node of the set");
    let up = lxa("up --enable lxc2").exits(0).err;
    assert!(
        up.contains("given back to the cluster: lxc2 (disabled)"),
        "{up}"
    );
    assert!(
        up.contains("lxc3 (banned)") && up.contains("3 nodes online"),
        "{up}"
    );
    assert_eq!(pacemaker(2), (online.clone(), free.clone()));
    lxa("up --enable lxc3").exits(0);
    assert_eq!(pacemaker(3), (online.clone(), free));

    // Unmanaged it stays online, and no up manages it again. (Ended as well, Pacemaker 2.1.5's
    // scheduler would dump core.)
    tool("pcs resource unmanage container1");
    let up = lxa("up").exits(0).err;
    assert!(
        up.contains("lxc1 (unmanaged)") && up.contains("4 nodes online"),
        "{up}"
    );
    assert_eq!(
        pacemaker(1),
        ("online, maintenance".to_owned(), "unmanaged".to_owned())
    );
    lxa("up --enable lxc1").exits(0);
    assert_eq!(pacemaker(1), (online, "free".to_owned()));
    // Nor does it keep a cleanup from its end.
    tool("pcs resource unmanage container1");
    lxa("cleanup").exits(0);
    before.is_as_now();
}
