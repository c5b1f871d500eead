//! Single nodes of a set: a command in one, a shell, a restart.

use crate::Test;
use crate::world::{Before, init_of, lxa, names, online, run, tool, until};
use nix::sys::signal::Signal;

pub const TESTS: &[Test] = &[
    (
        "single_nodes_have_commands_of_their_own",
        single_nodes_have_commands_of_their_own,
    ),
    (
        "one_is_removed_from_the_middle",
        one_is_removed_from_the_middle,
    ),
];

fn single_nodes_have_commands_of_their_own() {
    let before = Before::new();
    lxa("up -c 3").exits(0);
    lxa("up -c 1 --kind remote --prefix rem --state-dir /var/lib/rem").exits(0);
    assert_eq!(lxa("exec lxc2 -- uname -n").exits(0).out, "lxc2\n");
    assert_eq!(
        lxa("exec rem1 --state-dir /var/lib/rem -- uname -n")
            .exits(0)
            .out,
        "rem1\n"
    );
    lxa("exec lxc2 -- false").exits(1);
    let all_online = [names("lxc", 3), names("rem", 1)].concat();
    let all = lxa("exec lxc[13] -- uname -n").exits(0).out;
    let mut lines: Vec<&str> = all.lines().collect();
    lines.sort();
    assert_eq!(lines, ["lxc1: lxc1", "lxc3: lxc3"]);
    for (line, text) in [
        ("exec lxc4 -- true", "its nodes are lxc1, lxc2, lxc3"),
        ("exec lxc1", "exec lacks COMMAND"),
        ("shell lxc4", "no node of the set is called lxc4"),
        ("exec lxc1 -- /no/such", "/no/such"),
    ] {
        let said = lxa(line);
        assert!([125, 127].contains(&said.code), "{line}: {said:?}");
        assert!(said.err.contains(text), "{line}: {}", said.err);
    }
    let was: Vec<u32> = (1..=3).map(|n| init_of(&format!("lxc{n}"))).collect();
    lxa("restart lxc4").exits(3).complains("called lxc4");
    let plan = lxa("restart lxc2 lxc3 --dry-run").exits(0).out;
    assert_eq!(plan, "would:\n  restart lxc2, lxc3\n");
    let json = lxa("restart lxc2 --json").exits(0).out;
    let json = crate::schema::conforms("switched", &json);
    let wanted = serde_json::json!([{"name": "lxc2", "state": "online"}]);
    assert_eq!(json["nodes"], wanted);
    assert_eq!(online(), all_online);
    assert_eq!((init_of("lxc1"), init_of("lxc3")), (was[0], was[2]));
    assert_ne!(init_of("lxc2"), was[1]);
    let remote = init_of("rem1");
    lxa("restart rem1 --state-dir /var/lib/rem").exits(0);
    assert_eq!(online(), all_online);
    assert_ne!(init_of("rem1"), remote);
    // What somebody has disabled stays so; what a killed restart has stopped does not.
    tool("pcs resource disable container3 --wait=30");
    let held = "lxc3 (disabled) is left as it is";
    lxa("restart lxc3").exits(3).complains(held);
    lxa("up --enable lxc3").exits(0);
    let stopped = || {
        let resources = ["--query", "--scope", "resources"];
        run("cibadmin", resources).out.contains("value=\"leaving\"")
    };
    let mut restart = crate::kill::start("restart lxc2");
    let being = "lxc2 is being stopped";
    crate::kill::signal_at(&mut restart, Signal::SIGINT, being, stopped);
    assert_eq!(restart.wait().unwrap().code(), Some(130));
    assert!(!stopped(), "it is put back");
    until("all are online", 60, || online() == all_online);
    crate::kill::killed("restart lxc2", being, stopped);
    let up = lxa("up").exits(0).err;
    assert!(!up.contains("left as somebody made them"), "{up}");
    assert_eq!(online(), all_online);
    // A paused one says so, and what has ended, too.
    tool("virsh -c lxc:/// suspend lxc1");
    lxa("exec lxc1 -- true")
        .exits(125)
        .complains("lxc1 is paused");
    tool("virsh -c lxc:/// resume lxc1");
    lxa("cleanup --state-dir /var/lib/rem").exits(0);
    lxa("cleanup").exits(0);
    lxa("exec lxc1 -- true")
        .exits(125)
        .complains("no containers in");
    before.is_as_now();
}

fn one_is_removed_from_the_middle() {
    let before = Before::new();
    lxa("remove lxc2").exits(3).complains("there is no set");
    lxa("up -c 4 -C --hosts").exits(0);
    let was = [1, 3, 4].map(|n| init_of(&format!("lxc{n}")));
    for wrong in ["lxc5", "web"] {
        let text = format!("no node of the set is called {wrong}");
        lxa(&format!("remove {wrong}")).exits(2).complains(&text);
    }
    let all = lxa("remove lxc1 lxc2 lxc3 lxc4").exits(2);
    assert!(
        all.err.contains("lxc-autogen cleanup removes all"),
        "{all:?}"
    );
    let plan = lxa("remove lxc2 --dry-run").exits(0).out;
    assert!(
        plan.contains("stop lxc2, take it out of the cluster, and remove it"),
        "{plan}"
    );
    // What stays is not shown.
    assert!(!plan.contains("---"), "{plan}");
    let left = names_of(&[1, 3, 4]);
    lxa("remove lxc2").exits(0);
    assert_eq!(online(), left);
    assert_eq!([1, 3, 4].map(|n| init_of(&format!("lxc{n}"))), was);
    for (what, hides) in [
        ("virsh -c lxc:/// list --all --name", "lxc2"),
        ("cat /etc/hosts", "lxc2"),
        ("cibadmin --query --scope resources", "container2"),
    ] {
        assert!(!tool(what).contains(hides), "{what}");
    }
    assert!(!std::path::Path::new("/var/lib/lxc-autogen/lxc2").exists());
    let status = lxa("status").exits(0).out;
    assert!(status.contains("3 nodes: 3 running, 3 online"), "{status}");
    assert!(tool("cibadmin --query --scope resources").contains("name=\"clone-max\" value=\"3\""));

    // The gap stays when the set grows, and until somebody asks for the node.
    let plan = lxa("up -c 5 --dry-run").exits(0).out;
    let shown: Vec<&str> = plan.lines().filter(|l| l.starts_with("---")).collect();
    let new = [
        "--- lxc5/domain.xml",
        "--- lxc5/primitive.xml",
        "--- cib.xml",
    ];
    assert_eq!(shown, new);
    assert!(!plan.contains("id=\"container4\""), "{plan}");
    lxa("up -c 5").exits(0).complains("stays removed: lxc2");
    assert_eq!(online(), names_of(&[1, 3, 4, 5]));
    lxa("remove lxc2").exits(2).complains("removed already");
    lxa("up --enable lxc2").exits(0);
    assert_eq!(online(), names("lxc", 5));
    assert_eq!([1, 3, 4].map(|n| init_of(&format!("lxc{n}"))), was);
    tool("crm_verify --live-check");
    // The first and the last: the pattern of the constraints still meets the rest.
    lxa("remove lxc1 lxc5").exits(0);
    lxa("restart lxc3").exits(0);
    assert_eq!(online(), names_of(&[2, 3, 4]));
    lxa("cleanup").exits(0);
    before.is_as_now();
}

fn names_of(numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|n| format!("lxc{n}")).collect()
}
