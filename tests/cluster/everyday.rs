//! What people do every day.

use crate::Test;
use crate::isolation;
use crate::schema::conforms;
use crate::world::{Before, NODE, STATE, cluster, init_of, lxa, names, online, run, tool, until};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub const TESTS: &[Test] = &[
    ("eight_guest_nodes_and_away", eight_guest_nodes_and_away),
    (
        "a_destroyed_container_is_recovered",
        crate::deaths::a_destroyed_container_is_recovered,
    ),
    ("copied_keys", copied_keys),
    ("the_other_ways_out", the_other_ways_out),
    (
        "monitors_that_meet_the_stop_leave_nothing",
        monitors_that_meet_the_stop_leave_nothing,
    ),
    (
        "a_container_cannot_reach_the_host",
        isolation::a_container_cannot_reach_the_host,
    ),
    ("the_trigger_is_masked", isolation::the_trigger_is_masked),
    ("two_sets_side_by_side", two_sets_side_by_side),
    (
        "verify_says_ok_and_leaves_nothing",
        verify_says_ok_and_leaves_nothing,
    ),
];

fn eight_guest_nodes_and_away() {
    let before = Before::new();
    lxa("up -c 8 --hosts").exits(0);
    assert_eq!(online(), names("lxc", 8));

    // Every file says what its schema allows.
    for n in 1..=8 {
        tool(&format!(
            "virt-xml-validate {STATE}/lxc{n}/domain.xml domain"
        ));
    }
    tool(&format!("virt-xml-validate {STATE}/network.xml network"));
    tool("crm_verify --live-check");

    // Ours alone.
    let mode = std::fs::metadata(STATE).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o700);
    let key = std::fs::metadata("/etc/pacemaker/authkey").unwrap();
    assert_eq!(
        (key.permissions().mode() & 0o7777, key.len()),
        (0o640, 4096)
    );
    assert!(tool("stat -c %U:%G /etc/pacemaker/authkey").starts_with("root:haclient"));

    // The network is there after a reboot, and names resolve.
    assert!(tool("virsh -c lxc:/// net-info lxc-autogen").contains("Autostart:      yes"));
    let lookup = tool("getent hosts lxc8");
    assert!(lookup.starts_with("192.168.123.18 "), "{lookup}");

    // The containers answer the cluster's first packets at once, not after 40 ms.
    let routes = tool(&format!("nsenter -t {} -n ip route show", init_of("lxc8")));
    assert!(routes.contains("quickack 1"), "{routes}");
    // And neither side takes room in the kernel's table of neighbours.
    let inside = format!(
        "nsenter -t {} -n ip neigh show nud permanent",
        init_of("lxc8")
    );
    let inside = tool(&inside);
    assert!(
        inside.starts_with("192.168.123.1 dev eth0 lladdr 52:54:c0:a8:7b:01 "),
        "{inside}"
    );
    let host = tool("ip neigh show dev lxc-autogen nud permanent");
    assert_eq!(host.lines().count(), 8, "{host}");
    assert!(
        host.contains("192.168.123.18 lladdr 52:54:c0:a8:7b:12 "),
        "{host}"
    );

    // status says the same, to people and to programs.
    let table = lxa("status").exits(0).out;
    assert!(
        table.contains("virsh reboot and shutdown do nothing"),
        "{table}"
    );
    assert!(table.contains("8 nodes: 8 running, 8 online"), "{table}");
    let json = conforms("status", &lxa("status --json").exits(0).out);
    assert_eq!(json["online"], 8);
    // By the name that 0.1.0 had.
    assert_eq!(json["nodes"][7]["node"], json["nodes"][7]["name"]);
    assert_eq!(json["nodes"][7]["address"], "192.168.123.18");
    assert_eq!(json["nodes"][7]["on"], NODE);

    // A plan has what would change, and not what stays.
    let plan = |count: u32| {
        let said = lxa(&format!("up -c {count} --dry-run")).exits(0).out;
        said.split("\n\n").next().unwrap().trim_end().to_owned()
    };
    let wait = "wait until all of them are online";
    assert_eq!(plan(8), format!("would:\n  {wait}"));
    let fewer = "stop lxc8, take it out of the cluster, and remove it";
    let hosts = "add 7 lines to /etc/hosts, marked";
    assert_eq!(plan(7), format!("would:\n  {fewer}\n  {hosts}\n  {wait}"));
    assert!(plan(9).contains("\n  add 1 guest node to the CIB, in one change\n"));

    // Once more: nothing is restarted, nothing is changed.
    let ids = || -> BTreeMap<String, u32> {
        names("lxc", 8)
            .into_iter()
            .map(|n| (n.clone(), init_of(&n)))
            .collect()
    };
    let (was, epoch) = (ids(), epoch());
    lxa("up -c 8 --hosts").exits(0);
    assert_eq!(ids(), was);
    assert_eq!(self::epoch(), epoch, "the CIB was changed");

    conforms("cleanup", &lxa("cleanup --json").exits(0).out);
    before.is_as_now();
    let again = lxa("cleanup").exits(0);
    assert!(again.err.contains("nothing to clean up"), "{}", again.err);
    before.is_as_now();
}

/// The CIB's version, which changes with its configuration.
fn epoch() -> String {
    let text = tool("cibadmin --query");
    let cib = lxc_autogen::xml::parse(&text, "cib").unwrap();
    cib.get("epoch").unwrap().to_owned()
}

/// The key copied, and the programs from another tree: the host's own, seen through a bind mount.
fn copied_keys() {
    let base = tempfile::tempdir().unwrap();
    let base = base.path().display();
    // With what is mounted below it: in a lab's node /usr is.
    tool(&format!("mount --rbind --make-rslave / {base}"));
    let before = Before::new();
    lxa(&format!("up -c 2 --authkey copy --base {base} -A")).exits(0);
    let rule = tool("cibadmin --query --scope constraints");
    assert!(!rule.contains("#uname"), "no node is preferred: {rule}");
    let xml = std::fs::read_to_string(Path::new(STATE).join("lxc1/domain.xml")).unwrap();
    assert!(
        xml.contains(&format!("<source dir=\"{base}/usr\"/>")),
        "{xml}"
    );
    assert_eq!(online(), names("lxc", 2));
    let copy = Path::new(STATE).join("lxc1/rootfs/etc/pacemaker/authkey");
    assert_eq!(
        std::fs::read(&copy).unwrap(),
        std::fs::read("/etc/pacemaker/authkey").unwrap()
    );
    assert!(tool(&format!("stat -c %a:%U:%G {}", copy.display())).starts_with("640:root:haclient"));

    // A key that changed since is told by verify, and before up.
    let key = std::fs::read("/etc/pacemaker/authkey").unwrap();
    std::fs::write("/etc/pacemaker/authkey", "another").unwrap();
    let said = lxa("verify --quick").exits(3);
    assert!(
        said.out
            .contains("changed since it was copied into lxc1, lxc2"),
        "{}",
        said.out
    );
    lxa("up")
        .exits(3)
        .complains("changed since it was copied into lxc1, lxc2");
    std::fs::write("/etc/pacemaker/authkey", key).unwrap();

    lxa("cleanup").exits(0);
    before.is_as_now();
    tool(&format!("umount --recursive --lazy {base}"));
}

/// With firewall rules of libvirt's, all of which go, but for its own empty chains: those are there
/// from the first such network on until libvirtd restarts.
fn the_other_ways_out() {
    let ways = [("nat", "<forward mode='nat'"), ("isolated", "")];
    lxa("generate -c 1 --forward nat").exits(0);
    lxa("cleanup").exits(0);
    let before = Before::new();
    for (way, says) in ways {
        lxa(&format!("up -c 1 --forward {way}")).exits(0);
        let network = tool("virsh -c lxc:/// net-dumpxml lxc-autogen");
        assert_eq!(network.contains("<forward"), !says.is_empty(), "{network}");
        assert!(network.contains(says), "{network}");
        let rules = tool("iptables-save");
        assert!(rules.contains("lxc-autogen"), "{rules}");
        lxa("cleanup").exits(0);
        before.is_as_now();
    }
}

/// While the cluster stops them their XML is out of the agent's sight, and a monitor fails.
fn monitors_that_meet_the_stop_leave_nothing() {
    let before = Before::new();
    lxa("up -c 12 --monitor-interval 1").exits(0);
    lxa("cleanup").exits(0);
    let status = tool("cibadmin --query --scope status");
    assert!(!status.contains("fail-count"), "{status}");
    assert!(!status.contains("container"), "{status}");
    before.is_as_now();
}

/// Of names that begin alike; taken away in the order they were made, since the second comes to
/// use what the first was the first to change.
fn two_sets_side_by_side() {
    let before = Before::new();
    let other = "--state-dir /var/lib/lxc-autogen-qa/";
    lxa("up -c 2").exits(0);
    // The same names from another state directory are refused, and nothing is touched.
    lxa(&format!("up -c 2 {other}"))
        .exits(3)
        .complains(&format!(
            "are there already: made by lxc-autogen on {NODE} in /var/lib/lxc-autogen,"
        ));
    lxa(&format!("up -c 2 --prefix lxc-qa -C {other}")).exits(0);
    let mut all = [names("lxc", 2), names("lxc-qa", 2)].concat();
    all.sort();
    assert_eq!(online(), all);
    until("the clone runs on its own set", 30, || {
        let mut on = cluster().runs_on("lxc-qa-rsc");
        on.sort();
        on == names("lxc-qa", 2)
    });
    lxa("up --prefix lxc-qa -c 3")
        .exits(2)
        .complains("--prefix");
    lxa("cleanup").exits(0);
    assert_eq!(online(), names("lxc-qa", 2));
    lxa(&format!("cleanup {other}")).exits(0);
    before.is_as_now();
}

fn verify_says_ok_and_leaves_nothing() {
    let before = Before::new();
    let said = lxa("verify -c 8 --json").exits(0);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["failures"], 0, "{}", said.out);
    let verdict = |name: &str| {
        let all = json["checks"].as_array().unwrap();
        let check = all
            .iter()
            .find(|c| c["name"] == name)
            .unwrap_or_else(|| panic!("{name}"));
        check["verdict"].as_str().unwrap().to_owned()
    };
    for name in [
        "root",
        "container starts",
        "Pacemaker",
        "libvirt LXC driver",
        "VirtualDomain agent",
    ] {
        assert_eq!(verdict(name), "ok", "{name}");
    }
    assert_eq!(verdict("authkey"), "warning");
    before.is_as_now();

    // Too much is said before it is tried.
    let many = lxa("verify -c 60000 --quick").exits(3);
    assert!(many.out.contains("use at most -c "), "{}", many.out);

    // A key nobody can read.
    std::fs::write("/etc/pacemaker/authkey", "x").unwrap();
    std::fs::set_permissions(
        "/etc/pacemaker/authkey",
        std::fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    let said = lxa("verify --quick").exits(3);
    assert!(
        said.out.contains("cannot be read by group haclient"),
        "{}",
        said.out
    );
    lxa("up -c 1").exits(3).complains("chgrp haclient");
    run("rm", ["/etc/pacemaker/authkey"]).exits(0);
    before.is_as_now();
}
