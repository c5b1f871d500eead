//! A journal that version 0.1.0 wrote is undone by this version: here everything that needs neither
//! cluster nor libvirt, in directories of its own. The rest is in tests/cluster/journal.rs.
//!
//! What is undone must be root's, so without root these tests report themselves as ignored.
//!
//! Long because each kind of record has its own world to be undone in.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod damage;
mod place;

use libtest_mimic::{Arguments, Trial};
use lxc_autogen::host::files::{identity, sha256, unfinished};
use place::{Place, complains, exits};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

const AGENT: &str = "usr/lib/ocf/resource.d/heartbeat/VirtualDomain";
const KEY: &str = "etc/pacemaker/authkey";

fn main() {
    let arguments = Arguments::from_args();
    let tests: &[(&str, fn())] = &[
        ("what_was_made_goes", what_was_made_goes),
        ("what_was_there_before_comes_back", what_was_there_before),
        ("what_others_changed_is_refused", what_others_changed),
        ("what_others_came_to_use_stays", what_others_came_to_use),
        ("a_copied_journal_undoes_nothing", a_copied_journal),
        ("what_needs_the_cluster_is_told", what_needs_the_cluster),
        (
            "one_bad_line_keeps_nothing_else",
            damage::one_bad_line_keeps_nothing_else,
        ),
        (
            "what_is_no_line_is_no_harm",
            damage::what_is_no_line_is_no_harm,
        ),
        (
            "a_mended_line_is_taken_back",
            damage::a_mended_line_is_taken_back,
        ),
        (
            "a_set_that_cannot_be_read_is_done_without",
            damage::a_set_that_cannot_be_read_is_done_without,
        ),
        (
            "a_lost_journal_is_done_without",
            damage::a_lost_journal_is_done_without,
        ),
        (
            "what_nobody_of_ours_wrote_is_refused",
            damage::what_nobody_of_ours_wrote_is_refused,
        ),
        (
            "a_full_disk_is_no_reason_to_stay",
            damage::a_full_disk_is_no_reason_to_stay,
        ),
    ];
    let root = nix::unistd::Uid::effective().is_root();
    if !root && !arguments.list {
        eprintln!("\n!!! SKIPPED: what is in a journal can be undone by root only\n");
    }
    let trials = tests.iter().map(|&(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
        .with_ignored_flag(!root)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// A process that 0.1.0's record of a daemon names: by program and configuration.
fn daemon(configuration: &str) -> std::process::Child {
    let mut child = Command::new("sh")
        .arg0("fence_virtd")
        .args(["-c", "echo started; read never", configuration])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Between fork and exec it has another name.
    let mut line = String::new();
    let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    assert_eq!(line, "started\n");
    child
}

/// Files, trees and directories, blocks of files, groups and daemons: the place is as before.
fn what_was_made_goes() {
    let mut place = Place::new("var/lib/lxc-autogen");
    let hosts = "127.0.0.1 localhost\n";
    place.write("etc/hosts", hosts);
    place.write("var/log/libvirt/theirs", "x");
    std::fs::create_dir_all(place.at("sys/fs/cgroup/cpu")).unwrap();
    std::fs::create_dir_all(place.at("etc/pacemaker")).unwrap();
    std::fs::create_dir_all(place.at(AGENT).parent().unwrap()).unwrap();
    let link = "run/systemd/system/resource-agents-deps.target.d/99-VirtualDomain-libvirt.conf";
    std::fs::create_dir_all(place.at(link).parent().unwrap()).unwrap();
    let before = place.content();

    place.begin();
    // set.json itself is read before anything is undone.
    place.record(&["state-file"], &[("set.json", "network.xml")]);
    std::fs::write(place.state("network.xml"), "<network/>").unwrap();
    std::fs::write(unfinished(&place.state("network.xml")), "<net").unwrap();
    place.record(&[r#""undo":"container""#], &[]);
    for root in ["lxc1/rootfs/etc", ".lxc1.new/rootfs"] {
        std::fs::create_dir_all(place.state(root)).unwrap();
    }
    std::os::unix::fs::symlink(place.at("etc"), place.state("lxc1/rootfs/link")).unwrap();
    place.record(&["empty-dir"], &[]);
    std::fs::create_dir(place.at("var/log/libvirt/lxc")).unwrap();
    place.record(&[r#""undo":"file""#, r#""container":null"#], &[]);
    place.write(link, "x");
    place.record(&["hosts-block"], &[]);
    let marker = format!("lxc in /{}", place.state);
    let block =
        format!("# BEGIN lxc-autogen {marker}\n192.168.123.11 lxc1\n# END lxc-autogen {marker}\n");
    place.write("etc/hosts", &format!("{hosts}{block}"));
    place.record(&["cgroup"], &[]);
    std::fs::create_dir(place.at("sys/fs/cgroup/cpu/machine")).unwrap();
    let sha = GOLDEN_KEY;
    place.record(&["authkey", sha], &[(sha, &sha256(b"ours"))]);
    place.write(KEY, "ours");
    let sha = GOLDEN_AGENT;
    place.record(
        &["agent", sha, r#""previous":null"#],
        &[(sha, &sha256(b"agent"))],
    );
    place.write(AGENT, "agent");
    place.record(&["daemon"], &[("lxc-autogen-lab-lab", "lxc-autogen")]);
    let mut child = daemon("/var/lib/lxc-autogen/fence/fence_virt.conf");
    place.save_journal();

    // Its parent has to take its end for it to be gone.
    let ended = std::thread::spawn(move || child.wait().unwrap());
    exits(&place.cleanup(&[]), 0);
    assert!(
        !ended.join().unwrap().success(),
        "the daemon ended by itself"
    );
    assert_eq!(place.content(), before);
}

/// SHA-256 of the key, and of the agent, that 0.1.0 had made where there was none before.
const GOLDEN_KEY: &str = "36774036ec7a389d6234a8af0e822e1bd1a0d5d60a51964cdaf106659b402681";
const GOLDEN_AGENT: &str = "d5761dd84edd85c6e244cba2abd8d63d861db4996e8a9d1dcc70f8a81e60b475";
/// Of the key that had replaced another, and of the agent that was fetched first over another.
const REPLACING_KEY: &str = "39b0ab8630aaa01cbfecdafd947314744b27e54203ef4c20db912c958211f0bb";
const FIRST_AGENT: &str = "0e9d7d1c2085dd5c583159b64cc44e25ede51cfe226b8e356f90f5361b9edd40";

/// In a directory that was there before, too, which stays.
fn replaced() -> Place {
    let mut place = Place::new("var/lib/kept");
    let state = place.at(place.state);
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(state)
        .unwrap();
    for (path, mode) in [(KEY, 0o640), (AGENT, 0o755)] {
        place.write(path, "theirs");
        std::fs::set_permissions(place.at(path), std::fs::Permissions::from_mode(mode)).unwrap();
        std::os::unix::fs::chown(place.at(path), None, Some(7)).unwrap();
    }
    place.record(&["own-files"], &[]);
    for (path, name) in [(KEY, "authkey.previous"), (AGENT, "VirtualDomain.previous")] {
        place.record(&["state-file"], &[("set.json", name)]);
        // With owner and mode, as 0.1.0 kept it.
        lxc_autogen::host::files::copy_whole(&place.at(path), &place.state(name)).unwrap();
        std::fs::remove_file(place.at(path)).unwrap();
    }
    let key = sha256(b"our key");
    place.record(&["authkey", REPLACING_KEY], &[(REPLACING_KEY, &key)]);
    place.write(KEY, "our key");
    place.record(
        &["agent", FIRST_AGENT, GOLDEN_AGENT],
        &[
            (FIRST_AGENT, &sha256(b"first")),
            (GOLDEN_AGENT, &sha256(b"second")),
        ],
    );
    place.write(AGENT, "second");
    place.save_journal();
    place
}

fn is_back(place: &Place) {
    for (path, mode) in [(KEY, 0o640), (AGENT, 0o755)] {
        assert_eq!(place.read(path), "theirs");
        let metadata = std::fs::metadata(place.at(path)).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.gid()), (mode, 7));
    }
    let left = std::fs::read_dir(place.at(place.state)).unwrap().count();
    assert_eq!(left, 0, "the directory stays, and nothing in it");
}

fn what_was_there_before() {
    let place = replaced();
    exits(&place.cleanup(&[]), 0);
    is_back(&place);
    // Whichever of those that were installed is there.
    let place = replaced();
    place.write(AGENT, "first");
    exits(&place.cleanup(&[]), 0);
    is_back(&place);
}

fn what_others_changed() {
    let place = replaced();
    place.write(KEY, "another's");
    place.write(AGENT, "another's");
    let said = place.cleanup(&[]);
    exits(&said, 4);
    let key = format!("authentication key /{KEY}");
    complains(&said, &format!("{key}: it is not the one we made any more"));
    let agent = format!("resource agent /{AGENT}");
    complains(
        &said,
        &format!("{agent}: it is not the one we installed any more"),
    );
    assert_eq!(place.read(KEY), "another's");
    assert_eq!(place.read(AGENT), "another's");
    // What comes back later is kept until then.
    place.write(KEY, "our key");
    place.write(AGENT, "second");
    exits(&place.cleanup(&[]), 0);
    is_back(&place);

    // A directory of ours, in which somebody put a file.
    let mut place = Place::new("var/lib/lxc-autogen");
    let before = place.content();
    place.begin();
    place.save_journal();
    std::fs::write(place.state("holiday.jpg"), "x").unwrap();
    let said = place.cleanup(&[]);
    exits(&said, 4);
    complains(&said, "it holds what we did not make: holiday.jpg");
    std::fs::remove_file(place.state("holiday.jpg")).unwrap();
    exits(&place.cleanup(&[]), 0);
    assert_eq!(place.content(), before);
}

/// A directory with another's file, and a group with another's group in it, are another's now.
fn what_others_came_to_use() {
    let mut place = Place::new("var/lib/lxc-autogen");
    let theirs = [
        "var/log/libvirt/lxc/theirs.log",
        "sys/fs/cgroup/cpu/machine/theirs/tasks",
    ];
    theirs.iter().for_each(|path| place.write(path, "x"));
    let before = place.content();
    place.begin();
    place.record(&["empty-dir"], &[]);
    place.record(&["cgroup"], &[]);
    place.save_journal();
    exits(&place.cleanup(&[]), 0);
    assert_eq!(place.content(), before);
}

fn a_copied_journal() {
    let mut place = Place::new("var/lib/lxc-autogen");
    place.begin();
    place.record(&[r#""undo":"container""#], &[]);
    std::fs::create_dir(place.state("lxc1")).unwrap();
    // Of the right path, and another inode.
    let ino = identity(&place.at(place.state)).unwrap();
    place.records[0] = place.records[0].replace(&format!(":{ino}}}"), &format!(":{}}}", ino + 1));
    place.save_journal();
    let said = place.cleanup(&[]);
    exits(&said, 3);
    complains(&said, "was written for");
    assert!(place.state("lxc1").exists());
}

/// What a cluster or libvirt has is kept and named, the files of what stays with it.
fn what_needs_the_cluster() {
    let mut place = Place::new("var/lib/lxc-autogen");
    place.begin();
    let kinds = [
        "container",
        "domain",
        "network",
        "node",
        "property",
        "throttle",
        "joining",
        "peer",
    ];
    for kind in kinds {
        place.record(&[&format!(r#""undo":"{kind}""#)], &[]);
    }
    place.record(&[r#""undo":"resource""#, r#""container":null"#], &[]);
    place.record(&[r#""undo":"resource""#, r#""container":"lxc1""#], &[]);
    place.record(&[r#""undo":"file""#, r#""container":"lxc1""#], &[]);
    place.record(&["cib-object"], &[]);
    place.write("var/log/libvirt/lxc/lxc1.log", "x");
    std::fs::create_dir(place.state("lxc1")).unwrap();
    place.save_journal();
    let before = place.content();

    let said = place.cleanup(&[]);
    exits(&said, 3);
    complains(&said, "the guest nodes cannot be taken out of the cluster");
    std::fs::remove_file(place.state("lock")).unwrap();
    assert_eq!(place.content(), before);

    let said = place.cleanup(&["--force"]);
    exits(&said, 4);
    for what in [
        "resource lxc-clone of the CIB: ",
        "resource container1 of the CIB: ",
        "lxc-autogen-lxc-home of the CIB: ",
        "node lxc1 of the cluster: ",
        "cluster property last-lrm-refresh: ",
        "cluster property node-action-limit as it was: ",
        "op_defaults of the CIB while nodes join: ",
        "what is on node lab-node1: ",
        "domain lxc1: ",
        "network lxc-autogen: ",
        "files of container lxc1: its domain is still there",
        "file /var/log/libvirt/lxc/lxc1.log: its domain",
    ] {
        complains(&said, what);
    }
    std::fs::remove_file(place.state("lock")).unwrap();
    assert_eq!(
        place.content(),
        before,
        "nothing was undone, nor said to be"
    );
}
