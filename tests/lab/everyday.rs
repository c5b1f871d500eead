//! What people do with a lab every day.

use crate::Test;
use crate::golden::as_0_1_0_wrote_it;
use crate::lab::Lab;
use crate::power;
use crate::runner::not_proven;
use crate::schema::conforms;
use crate::work::{self, Agents};
use crate::world::{BINARY, lxa, root_of, run, tool};
use lxc_autogen::libvirt::container::SYSRQ;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use std::path::{Path, PathBuf};

pub const TESTS: &[Test] = &[
    ("three_kinds_of_nodes", three_kinds_of_nodes),
    ("the_trigger_is_masked", the_trigger_is_masked),
    ("two_labs_at_once", two_labs_at_once),
];

fn three_kinds_of_nodes() {
    let agents = Agents::new();
    let options = format!("--remote-nodes 2 -c 4 --env PCMK_qa=1 {}", agents.options());
    let lab = Lab::up("lab", &options);
    lab.await_online(
        "node1",
        1,
        "node1 node2 node3 remote1 remote2 lxc1 lxc2 lxc3 lxc4",
    );

    // A real cluster: quorum, encrypted, and fencing enabled with devices that work.
    assert!(
        lab.ok("node2", "corosync-quorumtool -s")
            .contains("Quorate:          Yes")
    );
    let crypto = lab.ok("node1", "corosync-cmapctl -g totem.crypto_cipher");
    assert!(crypto.contains("aes256"), "{crypto}");
    let fencing = lab.ok(
        "node1",
        "crm_attribute -t crm_config -n stonith-enabled -G -q",
    );
    assert_eq!(fencing.trim(), "true");
    lab.ok("node1", "crm_verify --live-check");
    let devices = lab.ok("node1", "stonith_admin --list lab-remote2");
    assert!(devices.contains("fencing"), "{devices}");

    // Every file says what its schema allows.
    for node in ["node1", "remote1"] {
        let xml = format!("/var/lib/lxc-autogen-lab-lab/lab-{node}/domain.xml");
        tool(&format!("virt-xml-validate {xml} domain"));
    }

    // Into nodes of every kind; the exit status is the command's.
    for name in ["lab-node1", "remote2", "lxc3"] {
        let said = lxa(&format!("lab exec {name} -- hostname")).exits(0);
        assert!(said.out.trim().ends_with(name), "{name}: {}", said.out);
    }
    // In several at once: each line says where, and the greatest exit status is told.
    let said = lxa("lab exec node[12] -- hostname").exits(0);
    let mut lines: Vec<&str> = said.out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["lab-node1: lab-node1", "lab-node2: lab-node2"]);
    let all = lxa("lab exec --all -- ls /etc/corosync").exits(2);
    assert_eq!(all.out.matches(": corosync.conf").count(), 3, "{all:?}");
    for other in ["lab-remote1: ", "lxc1: "] {
        assert!(all.err.contains(other), "{all:?}");
    }
    for nobody in ["nobody", "node[", "qa/node1"] {
        lxa(&format!("lab exec {nobody} -- true")).exits(125);
    }
    lxa("lab exec node1 -- no-such-program").exits(127);
    lxa("lab exec nobody* -- true")
        .exits(125)
        .complains("no node of lab lab is called nobody*");
    // What is run in a node finds what it finds when somebody has logged in there.
    let guests = "lxc-autogen status --state-dir /var/lib/lxc-autogen-guests";
    assert!(lab.ok("node1", guests).contains("4 online"));
    assert!(lab.ok("node1", "lxc-autogen status").contains(guests));

    no_node_can_hurt_the_host(&lab);

    // People and programs see the same.
    let table = lxa("lab status").exits(0).out;
    assert!(table.contains("fenced by fence_virtd"), "{table}");
    let json = conforms("lab-status", &lxa("lab status --json").exits(0).out);
    conforms("lab-list", &lxa("lab list --json").exits(0).out);
    conforms("lab-up-plan", &lxa("lab up --dry-run --json").exits(0).out);
    let nodes = json["nodes"].as_array().unwrap();
    let guests: usize = nodes
        .iter()
        .map(|n| n["guests"].as_array().unwrap().len())
        .sum();
    assert_eq!((nodes.len(), guests), (5, 4), "{json}");
    // A guest node is the same thing to a lab and in the node where it runs.
    let on = nodes
        .iter()
        .find(|n| n["guests"] != serde_json::json!([]))
        .unwrap();
    let in_lab = &on["guests"][0];
    assert_eq!(in_lab["on"], on["name"]);
    let own = "lxc-autogen status --state-dir /var/lib/lxc-autogen-guests --json";
    let own = conforms("status", &lab.ok("node1", own));
    let own = own["nodes"].as_array().unwrap().iter();
    let mut own = own.filter(|n| n["name"] == in_lab["name"]);
    let in_set = own.next().unwrap();
    for key in ["kind", "domain", "resource", "address", "pacemaker", "on"] {
        assert_eq!(in_lab[key], in_set[key], "{key}");
    }
    assert!(lxa("lab list").exits(0).out.contains("5 of 5 running"));
    let picture = lxa("lab graph").exits(0).out;
    assert!(picture.contains("lab-remote2") && picture.contains("lxc4"));

    // And shells, which ask while a person types.
    let said = completed(&["lxc-autogen", "lab", "exec", ""]);
    assert_eq!(
        said,
        "node1 node2 node3 remote1 remote2 lxc1 lxc2 lxc3 lxc4"
    );
    assert_eq!(
        completed(&["lxc-autogen", "lab", "down", "--name", ""]),
        "lab"
    );
    let said = completed(&["lxc-autogen", "lab", "cp", ""]);
    assert!(said.starts_with("node1: node2: node3: remote1: "), "{said}");

    // Once more: nothing is restarted.
    let inits = ["node1", "node2", "node3", "remote1"].map(|n| lab.init(n));
    lab.change("").exits(0);
    assert_eq!(
        ["node1", "node2", "node3", "remote1"].map(|n| lab.init(n)),
        inits
    );
    agents.are_in(&lab, &["node1", "remote1", "lxc1"]);
    work::set_for_daemons(&lab, "PCMK_qa=1");
    power::nodes_are_switched(&lab);
    power::fencing_is_switched(&lab);
    lab.down();
}

/// What bash offers after these words, but for options.
fn completed(words: &[&str]) -> String {
    let directory = Path::new(BINARY).parent().unwrap().display();
    let typed: Vec<String> = words.iter().map(|w| format!("'{w}'")).collect();
    let script = format!(
        "PATH={directory}:$PATH; source <(lxc-autogen completions bash); COMP_WORDS=({}); \
         COMP_CWORD={}; COMP_TYPE=9; _clap_complete_lxc_autogen lxc-autogen; \
         echo \"${{COMPREPLY[@]}}\"",
        typed.join(" "),
        words.len() - 1
    );
    let said = run("bash", ["-c", &script]).exits(0).out;
    let offered = said.split_whitespace().filter(|w| !w.starts_with("--"));
    offered.collect::<Vec<_>>().join(" ")
}

fn no_node_can_hurt_the_host(lab: &Lab) {
    for node in ["lab-node1", "lab-remote1", "lxc1"] {
        // Not in the bounding set: no process in there can ever have it.
        let status = lxa(&format!("lab exec {node} -- cat /proc/1/status"))
            .exits(0)
            .out;
        let bounding = status
            .lines()
            .find_map(|l| l.strip_prefix("CapBnd:"))
            .unwrap()
            .trim()
            .to_owned();
        let set = u64::from_str_radix(&bounding, 16).unwrap();
        for capability in [
            caps::Capability::CAP_SYS_BOOT,
            caps::Capability::CAP_SYS_MODULE,
        ] {
            assert_eq!(set & capability.bitmask(), 0, "{node} has {capability}");
        }
        let exec = |command: &str| lxa(&format!("lab exec {node} -- {command}"));
        // What is run in it is held to its control groups.
        let (ours, inits) = (exec("cat /proc/self/cgroup"), exec("cat /proc/1/cgroup"));
        let held = |said: crate::world::Said| -> Vec<String> {
            // But the freezer's: what asks a paused node must not be paused with it.
            let lines = said.exits(0).out;
            let others = lines.lines().filter(|l| !l.contains(":freezer:"));
            others.map(str::to_owned).collect()
        };
        assert_eq!(held(ours), held(inits), "{node}");
        let usr = lxa(&format!("lab exec {node} -- touch /usr/written"));
        // With systemd a cluster or remote node has a /usr of its own.
        let its_own = crate::lab::by_systemd() && node.starts_with("lab-");
        assert_eq!(usr.code == 0, its_own, "{node} can write to /usr");
        assert!(!Path::new("/usr/written").exists(), "{node}");
    }
    // Of the host's control groups a cluster node sees its own, and others none.
    let beside = groups_of_machines();
    let host = tool(&format!("ls {}", beside.display()));
    assert!(host.contains("lab-node2"), "{host}");
    let seen = lab.exec("node1", &format!("ls {}", beside.display())).out;
    assert!(!seen.contains("lab-node"), "{seen}");
    // A remote node that is a machine has those of its own, too, as systemd needs them.
    let without = if crate::lab::by_systemd() {
        &["lxc1"][..]
    } else {
        &["lab-remote1", "lxc1"]
    };
    for &node in without {
        let said = lxa(&format!("lab exec {node} -- ls /sys/fs/cgroup")).exits(0);
        assert_eq!(said.out, "", "{node}");
    }
    devices_are_listed(lab);
}

/// Where libvirt keeps its containers' groups: the first hierarchy that has any, of those of v1, or
/// the one of v2.
fn groups_of_machines() -> PathBuf {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let points = mounts.lines().map(|line| line.split(' ').nth(1).unwrap());
    let mut groups = points
        .filter(|point| point.starts_with("/sys/fs/cgroup"))
        .map(|point| Path::new(point).join("machine"));
    groups
        .find(|group| group.exists())
        .expect("no group of libvirt's")
}

/// Which devices can be opened is listed, and it is not all of them: tried with device files that
/// only differ in their number.
fn devices_are_listed(lab: &Lab) {
    let root = root_of("lab-node1").join("root");
    // /dev/fuse, and /dev/kmsg, which is only looked at.
    for (name, major, minor, opens) in [("listed", 10, 229, true), ("other", 1, 11, false)] {
        let (file, device) = (root.join(name), makedev(major, minor));
        mknod(&file, SFlag::S_IFCHR, Mode::S_IRUSR, device).unwrap();
        let said = lab.exec("node1", &format!("dd if=/root/{name} of=/dev/null count=0"));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(said.code == 0, opens, "{name}: {}", said.err);
        // By the list of devices, not by the mode of the file.
        let refused = said.err.contains("Operation not permitted");
        assert_eq!(refused, !opens, "{name}: {}", said.err);
    }
}

/// Without ever writing to the real file.
fn the_trigger_is_masked() {
    if !Path::new(SYSRQ).exists() {
        return not_proven("this kernel has no sysrq-trigger that nodes could reach");
    }
    let lab = Lab::up("lab", "--cluster-nodes 1 --remote-nodes 1 -c 1");
    for node in ["lab-node1", "lab-remote1", "lxc1"] {
        // What stands in its place is the null device.
        let kind = lxa(&format!("lab exec {node} -- stat -c %F {SYSRQ}"));
        assert_eq!(kind.exits(0).out.trim(), "character special file");
    }
    lab.down();
}

fn two_labs_at_once() {
    let one = Lab::up("one", "--cluster-nodes 1 -c 1");
    let two = Lab::up("two", "--cluster-nodes 2 -c 0");
    one.await_online("node1", 1, "node1 lxc1");
    two.await_online("node2", 1, "node1 node2");
    power::all_nodes_are_switched(&two);
    two.await_online("node2", 30, "node1 node2");
    // The power switch of one is none of the other's: another address, another key.
    let own = "fence_virt -T 172.31.200.1 -p 1229 -k /etc/cluster/fence_xvm.key -C sha256 -c sha256 -H one-node1 -o status";
    one.ok("node1", own);
    let foreign = "fence_virt -T 172.31.200.1 -p 1229 -k /etc/cluster/fence_xvm.key -C sha256 -c sha256 -H one-node1 -o off";
    assert_ne!(two.exec("node1", foreign).code, 0);
    assert_eq!(one.domain("node1"), "running");
    // A file of lab up says which lab it is about.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("two.toml");
    std::fs::write(&file, "name = \"two\"\ncontainers = 0\n").unwrap();
    let status = lxa(&format!("lab status -f {}", file.display())).exits(0);
    assert!(status.out.starts_with("lab two: "), "{}", status.out);
    let all = lxa("lab status --all").exits(0).out;
    assert!(all.contains("lab one: ") && all.contains("\nlab two: "));
    let all = lxa("lab status --all --json").exits(0).out;
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    assert_eq!(
        [0, 1].map(|n| all["labs"][n]["lab"].clone()),
        ["one", "two"]
    );
    lxa("lab status")
        .exits(3)
        .complains("there are one, two, and --name says which is meant; lxc-autogen lab up makes");
    let list = lxa("lab list").exits(0).out;
    assert!(list.contains("one") && list.contains("two"), "{list}");
    two.down_beside_another();
    one.await_online("node1", 1, "node1 lxc1");
    // A lab of version 0.1.0, as its journal has it, can be taken down.
    let journal = Path::new("/var/lib/lxc-autogen-lab-one/journal.jsonl");
    let kinds = as_0_1_0_wrote_it(journal);
    assert!(kinds.iter().any(|kind| kind == "daemon"), "{kinds:?}");
    one.down();
}
