//! A lab that is there, changed: `lab up` with other numbers, or with a file.

use crate::Test;
use crate::lab::Lab;
use crate::trouble::guest_init;
use crate::world::tool;
use nix::sys::signal::Signal;
use std::time::Duration;

pub const TESTS: &[Test] = &[("grown_and_shrunk", grown_and_shrunk)];
pub const LONG: &[Test] = &[("off_is_not_gone", off_is_not_gone)];

fn grown_and_shrunk() {
    let lab = Lab::up("lab", "--cluster-nodes 1 -c 1");
    lab.await_online("node1", 1, "node1 lxc1");
    let was = lab.init("node1");
    let guest = guest_init("lxc1");

    lab.change("--cluster-nodes 3 --remote-nodes 1 -c 3")
        .exits(0);
    lab.await_online("node1", 5, "node1 node2 node3 remote1 lxc1 lxc2 lxc3");
    assert_eq!(lab.init("node1"), was, "node1 was restarted");
    assert_eq!(guest_init("lxc1"), guest, "lxc1 was restarted");
    let votes = lab.ok("node3", "corosync-quorumtool -s");
    assert!(votes.contains("Expected votes:   3"), "{votes}");
    let devices = lab.ok("node1", "stonith_admin --list lab-remote1");
    assert!(devices.contains("fencing"), "{devices}");

    // A plan has what would change, and not what stays.
    let plan = crate::world::lxa("lab up -c 3 --dry-run").exits(0).out;
    for stays in [
        "define and start",
        "keep",
        "fence_virtd run",
        "guest nodes online",
    ] {
        assert!(!plan.contains(stays), "{stays}: {plan}");
    }
    let plan = crate::world::lxa("lab up -c 4 --dry-run").exits(0).out;
    assert!(plan.contains("\n  have 4 guest nodes online\n"), "{plan}");

    // Their memory, while they run; in guests on other nodes the cluster starts them again.
    lab.change("--memory 2100 --guest-memory 200").exits(0);
    lab.await_online("node1", 5, "node1 node2 node3 remote1 lxc1 lxc2 lxc3");
    assert_eq!(lab.init("node1"), was, "node1 was restarted");
    for node in ["node1", "node2", "node3"] {
        let domain = tool(&format!("virsh -c lxc:/// memtune lab-{node}"));
        assert!(domain.contains(&format!("{}", 2100 * 1024)), "{domain}");
    }
    for guest in ["lxc1", "lxc2", "lxc3"] {
        let seen = lab.ok(guest, "cat /proc/meminfo");
        assert!(seen.contains(&format!("{} kB", 200 * 1024)), "{seen}");
    }
    let guest = guest_init("lxc1");
    lab.change("--guest-memory 196 --memory 2048").exits(0);
    lab.change("").exits(0);
    assert_eq!(guest_init("lxc1"), guest, "lxc1 was restarted");
    lab.change("--fencing false --links 2")
        .exits(2)
        .complains("made with another --links, --fencing")
        .complains("lxc-autogen lab fencing off");

    // As a run leaves it that is killed when the nodes know of each other and the cluster not of
    // what it can fence.
    for device in ["fencing", "fencing-again"] {
        lab.ok(
            "node1",
            &format!(
                "crm_resource --resource {device} --set-parameter pcmk_host_list \
                 --parameter-value lab-node1"
            ),
        );
    }
    lab.change("").exits(0);
    for node in ["lab-node3", "lab-remote1"] {
        let devices = lab.ok("node1", &format!("stonith_admin --list {node}"));
        assert!(devices.contains("fencing-again"), "{node}: {devices}");
    }

    // By a file, whose numbers count where no option does.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lab.toml");
    std::fs::write(&file, "cluster-nodes = 2\nremote-nodes = 0\n").unwrap();
    lab.change(&format!("-f {} -c 2", file.display())).exits(0);
    lab.await_online("node1", 5, "node1 node2 lxc1 lxc2");
    assert_eq!(lab.init("node1"), was, "node1 was restarted");
    let nodes = lab.ok("node1", "crm_node -l");
    assert!(
        !nodes.contains("node3") && !nodes.contains("remote1"),
        "{nodes}"
    );
    assert!(!lab.fenced("node1", "node3"), "it left in good order");
    let votes = lab.ok("node1", "corosync-quorumtool -s");
    assert!(votes.contains("Expected votes:   2"), "{votes}");

    // Down to one, from which the guests are not taken either.
    lab.change("--cluster-nodes 1").exits(0);
    lab.await_online("node1", 5, "node1 lxc1 lxc2");
    assert_eq!(lab.init("node1"), was, "node1 was restarted");
    let policy = lab.exec(
        "node1",
        "crm_attribute -t crm_config -n no-quorum-policy -G -q",
    );
    assert_ne!(policy.out.trim(), "freeze", "it is only for the change");

    // One that hangs does not leave: it is fenced, comes back, and leaves then.
    lab.change("--cluster-nodes 3").exits(0);
    lab.signal_all("node3", Signal::SIGSTOP);
    lab.change("--cluster-nodes 2").exits(0);
    assert!(lab.fenced("node1", "node3"), "it hung");
    lab.await_online("node1", 5, "node1 node2 lxc1 lxc2");
    let powers = lab.fence_groups();
    assert!(
        powers.is_empty() || powers.contains("lab-node2") && !powers.contains("lab-node3"),
        "{powers}"
    );

    // A node that is off comes back and is told; the guests go altogether.
    lab.change("--cluster-nodes 3").exits(0);
    tool("virsh -c lxc:/// destroy lab-node2");
    lab.change("--cluster-nodes 2 -c 0").exits(0);
    lab.await_online("node2", 30, "node1 node2");

    // All of them off, as after a reboot of the host: the CIB that they come back with is old.
    for node in ["node1", "node2"] {
        lab.signal_all(node, Signal::SIGKILL);
    }
    for node in ["node1", "node2"] {
        lab.await_end(node, 10);
    }
    lab.change("--remote-nodes 1 -c 1").exits(0);
    lab.await_online("node1", 5, "node1 node2 remote1 lxc1");
    lab.down();
}

/// A node that is off and not fenced yet has not left: somebody is about to start it again.
fn off_is_not_gone() {
    let lab = Lab::up("lab", "--cluster-nodes 3 -c 0");
    lab.signal_all("node3", Signal::SIGSTOP);
    tool("pkill -STOP fence_virtd");
    std::thread::scope(|scope| {
        let shrinking = scope.spawn(|| lab.change("--cluster-nodes 2"));
        lab.await_note("node1", "node3", 30, "unclean");
        tool("virsh -c lxc:/// destroy lab-node3");
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(lab.domain("node3"), "shut off");
        tool("pkill -CONT fence_virtd");
        shrinking.join().unwrap().exits(0);
    });
    lab.await_online("node1", 5, "node1 node2");
    lab.down();
}
