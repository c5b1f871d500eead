//! All or nothing: a node that cannot, says why, and nothing is left on any of them.

use crate::Test;
use crate::three::{self, NODES, Three};
use crate::world::until;
use std::collections::BTreeSet;

pub const TESTS: &[Test] = &[
    ("a_node_that_ssh_does_not_reach", || {
        three::shared(ssh_refuses)
    }),
    ("a_node_with_another_key", || three::shared(another_key)),
    ("a_node_without_our_program", || {
        three::shared(without_our_program)
    }),
    ("a_node_with_a_full_disk", || three::shared(a_full_disk)),
    ("a_node_where_names_are_taken", || {
        three::shared(taken_there)
    }),
    ("growth_that_fails_on_one_node", || {
        three::shared(growth_that_fails)
    }),
    ("led_by_a_run_that_is_killed", || {
        three::shared(led_by_a_run_that_is_killed)
    }),
    ("nodes_that_cannot_be", || three::shared(bad_input)),
];

fn ssh_refuses(three: &Three) {
    let node2 = three.name("node2");
    let keys = "/root/.ssh/authorized_keys";
    three.ok("node2", &format!("mv {keys} {keys}.away"));
    three
        .lxa("node1", "up -s -c 2")
        .exits(3)
        .complains(&format!("{node2}: ssh does not get there"))
        .complains("Permission denied");
    // Left out, the others can.
    three
        .lxa("node1", &format!("up --nodes {} -c 2", three.name("node3")))
        .exits(0);
    assert!(!three.ok("node2", "ls /var/lib").contains("lxc-autogen\n"));
    three.lxa("node3", "cleanup").exits(0);
    three.is_as_before();
    three.ok("node2", &format!("mv {keys}.away {keys}"));

    // Lost after it was made: told, remembered, and given up when that is asked for.
    three.lxa("node1", "generate -s -c 2").exits(0);
    three.ok("node2", &format!("mv {keys} {keys}.away"));
    for _ in 0..2 {
        three
            .lxa("node1", "cleanup")
            .exits(4)
            .complains(&format!("what is on node {node2}"));
    }
    three
        .lxa("node1", &format!("cleanup --forget {node2}"))
        .exits(0);
    three.node_is_as_before("node1");
    three.node_is_as_before("node3");
    three.ok("node2", &format!("mv {keys}.away {keys}"));
    three.lxa("node2", "cleanup").exits(0);
    three.is_as_before();
}

fn another_key(three: &Three) {
    let key = "/etc/pacemaker/authkey";
    let sum = |node: &str| three.ok(node, &format!("sha256sum {key}"));
    three.ok("node3", &format!("cp -a {key} {key}.labs"));
    three.ok(
        "node3",
        &format!("dd if=/dev/urandom of={key} bs=4096 count=1 status=none"),
    );
    let theirs = sum("node3");
    three.remember("node3");
    three
        .lxa("node1", "up -s -c 1")
        .exits(3)
        .complains(&format!("{key} on {} is another key", three.name("node3")))
        .complains("--replace-authkey");
    three.is_as_before();
    three
        .lxa("node1", "generate -s -c 1 --replace-authkey")
        .exits(0);
    let sums: BTreeSet<String> = NODES.iter().map(|n| sum(n)).collect();
    assert_eq!(sums.len(), 1, "{sums:?}");
    three.lxa("node2", "cleanup").exits(0);
    assert_eq!(sum("node3"), theirs, "the old one is back");
    three.is_as_before();
    three.ok("node3", &format!("mv {key}.labs {key}"));
    three.remember("node3");
}

/// It is sent, and gone again.
fn without_our_program(three: &Three) {
    three.ok("node1", "cp /opt/lxc-autogen/lxc-autogen /root/elsewhere");
    let elsewhere = |line: &str| {
        let words: Vec<&str> = ["/root/elsewhere"]
            .into_iter()
            .chain(line.split_whitespace())
            .collect();
        three.run("node1", &words)
    };
    // On one of them something of that name answers, of another version.
    three.run("node2", &["bash", "-c", OLD]).exits(0);
    elsewhere("up -s -A -c 2").exits(0);
    three.await_guests("node1", 1, "lxc1 lxc2");
    for node in ["node2", "node3"] {
        three.ok(node, "test -x /var/lib/lxc-autogen/program");
    }
    elsewhere("cleanup").exits(0);
    three.is_as_before();

    // A disk that has no room for it.
    three.ok("node2", "mkdir /srv/small");
    three.ok("node1", "mkdir /srv/small");
    three.ok("node3", "mkdir /srv/small");
    three.ok("node2", "mount -t tmpfs -o size=64k small /srv/small");
    elsewhere("up -s -c 2 --state-dir /srv/small/state")
        .exits(3)
        .complains(&format!(
            "{}: lxc-autogen is not there, and cannot be sent",
            three.name("node2")
        ))
        .complains("No space left");
    for node in NODES {
        assert_eq!(three.ok(node, "ls -A /srv/small").trim(), "", "{node}");
    }
    three.ok("node1", "rm /root/elsewhere");
    three.ok("node2", "rm /root/elsewhere");
    three.ok("node2", "umount /srv/small");
    NODES.iter().for_each(|node| {
        three.ok(node, "rmdir /srv/small");
    });
    three.is_as_before();
}

fn a_full_disk(three: &Three) {
    NODES.iter().for_each(|node| {
        three.ok(node, "mkdir /srv/small");
    });
    three.ok("node3", "mount -t tmpfs -o size=256k small /srv/small");
    let said = three
        .lxa("node1", "up -s -c 20 --state-dir /srv/small/state")
        .exits(1);
    assert!(
        said.err.contains(&three.name("node3")) && said.err.contains("No space left"),
        "{}",
        said.err
    );
    for node in NODES {
        assert_eq!(three.ok(node, "ls -A /srv/small").trim(), "", "{node}");
    }
    three.ok("node3", "umount /srv/small");
    NODES.iter().for_each(|node| {
        three.ok(node, "rmdir /srv/small");
    });
    three.is_as_before();
}

/// What is in use on one node only: another is chosen, or what was asked for refused.
fn taken_there(three: &Three) {
    three.ok("node2", "ip link add lxc-autogen type bridge");
    three.ok("node2", "ip address add 192.168.123.77/24 dev lxc-autogen");
    three.ok("node2", "ip link set lxc-autogen up");
    three
        .lxa("node1", "generate -s -c 2 -n 192.168.123.1")
        .exits(3)
        .complains(&three.name("node2"));
    three.lxa("node1", "generate -s -c 2").exits(0);
    let network = three.ok("node3", "virsh -c lxc:/// net-list --name");
    assert_eq!(network.trim(), "lxc-autogen2");
    let set = three.ok("node2", "cat /var/lib/lxc-autogen/set.json");
    assert!(set.contains("192.168.124.1"), "{set}");

    // Somebody else's set in the same place.
    three.ok("node2", "mv /var/lib/lxc-autogen /var/lib/away");
    three.ok("node2", "mkdir -m 700 /var/lib/lxc-autogen");
    three.ok("node2", "touch /var/lib/lxc-autogen/holiday");
    three
        .lxa("node1", "up -c 3")
        .exits(3)
        .complains("holds holiday and no journal");
    three.ok("node2", "rm -r /var/lib/lxc-autogen");
    three.ok("node2", "mv /var/lib/away /var/lib/lxc-autogen");
    three.lxa("node1", "cleanup").exits(0);
    three.ok("node2", "ip link delete lxc-autogen");
    three.is_as_before();
}

/// Led by another node than the one that made it: what ran before runs on, and all nodes know the
/// same.
fn growth_that_fails(three: &Three) {
    let dir = "--state-dir /srv/small/state";
    NODES.iter().for_each(|node| {
        three.ok(node, "mkdir /srv/small");
    });
    three.ok("node3", "mount -t tmpfs -o size=1m small /srv/small");
    three.lxa("node1", &format!("up -s -A -c 2 {dir}")).exits(0);
    let started = || -> Vec<String> {
        let domains = |node: &&str| three.ok(node, "virsh -c lxc:/// list");
        NODES.iter().map(domains).collect()
    };
    let as_before = || {
        three.await_guests("node2", 1, "lxc1 lxc2");
        for node in NODES {
            let set = three.ok(node, "cat /srv/small/state/set.json");
            assert!(set.contains("\"containers\": 2"), "{node}: {set}");
            let files = three.ok(node, "ls /srv/small/state");
            assert!(
                files.contains("lxc2") && !files.contains("lxc3"),
                "{node}: {files}"
            );
        }
    };
    // libvirt's numbers are the processes': the same containers run on.
    let before = started();
    let said = three.lxa("node2", &format!("up -c 60 {dir}")).exits(1);
    assert!(said.err.contains(&three.name("node3")), "{}", said.err);
    as_before();
    assert_eq!(started(), before);

    // Interrupted when the others have done their part, and the cluster has begun.
    let script = format!(
        "/opt/lxc-autogen/lxc-autogen up -c 4 --quiet {dir} & \
         until cibadmin --query | grep -q container4; do :; done; kill -INT $!; wait $!"
    );
    assert_eq!(three.run("node2", &["bash", "-mc", &script]).code, 130);
    as_before();
    assert_eq!(started(), before);

    three.lxa("node3", &format!("cleanup {dir}")).exits(0);
    three.ok("node3", "umount /srv/small");
    NODES.iter().for_each(|node| {
        three.ok(node, "rmdir /srv/small");
    });
    three.is_as_before();
}

/// Killed when the others have begun: any node's cleanup ends it.
fn led_by_a_run_that_is_killed(three: &Three) {
    let script = "/opt/lxc-autogen/lxc-autogen up -s -c 8 --quiet & \
        until test -e /var/lib/lxc-autogen/lxc1; do :; done; kill -KILL $!; wait";
    three.run("node1", &["bash", "-c", script]);
    three.lxa("node2", "cleanup -s").exits(0);
    three.is_as_before();

    // One that only falls silent, as a node does that is fenced, keeps nobody locked out for long.
    let script = script
        .replace("--quiet &", "--quiet </dev/null >/dev/null 2>&1 &")
        .replace("-KILL $!; wait", "-STOP $!; disown");
    three.run("node1", &["bash", "-c", &script]);
    let answers = "lxc-autogen realise";
    assert_eq!(three.run("node2", &["pgrep", "-f", answers]).code, 0);
    until("the others have given it up", 40, || {
        ["node2", "node3"]
            .iter()
            .all(|node| three.run(node, &["pgrep", "-f", answers]).code == 1)
    });
    three.ok("node1", "pkill -KILL -f lxc-autogen.up.-s");
    three.lxa("node3", "cleanup -s").exits(0);
    three.is_as_before();
}

/// Makes a program that greets as another version would.
const OLD: &str = r#"cat >/root/elsewhere <<'END' && chmod 755 /root/elsewhere
#!/bin/sh
echo '{"lxc-autogen":"0.0.1","node":"x"}'
END
"#;

fn bad_input(three: &Three) {
    three
        .lxa("node1", "up -s -c 1 --ssh-option Port=1")
        .exits(3)
        .complains("Connection refused");
    three
        .lxa("node1", "up --nodes nowhere -c 1")
        .exits(3)
        .complains("nowhere: ssh does not get there");
    three
        .lxa("node1", "up --nodes -oProxyCommand=x -c 1")
        .exits(2);
    three
        .lxa("node1", "up --nodes=a/b -c 1")
        .exits(2)
        .complains("is no name of a node");
    let plan = three.lxa("node1", "up -s -c 1 --dry-run").exits(0).out;
    assert!(plan.contains(&three.name("node3")), "{plan}");
    three.is_as_before();
}
