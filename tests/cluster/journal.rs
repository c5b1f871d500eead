//! Undoing a journal where a cluster and libvirt are needed: one of version 0.1.0, one that is damaged,
//! one on a full disk, and with tools that do not do what they say. (tests/journal has the others.)

use crate::Test;
use crate::golden::as_0_1_0_wrote_it;
use crate::kill::killed;
use crate::throttle::{is_joining, is_raised};
use crate::world::{BINARY, Before, STATE, lxa, names, online, run, tool};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub const TESTS: &[Test] = &[
    ("a_journal_of_0_1_0_is_undone", a_journal_of_0_1_0),
    ("a_damaged_journal_is_undone", a_damaged_journal),
    ("a_journal_on_a_full_disk", a_journal_on_a_full_disk),
    ("a_tool_that_says_done", a_tool_that_says_done),
    ("a_lab_beside_a_set", a_lab_beside_a_set),
];

/// Marks find what the lines were about that cannot be read.
fn a_damaged_journal() {
    let before = Before::new();
    let path = Path::new(STATE).join("journal.jsonl");
    let aside = Path::new(STATE).join("journal.unreadable");
    lxa("up -c 2").exits(0);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| {
        let kinds = ["network", "domain", "resource", "container", "node"];
        let is_bad = kinds
            .iter()
            .any(|it| line.contains(&format!("\"undo\":\"{it}\"")));
        if is_bad {
            "\0\0\0\n".to_owned()
        } else {
            format!("{line}\n")
        }
    });
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    let set = std::fs::read(Path::new(STATE).join("set.json")).unwrap();
    std::fs::write(Path::new(STATE).join("set.json"), &set[..set.len() / 2]).unwrap();
    lxa("up -c 3").exits(1).complains("lxc-autogen cleanup");
    let said = lxa("cleanup").exits(4).complains("going on without");
    said.complains("journal.unreadable");
    assert_eq!(tool("virsh -c lxc:/// list --all --name").trim(), "");
    std::fs::remove_file(aside).unwrap();
    lxa("cleanup").exits(0);
    before.is_as_now();
}

/// Whether it holds records of all these kinds, separated by blanks, that are not undone.
#[track_caller]
fn is_of_0_1_0(state: &str, kinds: &str) {
    let outstanding = as_0_1_0_wrote_it(&Path::new(state).join("journal.jsonl"));
    for kind in kinds.split_whitespace() {
        assert!(
            outstanding.iter().any(|k| k == kind),
            "no {kind} in {outstanding:?}"
        );
    }
}

fn a_journal_of_0_1_0() {
    const EVERY_SET: &str = "state-dir state-file container network cgroup empty-dir file domain \
                             node resource cib-object property authkey";
    tool("crm_attribute -t crm_config -n node-action-limit -v 4");
    let before = Before::new();
    lxa("up -c 2 -C --hosts").exits(0);
    is_of_0_1_0(STATE, &format!("{EVERY_SET} hosts-block forwarding"));
    lxa("cleanup").exits(0);
    before.is_as_now();

    lxa("up -c 2 --kind remote --authkey copy").exits(0);
    is_of_0_1_0(STATE, EVERY_SET);
    // It is gone on with, too.
    lxa("up -c 1").exits(0);
    assert_eq!(online(), names("lxc", 1));
    lxa("cleanup").exits(0);
    before.is_as_now();

    killed("up -c 2", "joining", || is_raised() && is_joining());
    is_of_0_1_0(STATE, &format!("{EVERY_SET} throttle joining"));
    lxa("cleanup").exits(0);
    before.is_as_now();

    // In a directory that was there before.
    run("mkdir", ["-m", "700", "/var/lib/kept"]).exits(0);
    lxa("generate -c 1 --state-dir /var/lib/kept").exits(0);
    is_of_0_1_0("/var/lib/kept", "own-files container");
    lxa("cleanup --state-dir /var/lib/kept").exits(0);
    std::fs::remove_dir("/var/lib/kept").unwrap();
    before.is_as_now();
    tool("crm_attribute -t crm_config -n node-action-limit -D");
}

/// What eases a set's way out of the cluster cannot be written down there.
fn a_journal_on_a_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    let disk = directory.path().display();
    let before = Before::new();
    tool(&format!("mount -t tmpfs -o size=400k disk {disk}"));
    lxa(&format!("up -c 2 --state-dir {disk}/state")).exits(0);
    // Not even the page that the journal has begun takes any more.
    let path = directory.path().join("state/journal.jsonl");
    let mut journal = std::fs::read(&path).unwrap();
    journal.extend(b"{\"undone\":{\"seqs\":[]}}");
    journal.resize((journal.len() + 1).next_multiple_of(4096) - 1, b' ');
    journal.push(b'\n');
    std::fs::write(&path, journal).unwrap();
    let filler = directory.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    lxa(&format!("cleanup --state-dir {disk}/state")).exits(0);
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    tool(&format!("umount {disk}"));
    before.is_as_now();
}

/// A tool that says that it has done something and has not is not believed.
fn a_tool_that_says_done() {
    let before = Before::new();
    for (name, verb, stays) in [
        (
            "crm_node",
            "--remove",
            "node lxc1 of the cluster: crm_node says",
        ),
        (
            "cibadmin",
            "--delete-all",
            "resource container1 of the CIB: cibadmin says",
        ),
        ("virsh", "net-undefine", "network lxc-autogen: virsh says"),
    ] {
        lxa("up -c 1").exits(0);
        let directory = tempfile::tempdir().unwrap();
        let real = which::which(name).unwrap();
        let text = format!(
            "#!/bin/sh\ncase \"$*\" in *{verb}*) exit 0;; esac\nexec {} \"$@\"\n",
            real.display()
        );
        let liar = directory.path().join(name);
        std::fs::write(&liar, text).unwrap();
        std::fs::set_permissions(&liar, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("PATH={}:{path}", directory.path().display());
        run("env", [&path, BINARY, "cleanup"])
            .exits(4)
            .complains(stays);
        lxa("cleanup").exits(0);
        before.is_as_now();
    }
}

/// The lab's journal has what the set was the first to change, and the set goes on using it.
fn a_lab_beside_a_set() {
    let before = Before::new();
    lxa("up -c 1").exits(0);
    lxa("lab up --cluster-nodes 1 -c 0 --init own --fencing false").exits(0);
    lxa("lab down").exits(0);
    assert!(Path::new("/etc/pacemaker/authkey").exists());
    assert_eq!(online(), names("lxc", 1));
    lxa("lab up --cluster-nodes 1 -c 0 --init own --fencing false").exits(0);
    lxa("cleanup").exits(0);
    lxa("lab down").exits(0);
    before.is_as_now();
}
