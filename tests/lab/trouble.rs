//! A lab in trouble: nodes that die, hang, panic, are cut off; daemons that die.

use crate::Test;
use crate::lab::{Lab, mend};
use crate::world::{lxa, run, tool, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;

pub const TESTS: &[Test] = &[
    ("nodes_of_every_kind_die", nodes_of_every_kind_die),
    ("a_partition_has_one_holder", a_partition_has_one_holder),
    (
        "only_its_own_nodes_are_fenced",
        only_its_own_nodes_are_fenced,
    ),
    (
        "down_in_the_middle_of_trouble",
        down_in_the_middle_of_trouble,
    ),
];

const ALL: &str = "node1 node2 node3 remote1 lxc1 lxc2 lxc3";

fn nodes_of_every_kind_die() {
    let lab = Lab::up("lab", "--remote-nodes 1 -c 3");

    // A guest: recovered with its container.
    kill_guest(&lab, "lxc2");
    until("lxc2 is recovered", 60, || guest_init("lxc2") != 0);
    lab.await_online("node1", 60, ALL);

    // A remote node: fenced or reconnected, in either case back.
    tool("virsh -c lxc:/// destroy lab-remote1");
    lab.await_domain("remote1", 60, "running");
    lab.await_online("node1", 90, ALL);

    // A cluster node, the plug pulled.
    let was = lab.init("node2");
    tool("virsh -c lxc:/// destroy lab-node2");
    until("node2 is fenced", 60, || lab.fenced("node1", "node2"));
    lab.await_online("node1", 90, ALL);
    assert_ne!(lab.init("node2"), was);

    // One that hangs: nothing in it runs, and it says nothing.
    let was = lab.init("node3");
    lab.signal_all("node3", Signal::SIGSTOP);
    until("node3 is fenced", 60, || lab.fenced("node1", "node3"));
    lab.await_online("node1", 90, ALL);
    assert_ne!(lab.init("node3"), was);

    // One that is told it has been fenced, and panics: it is off, this host is not, and `lab up`
    // starts it again.
    lab.ok("node1", "stonith_admin --confirm lab-node2");
    lab.await_domain("node2", 60, "shut off");
    lab.change("").exits(0);
    lab.await_online("node1", 90, ALL);

    // A daemon in a node: seen, and started again on request.
    lab.ok("node3", "pkill -KILL libvirtd");
    until("it is seen", 10, || {
        lxa("lab status").out.contains("libvirtd killed by SIGKILL")
    });
    lab.change("").exits(0);
    assert!(!lxa("lab status").out.contains("libvirtd killed"));

    // The power switch itself.
    tool("pkill -KILL fence_virtd");
    assert!(
        lxa("lab status")
            .exits(0)
            .out
            .contains("fence_virtd does NOT run")
    );
    lab.change("").exits(0);
    assert!(
        lxa("lab status")
            .exits(0)
            .out
            .contains("fenced by fence_virtd")
    );
    lab.down();
}

/// PID 1 of a guest as the world sees it, or 0.
pub fn guest_init(name: &str) -> u32 {
    lxc_autogen::host::processes::of("libvirt_lxc", Path::new(name))
        .first()
        .and_then(|pid| lxc_autogen::libvirt::virsh::child_of(pid.as_raw().unsigned_abs()))
        .unwrap_or(0)
}

fn kill_guest(lab: &Lab, name: &str) {
    let pid = guest_init(name);
    assert_ne!(pid, 0, "{}: {name} does not run", lab.name);
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
    until("it is gone", 10, || guest_init(name) != pid);
}

/// Where the resource of the next test says where it runs, on the host and in the nodes.
const BEATS: (&str, &str) = (
    "/var/lib/lxc-autogen-lab-lab/guests/beats",
    "/var/lib/lxc-autogen-guests",
);

fn a_partition_has_one_holder() {
    let lab = Lab::up("lab", "-c 0");
    // A resource that writes down, ten times a second, where it runs.
    let script = Path::new(BEATS.0).with_file_name("beat");
    std::fs::write(
        &script,
        format!(
            "#!/bin/sh\nwhile :; do hostname >>{}/beats; sleep 0.1; done\n",
            BEATS.1
        ),
    )
    .unwrap();
    run("chmod", ["755", script.to_str().unwrap()]).exits(0);
    let xml = format!(
        r#"<primitive id="beat" class="ocf" provider="heartbeat" type="anything">
             <instance_attributes id="beat-p">
               <nvpair id="beat-b" name="binfile" value="{}/beat"/>
             </instance_attributes>
             <operations><op id="beat-m" name="monitor" interval="5s"/></operations>
           </primitive>"#,
        BEATS.1
    );
    let file = script.with_file_name("beat.xml");
    std::fs::write(&file, xml).unwrap();
    lab.ok(
        "node1",
        &format!("cibadmin -C -o resources -x {}/beat.xml", BEATS.1),
    );
    until("it runs", 30, || lab.runs_on("node1", "beat").len() == 1);
    let holder = lab.runs_on("node1", "beat")[0]
        .trim_start_matches("lab-")
        .to_owned();
    let others: Vec<&str> = ["node1", "node2", "node3"]
        .into_iter()
        .filter(|n| *n != holder)
        .collect();

    let card = lab.cut(&holder);
    until("the one cut off is fenced", 60, || {
        lab.fenced(others[0], &holder)
    });
    until("another has it", 60, || {
        let on = lab.runs_on(others[0], "beat");
        on.len() == 1 && on[0] != lab.node(&holder)
    });
    std::thread::sleep(std::time::Duration::from_secs(2));
    mend(&card);
    lab.await_online(others[0], 90, "node1 node2 node3");
    std::thread::sleep(std::time::Duration::from_secs(1));

    // Never both: nobody comes back to it once another has had it.
    let beats = std::fs::read_to_string(BEATS.0).unwrap_or_default();
    let mut holders: Vec<&str> = beats.lines().collect();
    holders.dedup();
    let mut distinct = holders.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert!(holders.len() >= 2, "it never moved: {holders:?}");
    assert_eq!(holders.len(), distinct.len(), "two at once: {holders:?}");
    lab.down();
}

fn only_its_own_nodes_are_fenced() {
    let lab = Lab::up("lab", "--cluster-nodes 1 --remote-nodes 1 -c 0");
    // Somebody else's domain on the same libvirt; it ends by itself should this test fail.
    let directory = tempfile::tempdir().unwrap();
    let xml = directory.path().join("stranger.xml");
    std::fs::write(
        &xml,
        r#"<domain type="lxc"><name>stranger</name><memory unit="MiB">64</memory>
           <os><type>exe</type><init>/bin/sleep</init><initarg>60</initarg></os>
           <features><privnet/></features>
           <devices><filesystem type="mount"><source dir="/"/><target dir="/"/></filesystem>
           <console type="pty"/></devices></domain>"#,
    )
    .unwrap();
    tool(&format!("virsh -c lxc:/// create {}", xml.display()));
    let uuid = tool("virsh -c lxc:/// domuuid stranger").trim().to_owned();
    let address = "172.31.200.1";
    let fence = |name: &str, what: &str| {
        format!(
            "fence_virt -T {address} -p 1229 -k /etc/cluster/fence_xvm.key -C sha256 -c sha256 -H {name} -o {what}"
        )
    };
    let listed = lab.exec("node1", &fence("x", "list")).out;
    let state = || tool("virsh -c lxc:/// domstate stranger").trim().to_owned();
    for name in ["stranger", uuid.as_str()] {
        let said = lab.exec("node1", &fence(name, "off"));
        assert_ne!(said.code, 0, "{name}: {}", said.out);
        assert_eq!(state(), "running", "{name}");
    }
    assert!(
        listed.contains("lab-remote1") && !listed.contains("stranger"),
        "{listed}"
    );
    // Its own it can.
    let was = lab.init("remote1");
    lab.ok("node1", &fence("lab-remote1", "off"));
    assert_ne!(lab.init("remote1"), was);
    // With a wrong key it cannot.
    lab.ok("node1", "cp /etc/cluster/fence_xvm.key /run/wrong");
    lab.ok("node1", "truncate -s 4095 /run/wrong");
    let was = lab.init("remote1");
    let wrong = fence("lab-remote1", "off").replace("/etc/cluster/fence_xvm.key", "/run/wrong");
    assert_ne!(lab.exec("node1", &wrong).code, 0);
    assert_eq!(lab.init("remote1"), was);
    tool("virsh -c lxc:/// destroy stranger");
    for path in lxc_autogen::libvirt::by_products::of_container("stranger") {
        let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path));
    }
    lab.down();
}

fn down_in_the_middle_of_trouble() {
    // A node that hangs while the others are about to fence it, and another half started.
    let lab = Lab::up("lab", "-c 2");
    lab.signal_all("node2", Signal::SIGSTOP);
    std::thread::sleep(std::time::Duration::from_secs(1));
    lab.down();
    // All cluster nodes dead.
    let lab = Lab::up("lab", "--cluster-nodes 2 -c 1");
    lab.signal_all("node1", Signal::SIGKILL);
    lab.signal_all("node2", Signal::SIGKILL);
    lab.down();
    // Cut off.
    let lab = Lab::up("lab", "--cluster-nodes 2 -c 0");
    let card = lab.cut("node2");
    std::thread::sleep(std::time::Duration::from_secs(4));
    lab.down();
    mend(&card);
    // A remote node and a guest just killed, and then the plug of their cluster node pulled.
    let lab = Lab::up("lab", "--cluster-nodes 2 --remote-nodes 1 -c 1");
    tool("virsh -c lxc:/// destroy lab-remote1");
    kill_guest(&lab, "lxc1");
    tool("virsh -c lxc:/// destroy lab-node2");
    lab.down();
}
