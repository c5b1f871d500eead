//! A lab in trouble: nodes that die, hang, panic, are cut off; daemons that die.

use crate::Test;
use crate::lab::Lab;
use crate::runner::not_proven;
use crate::world::{lxa, run, tool, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};

pub const TESTS: &[Test] = &[
    ("nodes_of_every_kind_die", nodes_of_every_kind_die),
    ("a_partition_has_one_holder", a_partition_has_one_holder),
    ("a_death_that_libvirt_misses", a_death_that_libvirt_misses),
];

const ALL: &str = "node1 node2 node3 remote1 lxc1 lxc2 lxc3";

fn nodes_of_every_kind_die() {
    let lab = Lab::up("lab", "--remote-nodes 1 -c 3");

    // A guest: recovered with its container.
    kill_guest(&lab, "lxc2");
    until("lxc2 is recovered", 60, || guest_init("lxc2") != 0);
    lab.await_online("node1", 60, ALL);

    // A remote node: fenced or reconnected, in either case back. (One that virsh destroys asks for
    // its shutdown first, and gets it from Pacemaker 2.0.5: it is to stay down then.)
    lab.signal_all("remote1", Signal::SIGKILL);
    lab.await_domain("remote1", 60, "running");
    lab.await_online("node1", 90, ALL);

    // A cluster node, the plug pulled. Its guests move meanwhile.
    let victim = lab.runs_on("node1", "container1")[0]
        .trim_start_matches("lab-")
        .to_owned();
    let asked = if victim == "node1" { "node2" } else { "node1" };
    let was = lab.init(&victim);
    tool(&format!("virsh -c lxc:/// destroy lab-{victim}"));
    until("it is fenced", 60, || lab.fenced(asked, &victim));
    until("its guest runs elsewhere", 60, || {
        let view = lab.view(asked);
        let on = view.active.get("container1");
        on.is_some_and(|on| {
            on.iter()
                .any(|a| a.role == "Started" && a.nodes != [lab.node(&victim)])
        })
    });
    lab.await_online(asked, 90, ALL);
    assert_ne!(lab.init(&victim), was);
    did_not_wait(&lab, asked, &victim);
    let (hangs, other) = match victim.as_str() {
        "node3" => ("node2", "node1"),
        _ => ("node3", asked),
    };

    // One that hangs: nothing in it runs, and it says nothing.
    let was = lab.init(hangs);
    lab.signal_all(hangs, Signal::SIGSTOP);
    until("it is fenced", 60, || lab.fenced(other, hangs));
    lab.await_online(other, 90, ALL);
    assert_ne!(lab.init(hangs), was);

    // One that is told it has been fenced, and panics: it is off, this host is not, and `lab up`
    // starts it again.
    lab.ok("node1", "stonith_admin --confirm lab-node2");
    lab.await_end("node2", 60);
    lab.change("").exits(0);
    lab.await_online("node1", 90, ALL);

    // A daemon in a node: seen, and started again on request.
    let seen = match crate::lab::by_systemd() {
        // It starts a daemon again that is killed.
        true => {
            lab.ok("node3", "systemctl stop libvirtd");
            "libvirtd inactive"
        }
        false => {
            lab.ok("node3", "pkill -KILL libvirtd");
            "libvirtd killed by SIGKILL"
        }
    };
    until("it is seen", 10, || lxa("lab status").out.contains(seen));
    lab.change("").exits(0);
    assert!(!lxa("lab status").out.contains(seen));

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

/// The guest's new node was told to start it before it saw the victim again. By its log: a view can
/// show both at once.
fn did_not_wait(lab: &Lab, asked: &str, victim: &str) {
    let on = lab.runs_on(asked, "container1")[0].clone();
    let start = "execution of start operation for container1";
    let back = format!("Node {} state is now member", lab.node(victim));
    let log = "/var/log/pacemaker/pacemaker.log";
    let asked = on.trim_start_matches("lab-");
    let grep = format!("grep -e '{start}' -e '{back}' {log}");
    let lines = lab.shell(asked, &grep).exits(0).out;
    let last = |what: &str| lines.lines().rfind(|l| l.contains(what));
    let (started, returned) = (lines.rfind(start), lines.rfind(&back));
    assert!(
        started.is_some() && started < returned,
        "{:?} {:?}",
        last(start),
        last(&back)
    );
}

/// PID 1 of a guest as the world sees it, or 0.
pub fn guest_init(name: &str) -> u32 {
    lxc_autogen::host::processes::of("libvirt_lxc", Path::new(name))
        .first()
        .and_then(|pid| lxc_autogen::libvirt::virsh::child_of(pid.as_raw().unsigned_abs()))
        .unwrap_or(0)
}

pub fn kill_guest(lab: &Lab, name: &str) {
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
    // For long enough that one that goes on beside it would be seen: it has beaten ten times a second.
    let beats = || std::fs::read_to_string(BEATS.0).unwrap_or_default();
    let more_beats = |count: usize| {
        let was = beats().lines().count();
        until(&format!("{count} more beats"), 60, || {
            beats().lines().count() >= was + count
        });
    };
    more_beats(20);
    drop(card);
    lab.await_online(others[0], 90, "node1 node2 node3");
    more_beats(10);

    // Never both: nobody comes back to it once another has had it.
    let beats = beats();
    let mut holders: Vec<&str> = beats.lines().collect();
    holders.dedup();
    let mut distinct = holders.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert!(holders.len() >= 2, "it never moved: {holders:?}");
    assert_eq!(holders.len(), distinct.len(), "two at once: {holders:?}");
    lab.down();
}

/// A process that cannot even die, until this is dropped: what is still frozen when the world ends
/// would outlive it.
struct Frozen(PathBuf);

impl Frozen {
    fn new(parent: &Path, process: u32) -> Frozen {
        let group = parent.join("one");
        std::fs::create_dir(&group).unwrap();
        std::fs::write(group.join("cgroup.procs"), process.to_string()).unwrap();
        let frozen = Frozen(group);
        frozen.set("FROZEN");
        frozen
    }

    fn set(&self, state: &str) {
        std::fs::write(self.0.join("freezer.state"), state).unwrap();
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.set("THAWED");
    }
}

/// Whether libvirt says that it could not kill a container: it tries twice, for 3 s each.
///
/// That it does not even try is libvirt 9.0's too (seen once in some thirty runs: no "End of file"
/// from libvirt_lxc in its log, and every process of the container alive 30 s later).
fn libvirt_gives_up_within(seconds: u64) -> bool {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    while std::time::Instant::now() < end {
        let log = std::fs::read_to_string("/var/log/libvirt/libvirtd.log").unwrap();
        if log.matches("processes refused to die").count() >= 2 {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    false
}

/// libvirt gives up a container whose processes do not die at once, or misses its end, and takes it
/// for running ever after: here by one that is frozen while it is killed.
fn a_death_that_libvirt_misses() {
    let lab = Lab::up("lab", "--cluster-nodes 1 -c 1");
    let init = lab.init("node1");
    let one = lxc_autogen::libvirt::virsh::child_of(init).unwrap();
    let groups = std::fs::read_to_string(format!("/proc/{one}/cgroup")).unwrap();
    let Some(group) = groups.lines().find_map(|l| l.split(":freezer:/").nth(1)) else {
        not_proven("without cgroup v1's freezer there is no death that libvirt misses");
        return lab.down();
    };
    let frozen = Frozen::new(&Path::new("/sys/fs/cgroup/freezer").join(group), one);
    let id = tool("virsh -c lxc:/// domid lab-node1");
    let libvirt_lxc = Pid::from_raw(id.trim().parse().unwrap());
    kill(libvirt_lxc, Signal::SIGKILL).unwrap();
    if !libvirt_gives_up_within(15) {
        eprintln!("libvirt has not even noticed that libvirt_lxc ended");
        kill(Pid::from_raw(i32::try_from(init).unwrap()), Signal::SIGKILL).unwrap();
    }
    drop(frozen);
    lab.await_end("node1", 10);
    assert_eq!(lab.domain("node1"), "running", "libvirt has noticed");

    let table = lxa("lab status").exits(0).out;
    let row = table.lines().find(|l| l.starts_with("lab-node1"));
    assert!(row.unwrap().contains(" dead "), "{table}");
    lab.change("").exits(0);
    lab.await_online("node1", 5, "node1 lxc1");
    lab.down();
}
