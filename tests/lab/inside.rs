//! Into nodes: with and without a terminal, by ssh, and what keeps out.

use crate::Test;
use crate::lab::Lab;
use crate::trouble::guest_init;
use crate::world::{BINARY, Said, lxa, run, tool, until};
use std::io::Write;
use std::process::{Command, Stdio};

pub const TESTS: &[Test] = &[("into_nodes_and_not_into_paused_ones", into_nodes)];

/// Runs lxc-autogen on a terminal of its own (script(1)), and types.
fn at_a_terminal(arguments: &str, typed: &str) -> Said {
    let mut child = Command::new("script")
        .args(["-qec", &format!("{BINARY} {arguments}"), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(typed.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap().into()
}

fn into_nodes() {
    let lab = Lab::up("lab", "--cluster-nodes 1 -c 1");
    // The exit status is the command's, in a node and in a guest in it.
    for (node, code) in [("node1", 7), ("lxc1", 9)] {
        let command = format!("exit {code}");
        run(BINARY, ["lab", "exec", node, "--", "sh", "-c", &command]).exits(code);
    }
    // With a terminal where there is one.
    assert_ne!(lab.exec("node1", "test -t 0").code, 0);
    for node in ["node1", "lxc1"] {
        at_a_terminal(&format!("lab exec {node} -- test -t 0 -a -t 1"), "").exits(0);
        at_a_terminal(&format!("lab exec {node} -- test ! -t 0"), "").exits(1);
    }
    let shell = at_a_terminal(
        "lab shell node1",
        "echo in $(hostname)\nshopt login_shell\nexit 5\n",
    );
    let said = shell.exits(5).out;
    for words in ["in lab-node1", "login_shell", "on"] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    // Pictures for other programs.
    let dot = lxa("lab graph --format dot").exits(0).out;
    assert!(
        dot.contains("graph") && dot.contains("\"lab-node1\""),
        "{dot}"
    );
    assert!(dot.contains("lxc1"), "{dot}");
    let mermaid = lxa("lab graph --format mermaid").exits(0).out;
    assert!(
        mermaid.contains("lab-node1") && mermaid.contains("lxc1"),
        "{mermaid}"
    );
    assert!(
        mermaid.starts_with("graph") || mermaid.starts_with("flowchart"),
        "{mermaid}"
    );

    paused(&lab);

    // Where no cluster node answers a guest is where its container is.
    lab.ok(
        "node1",
        "pkill -KILL -x pacemaker(d|-based|-contr|-fence|-sched|-attr|-exec).*",
    );
    until("nobody answers", 20, || {
        status().contains("no cluster node answers")
    });
    let table = status();
    let guest = table.lines().find(|l| l.contains("lxc1")).unwrap();
    assert!(
        guest.starts_with("  lxc1 ") && guest.contains("running"),
        "{table}"
    );
    lab.change("").exits(0);
    lab.await_online("node1", 60, "node1 lxc1");
    lab.down();
}

fn status() -> String {
    lxa("lab status").exits(0).out
}

/// What is paused is shown as that; nothing enters it and hangs there.
fn paused(lab: &Lab) {
    let guest = guest_init("lxc1");
    lab.ok("node1", "virsh -c lxc:/// suspend lxc1");
    let table = status();
    let line = table.lines().find(|l| l.contains("lxc1")).unwrap();
    assert!(line.contains("paused"), "{table}");
    lxa("lab exec lxc1 -- true")
        .exits(125)
        .complains("lxc1 is paused");
    lab.ok("node1", "virsh -c lxc:/// resume lxc1");
    lxa("lab exec lxc1 -- true").exits(0);

    tool("virsh -c lxc:/// suspend lab-node1");
    let table = status();
    let line = table.lines().find(|l| l.contains("lab-node1")).unwrap();
    assert!(line.contains("paused"), "{table}");
    lxa("lab exec node1 -- true")
        .exits(125)
        .complains("lab-node1 is paused")
        .complains("resume lab-node1");
    lab.change("").exits(0);
    lab.await_online("node1", 60, "node1 lxc1");
    assert_eq!(guest_init("lxc1"), guest, "lxc1 was restarted");
}

/// In a lab of two cluster nodes.
pub fn from_node_to_node_by_ssh(lab: &Lab) {
    // By name, to each from each; nobody is asked.
    for from in ["node1", "node2"] {
        for to in ["node1", "node2"].map(|to| lab.node(to)) {
            let said = lab.ok(from, &format!("ssh -o BatchMode=yes {to} hostname"));
            assert_eq!(said.trim(), to, "from {from}");
        }
    }
    let other = lab.node("node2");
    lab.ok(
        "node1",
        &format!("ssh -o BatchMode=yes {other} lxc-autogen --version"),
    );
    // No password, anywhere.
    let refused = lab.exec(
        "node1",
        &format!("ssh -o BatchMode=yes -o PubkeyAuthentication=no {other} true"),
    );
    assert_ne!(refused.code, 0, "without the key");
    assert!(refused.err.contains("(publickey)"), "{}", refused.err);
    for node in ["node1", "node2"] {
        let settings = lab.ok(node, "/usr/sbin/sshd -T");
        for setting in [
            "passwordauthentication no",
            "kbdinteractiveauthentication no",
            "permitemptypasswords no",
            "permitrootlogin without-password",
        ] {
            assert!(
                settings.lines().any(|l| l == setting),
                "{setting}: {settings}"
            );
        }
        let shadow = lab.ok(node, "cat /etc/shadow");
        assert!(shadow.contains("root:*:"), "{shadow}");
        // pcs asks for hacluster's.
        let pcs = |line: &&str| line.starts_with("hacluster:") && crate::lab::by_systemd();
        for line in shadow.lines().filter(|line| !pcs(line)) {
            assert_eq!(line.split(':').nth(1), Some("*"), "{line}");
        }
        let passwd = lab.ok(node, "cat /etc/passwd");
        assert!(
            passwd.lines().all(|l| l.split(':').nth(1) == Some("x")),
            "{passwd}"
        );
    }
}
