//! Killed half-way, interrupted, out of step: whatever happens, a clean-up ends it.

use crate::Test;
use crate::kill::{Stage, killed, signal_at, start};
use crate::runner::not_proven;
use crate::world::{Before, STATE, lxa, names, online, tool, until};
use nix::sys::signal::Signal;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

pub const TESTS: &[Test] = &[
    (
        "killed_at_every_stage_then_cleaned_up",
        killed_at_every_stage_then_cleaned_up,
    ),
    (
        "killed_then_finished_by_another_up",
        killed_then_finished_by_another_up,
    ),
    ("killed_while_cleaning_up", killed_while_cleaning_up),
    ("interrupted_and_put_back", interrupted_and_put_back),
    ("two_runs_never_mix", two_runs_never_mix),
    (
        "killed_before_a_group_had_processors",
        killed_before_a_group_had_processors,
    ),
];

/// Waits until it has ended well.
#[track_caller]
pub fn succeeds(child: Child) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
}

fn in_journal(text: &str) -> bool {
    crate::kill::in_journal(STATE, text)
}

/// Stages of `up`, in the order it reaches them.
const STAGES: &[Stage] = &[
    ("the state directory", || Path::new(STATE).exists()),
    ("the key's record", || in_journal("authkey")),
    ("the set", || Path::new(STATE).join("set.json").exists()),
    ("the second container", || {
        Path::new(STATE).join("lxc2").exists()
    }),
    ("the network's record", || in_journal("\"network\"")),
    ("the network", || {
        Path::new("/sys/class/net/lxc-autogen").exists()
    }),
    ("the CIB's record", || in_journal("\"resource\"")),
    ("the first container's start", || {
        Path::new("/run/libvirt/lxc/lxc1.pid").exists()
    }),
];

fn killed_at_every_stage_then_cleaned_up() {
    let before = Before::new();
    for (what, stage) in STAGES {
        killed("up -c 3 --hosts", what, stage);
        let said = lxa("cleanup");
        assert_eq!(said.code, 0, "killed at {what}: {}", said.err);
        before.is_as_now();
    }
}

fn killed_then_finished_by_another_up() {
    let before = Before::new();
    for (what, stage) in &STAGES[3..] {
        killed("up -c 3", what, stage);
        let said = lxa("up -c 3");
        assert_eq!(said.code, 0, "killed at {what}: {}", said.err);
        assert_eq!(online(), names("lxc", 3), "killed at {what}");
        lxa("cleanup").exits(0);
        before.is_as_now();
    }
}

/// The group of cpusets that containers are in, between its making and the next step; nothing could
/// start in it.
fn killed_before_a_group_had_processors() {
    let cpusets = Path::new("/sys/fs/cgroup/cpuset");
    if !cpusets.join("tasks").exists() {
        return not_proven("a group without processors: there is no cpuset of cgroup v1");
    }
    let before = Before::new();
    killed("up -c 2", "the network's record", || {
        in_journal("\"network\"")
    });
    let group = cpusets.join("machine");
    let _ = std::fs::remove_dir(&group);
    std::fs::create_dir(&group).unwrap();
    lxa("up -c 2").exits(0);
    assert_eq!(online(), names("lxc", 2));
    lxa("cleanup").exits(0);
    before.is_as_now();
}

fn killed_while_cleaning_up() {
    let before = Before::new();
    let stages: [Stage; 3] = [
        ("the stop", || {
            tool("cibadmin --query").contains("target-role")
        }),
        ("the deletion", || in_journal("\"undone\"")),
        ("the network's end", || {
            !Path::new("/sys/class/net/lxc-autogen").exists()
        }),
    ];
    for (what, stage) in stages {
        lxa("up -c 2").exits(0);
        killed("cleanup", what, stage);
        let said = lxa("cleanup");
        assert_eq!(said.code, 0, "killed at {what}: {}", said.err);
        before.is_as_now();
    }
    // And a set that was half taken away comes up again.
    lxa("up -c 2").exits(0);
    killed("cleanup", "the stop", stages[0].1);
    lxa("up -c 2").exits(0);
    assert_eq!(online(), names("lxc", 2));
    lxa("cleanup").exits(0);
    before.is_as_now();
}

fn interrupted_and_put_back() {
    let before = Before::new();
    for which in [Signal::SIGINT, Signal::SIGTERM] {
        let mut child = start("up -c 4");
        signal_at(
            &mut child,
            which,
            "the first start",
            STAGES[STAGES.len() - 1].1,
        );
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{which}");
        before.is_as_now();
    }
    // What was there before the interrupted run stays as it was: nodes, clone, hosts, CIB.
    lxa("up -c 2 -C --hosts").exits(0);
    let configuration = || tool("cibadmin --query --scope configuration");
    let was = configuration();
    let mut child = start("up -c 5");
    signal_at(&mut child, Signal::SIGINT, "the fifth container", || {
        Path::new("/run/libvirt/lxc/lxc5.pid").exists()
    });
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(online(), names("lxc", 2));
    let now = configuration();
    let new: Vec<&str> = now.lines().filter(|l| !was.contains(l)).collect();
    let gone: Vec<&str> = was.lines().filter(|l| !now.contains(l)).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "new {new:#?}, gone {gone:#?}"
    );
    let table = lxa("status").exits(0).out;
    assert!(table.contains("2 nodes: 2 running, 2 online"), "{table}");
    assert!(
        !std::fs::read_to_string("/etc/hosts")
            .unwrap()
            .contains("lxc5")
    );

    // A shrink is gone on with, not taken back.
    lxa("up -c 4").exits(0);
    let mut child = start("up -c 1");
    signal_at(&mut child, Signal::SIGTERM, "the stop", || {
        configuration().contains("target-role")
    });
    let status = child.wait().unwrap();
    assert!(matches!(status.code(), Some(130)), "{status}");
    lxa("up -c 1").exits(0);
    assert_eq!(online(), names("lxc", 1));
    lxa("cleanup").exits(0);
    before.is_as_now();

    // Nobody reads what we say: the work goes on, and so does putting back.
    let mut child = start("up -c 2");
    drop(child.stderr.take());
    assert!(child.wait().unwrap().success());
    lxa("cleanup").exits(0);
    before.is_as_now();
}

fn two_runs_never_mix() {
    let before = Before::new();
    let mut first = start("up -c 3");
    until("the first holds the lock", 30, || in_journal("state-dir"));
    let pid = first.id();
    let second = lxa("cleanup")
        .exits(3)
        .complains("another run is at work here");
    assert!(
        second.err.contains(&format!("process {pid} ")),
        "{}",
        second.err
    );
    // One that waits for too short a time says how long that was; the first takes its time.
    until("the lock of the host is free", 60, || {
        !Path::new("/run/lxc-autogen.lock").exists()
    });
    signal_at(&mut first, Signal::SIGSTOP, "at once", || true);
    lxa("cleanup --wait 1")
        .exits(3)
        .complains("another run is at work here")
        .complains("; waited for 1 s");
    // One that is interrupted meanwhile has changed nothing, and the first goes on.
    let mut interrupted = start("cleanup --wait 600");
    std::thread::sleep(Duration::from_millis(500));
    signal_at(&mut interrupted, Signal::SIGINT, "at once", || true);
    assert_eq!(interrupted.wait().unwrap().code(), Some(130));
    signal_at(&mut first, Signal::SIGCONT, "at once", || true);
    // And one that waits for long enough does what it is told, on what the first has made.
    let more = lxa("up -c 4 --wait 600").exits(0);
    assert!(more.err.contains("waiting"), "{}", more.err);
    assert!(first.wait().unwrap().success());
    assert_eq!(online(), names("lxc", 4));
    let length = || std::fs::metadata(format!("{STATE}/journal.jsonl")).map_or(0, |m| m.len());
    let was = length();
    let mut first = start("cleanup");
    until("the first has begun", 30, || length() != was);
    let none = lxa("cleanup --wait 600").exits(0);
    assert!(none.err.contains("nothing to clean up"), "{}", none.err);
    assert!(first.wait().unwrap().success());
    before.is_as_now();
}
