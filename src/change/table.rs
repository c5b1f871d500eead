//! The answers of every kind of change, kind by kind.

use super::golden::KINDS;
use super::{Change, Rank};
use crate::journal::{self, Record};
use crate::spec::Scope;
use std::collections::BTreeSet;
use std::path::Path;

/// A record as it is in the journal, its rank, its wording, and its other answers.
type Row = (&'static str, Rank, &'static str, &'static str);

const TABLE: &[Row] = &[
    (
        r#"{"undo":"resource","id":"container1","container":"lxc1"}"#,
        Rank::Cib,
        "resource container1 of the CIB",
        "Cib, of lxc1, needs set.json",
    ),
    (
        r#"{"undo":"resource","id":"lxc-clone","container":null}"#,
        Rank::Cib,
        "resource lxc-clone of the CIB",
        "Cib, needs set.json",
    ),
    (
        r#"{"undo":"cib-object","id":"lxc-autogen-lxc"}"#,
        Rank::Cib,
        "lxc-autogen-lxc of the CIB",
        "Cib, needs set.json",
    ),
    (
        r#"{"undo":"node","name":"lxc1"}"#,
        Rank::Nodes,
        "node lxc1 of the cluster",
        "Cib, of lxc1, needs set.json",
    ),
    (
        r#"{"undo":"property","name":"last-lrm-refresh","previous":null}"#,
        Rank::Properties,
        "cluster property last-lrm-refresh",
        "Cib",
    ),
    (
        r#"{"undo":"throttle","name":"load-threshold","nvpair":"p","raised":"10000%","previous":"80%"}"#,
        Rank::Properties,
        "cluster property load-threshold as it was",
        "Cib",
    ),
    (
        r#"{"undo":"joining","id":"op_defaults","xpath":"//op_defaults","then":null}"#,
        Rank::Properties,
        "op_defaults of the CIB while nodes join",
        "Cib",
    ),
    (
        r#"{"undo":"joining","id":"tags","xpath":"/cib/configuration/tags[not(*)]","then":null}"#,
        Rank::Properties,
        "section tags of the CIB, if it is empty then",
        "Cib",
    ),
    (
        r#"{"undo":"monitors","set":"lxc-autogen-lxc","interval_s":20}"#,
        Rank::Properties,
        "monitors of lxc-autogen-lxc",
        "Cib",
    ),
    (
        r#"{"undo":"peer","node":"node2","program":"/usr/sbin/lxc-autogen","options":[],"group":"1"}"#,
        Rank::Peers,
        "what is on node node2",
        "All, needs set.json",
    ),
    (
        r#"{"undo":"daemon","program":"fence_virtd","configuration":"/lab/fence_virt.conf"}"#,
        Rank::Daemons,
        "fence_virtd with /lab/fence_virt.conf",
        "All",
    ),
    (
        r#"{"undo":"shared-daemon","program":"virtlogd","directory":"/run/of-all","files":["/run/socket"]}"#,
        Rank::Daemons,
        "virtlogd for this set or lab",
        "All",
    ),
    (
        r#"{"undo":"domain","name":"lxc1"}"#,
        Rank::Domains,
        "domain lxc1",
        "Libvirt, of lxc1",
    ),
    (
        r#"{"undo":"domain","name":"vm1","uri":"qemu:///system"}"#,
        Rank::Domains,
        "domain vm1 of qemu:///system",
        "Libvirt, of vm1",
    ),
    (
        r#"{"undo":"network","name":"lxc-autogen","uuid":"1-2"}"#,
        Rank::Network,
        "network lxc-autogen",
        "Libvirt, has identity",
    ),
    (
        r#"{"undo":"forwarding","settings":[["/proc/sys/net/ipv4/ip_forward","0"]]}"#,
        Rank::Kernel,
        "the kernel's IPv4 forwarding",
        "Libvirt, is shared",
    ),
    (
        r#"{"undo":"cgroup","path":"/sys/fs/cgroup/machine"}"#,
        Rank::Kernel,
        "control group /sys/fs/cgroup/machine",
        "Libvirt, is shared",
    ),
    (
        r#"{"undo":"loop-device","file":"/lab/disks/vda.img"}"#,
        Rank::Kernel,
        "loop device of /lab/disks/vda.img",
        "Libvirt, needs disks",
    ),
    (
        r#"{"undo":"file","path":"/var/log/libvirt/lxc/lxc1.log","container":"lxc1"}"#,
        Rank::Outside,
        "file /var/log/libvirt/lxc/lxc1.log",
        "Libvirt, of lxc1",
    ),
    (
        r#"{"undo":"file","path":"/run/drop-in.conf","container":null}"#,
        Rank::Outside,
        "file /run/drop-in.conf",
        "Libvirt, is shared",
    ),
    (
        r#"{"undo":"empty-dir","path":"/var/log/libvirt/lxc"}"#,
        Rank::Outside,
        "directory /var/log/libvirt/lxc",
        "All, is shared",
    ),
    (
        r#"{"undo":"hosts-block","path":"/etc/hosts","marker":"lxc in /var/lib/lxc-autogen"}"#,
        Rank::Outside,
        "block lxc in /var/lib/lxc-autogen of /etc/hosts",
        "Libvirt",
    ),
    (
        r#"{"undo":"authkey","path":"/etc/pacemaker/authkey","sha256":"ab","previous":"old"}"#,
        Rank::Outside,
        "authentication key /etc/pacemaker/authkey",
        "All, has identity, is shared, needs old",
    ),
    (
        r#"{"undo":"authkey","path":"/etc/pacemaker/authkey","sha256":"ab","previous":null}"#,
        Rank::Outside,
        "authentication key /etc/pacemaker/authkey",
        "All, has identity, is shared",
    ),
    (
        r#"{"undo":"agent","path":"/usr/lib/ocf/VirtualDomain","sha256":["ab"],"previous":"old"}"#,
        Rank::Outside,
        "resource agent /usr/lib/ocf/VirtualDomain",
        "All, has identity, needs old",
    ),
    (
        r#"{"undo":"state-file","name":"network.xml"}"#,
        Rank::Inside,
        "network.xml in the state directory",
        "All",
    ),
    (
        r#"{"undo":"container","name":"lxc1"}"#,
        Rank::Inside,
        "files of container lxc1",
        "All, of lxc1",
    ),
    (
        r#"{"undo":"state-dir","path":"/var/lib/lxc-autogen","ino":17}"#,
        Rank::StateDir,
        "state directory /var/lib/lxc-autogen",
        "All",
    ),
    (
        r#"{"undo":"own-files","path":"/var/lib/kept"}"#,
        Rank::StateDir,
        "journal and lock in /var/lib/kept",
        "All",
    ),
];

fn read(text: &str) -> Change {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// The smallest scope of a cleanup that undoes the change, and its other answers.
fn answers(change: &Change) -> String {
    let mut all = match (change.is_of(Scope::Cib), change.is_of(Scope::Libvirt)) {
        (true, false) => "Cib".to_owned(),
        (false, true) => "Libvirt".to_owned(),
        (false, false) => "All".to_owned(),
        (true, true) => panic!("{} is of both", change.key()),
    };
    assert!(change.is_of(Scope::All));
    if change.has_identity() {
        all += ", has identity";
    }
    if change.is_shared() {
        all += ", is shared";
    }
    if let Some(name) = change.container() {
        all += &format!(", of {name}");
    }
    for file in ["set.json", "old", "disks"] {
        if change.needs(file) {
            all += &format!(", needs {file}");
        }
    }
    all
}

#[test]
fn every_kind_answers_as_it_should() {
    for (text, rank, key, about) in TABLE {
        let change = read(text);
        let found = (change.rank(), change.key(), answers(&change));
        assert_eq!(found, (*rank, (*key).to_owned(), (*about).to_owned()));
    }
}

#[test]
fn every_kind_is_written_as_it_was_read() {
    let mut there = BTreeSet::new();
    for (text, ..) in TABLE {
        assert_eq!(serde_json::to_string(&read(text)).unwrap(), *text);
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        there.insert(value["undo"].as_str().unwrap().to_owned());
    }
    assert_eq!(there, KINDS.iter().map(|kind| (*kind).to_owned()).collect());
}

#[test]
fn a_kind_that_is_not_known_is_named_with_its_line() {
    let text = format!(
        "{}\n{}\n",
        r#"{"do":{"seq":1,"undo":{"undo":"node","name":"lxc1"}}}"#,
        r#"{"do":{"seq":2,"undo":{"undo":"moon","name":"lxc1"}}}"#
    );
    let e = journal::replay::<Change>(&text, Path::new("journal.jsonl")).unwrap_err();
    let begin = "journal.jsonl, line 2: unknown variant `moon`, expected one of `";
    assert!(e.message().starts_with(begin), "{e}");
    let missing = text.replace(r#""moon","name":"lxc1""#, r#""network","name":"n""#);
    let e = journal::replay::<Change>(&missing, Path::new("journal.jsonl")).unwrap_err();
    let begin = "journal.jsonl, line 2: missing field `uuid`";
    assert!(e.message().starts_with(begin), "{e}");
}

#[test]
fn groups_are_in_the_order_of_ranks_and_the_newest_is_first() {
    let items: Vec<(u64, Change)> = (1..)
        .zip(TABLE.iter().rev().map(|(text, ..)| read(text)))
        .collect();
    let groups = super::kinds::Group::all(&items);
    let ranks: Vec<Rank> = groups.iter().map(super::kinds::Group::rank).collect();
    assert!(ranks.is_sorted() && ranks.len() == 11, "{ranks:?}");
    let super::kinds::Group::Cib(of_cib) = &groups[0] else {
        panic!("{:?}", groups[0]);
    };
    let numbers: Vec<u64> = of_cib.iter().map(|(seq, _)| *seq).collect();
    // The first three rows of the table have the last three numbers here.
    let all = items.len() as u64;
    assert_eq!(numbers, [all, all - 1, all - 2]);
}
