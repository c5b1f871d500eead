//! This version reads, understands and writes a journal of version 0.1.0 as 0.1.0 did.
//!
//! Its lines were written by 0.1.0 itself: sets of guest nodes and of remote nodes, one with other
//! cluster nodes, a lab, and fetched agents; each kind of record once in every form that its
//! optional fields take. Only the numbers are new, so that one journal holds them all.

use super::kinds::Flat;
use super::{Authkey, Change, Peer, Rank};
use crate::journal::{self, line, replay};
use crate::spec::Scope;
use std::collections::BTreeSet;
use std::path::Path;

type Line = journal::Line<Change>;

const GOLDEN: &str = include_str!("../../tests/data/journal-0.1.0.jsonl");

/// Every kind of record, with its name in the journal. A new kind does not compile without an entry
/// here, and an entry needs a line in the journal below, or a place in [`LATER`].
macro_rules! kinds {
    ($($kind:ident $name:literal)*) => {
        pub(super) const KINDS: &[&str] = &[$($name),*];

        pub(super) fn kind(change: &Change) -> &'static str {
            match change.clone().into() {
                $(Flat::$kind(_) => $name,)*
            }
        }
    };
}

kinds! {
    StateDir "state-dir"
    OwnFiles "own-files"
    StateFile "state-file"
    Container "container"
    EmptyDir "empty-dir"
    File "file"
    Authkey "authkey"
    Peer "peer"
    Network "network"
    Forwarding "forwarding"
    Cgroup "cgroup"
    HostsBlock "hosts-block"
    Agent "agent"
    Daemon "daemon"
    Domain "domain"
    Node "node"
    Resource "resource"
    Property "property"
    Throttle "throttle"
    Joining "joining"
    Monitors "monitors"
    CibObject "cib-object"
    LoopDevice "loop-device"
    SharedDaemon "shared-daemon"
}

/// Kinds that 0.1.0 did not have.
const LATER: &[&str] = &["loop-device", "monitors", "shared-daemon"];

/// 0.1.0's meaning of each line: rank and key of the record.
const MEANING: &[(&str, Rank, &str)] = &[
    (
        "own-files",
        Rank::StateDir,
        "journal and lock in /var/lib/kept",
    ),
    (
        "state-file",
        Rank::Inside,
        "set.json in the state directory",
    ),
    (
        "authkey",
        Rank::Outside,
        "authentication key /etc/pacemaker/authkey",
    ),
    ("container", Rank::Inside, "files of container lxc1"),
    ("network", Rank::Network, "network lxc-autogen"),
    (
        "cgroup",
        Rank::Kernel,
        "control group /sys/fs/cgroup/cpu/machine",
    ),
    ("forwarding", Rank::Kernel, "the kernel's IPv4 forwarding"),
    (
        "state-dir",
        Rank::StateDir,
        "state directory /var/lib/lxc-autogen",
    ),
    (
        "throttle",
        Rank::Properties,
        "cluster property node-action-limit as it was",
    ),
    (
        "throttle",
        Rank::Properties,
        "cluster property load-threshold as it was",
    ),
    (
        "hosts-block",
        Rank::Outside,
        "block lxc in /var/lib/lxc-autogen of /etc/hosts",
    ),
    (
        "property",
        Rank::Properties,
        "cluster property last-lrm-refresh",
    ),
    ("empty-dir", Rank::Outside, "directory /var/log/libvirt/lxc"),
    (
        "file",
        Rank::Outside,
        "file /run/systemd/system/resource-agents-deps.target.d/99-VirtualDomain-libvirt.conf",
    ),
    ("file", Rank::Outside, "file /var/log/libvirt/lxc/lxc1.log"),
    ("domain", Rank::Domains, "domain lxc1"),
    ("node", Rank::Nodes, "node lxc1 of the cluster"),
    ("resource", Rank::Cib, "resource container1 of the CIB"),
    ("cib-object", Rank::Cib, "lxc-autogen-lxc-home of the CIB"),
    ("resource", Rank::Cib, "resource lxc-clone of the CIB"),
    (
        "joining",
        Rank::Properties,
        "op_defaults of the CIB while nodes join",
    ),
    (
        "joining",
        Rank::Properties,
        "lxc-autogen-lxc-home of the CIB while nodes join",
    ),
    (
        "property",
        Rank::Properties,
        "cluster property last-lrm-refresh",
    ),
    ("peer", Rank::Peers, "what is on node lab-node1"),
    (
        "authkey",
        Rank::Outside,
        "authentication key /etc/pacemaker/authkey",
    ),
    ("peer", Rank::Peers, "what is on node lab-node2"),
    (
        "daemon",
        Rank::Daemons,
        "fence_virtd with /var/lib/lxc-autogen-lab-lab/fence/fence_virt.conf",
    ),
    (
        "agent",
        Rank::Outside,
        "resource agent /usr/lib/ocf/resource.d/heartbeat/VirtualDomain",
    ),
    (
        "agent",
        Rank::Outside,
        "resource agent /usr/lib/ocf/resource.d/heartbeat/VirtualDomain",
    ),
    (
        "agent",
        Rank::Outside,
        "resource agent /usr/lib/ocf/resource.d/heartbeat/VirtualDomain",
    ),
];

fn lines() -> impl Iterator<Item = (&'static str, Line)> {
    let parse = |text| serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    GOLDEN.lines().map(move |text| (text, parse(text)))
}

pub(super) fn records() -> Vec<Change> {
    let record = |(_, line)| match line {
        Line::Do { undo, .. } => Some(undo),
        Line::Undone { .. } => None,
    };
    lines().filter_map(record).collect()
}

#[test]
fn every_line_is_written_as_it_was_read() {
    for (text, read) in lines() {
        assert_eq!(line(&read).unwrap().trim_end(), text);
    }
}

#[test]
fn every_kind_is_there_in_every_form() {
    let records = records();
    let there: BTreeSet<&str> = records.iter().map(kind).collect();
    let of_0_1_0 = KINDS.iter().filter(|kind| !LATER.contains(kind));
    assert_eq!(there, of_0_1_0.copied().collect());
    for (kind, field) in [
        ("file", "container"),
        ("authkey", "previous"),
        ("agent", "previous"),
        ("resource", "container"),
        ("property", "previous"),
        ("throttle", "previous"),
        ("joining", "then"),
    ] {
        let values = records
            .iter()
            .map(|undo| serde_json::to_value(undo).unwrap());
        let of_kind = values.filter(|value| value["undo"] == kind);
        let forms: BTreeSet<bool> = of_kind.map(|value| value[field].is_null()).collect();
        assert_eq!(forms.len(), 2, "{kind} with and without {field}");
    }
}

#[test]
fn each_record_means_what_it_meant() {
    let records = records();
    let found: Vec<(&str, Rank, String)> = records
        .iter()
        .map(|u| (kind(u), u.rank(), u.key()))
        .collect();
    let found: Vec<(&str, Rank, &str)> = found
        .iter()
        .map(|(k, r, key)| (*k, *r, key.as_str()))
        .collect();
    assert_eq!(found, MEANING);
}

/// Numbers, from 1, of the lines whose records `are` picks.
fn those(are: impl Fn(&Change) -> bool) -> Vec<usize> {
    let records = records();
    (1..)
        .zip(&records)
        .filter(|(_, undo)| are(undo))
        .map(|(n, _)| n)
        .collect()
}

#[test]
fn each_record_belongs_where_it_belonged() {
    let cib = [9, 10, 12, 17, 18, 19, 20, 21, 22, 23];
    assert_eq!(those(|undo| undo.is_of(Scope::Cib)), cib);
    let libvirt = [5, 6, 7, 11, 14, 15, 16];
    assert_eq!(those(|undo| undo.is_of(Scope::Libvirt)), libvirt);
    assert!(those(|undo| !undo.is_of(Scope::All)).is_empty());
    assert_eq!(those(Change::is_shared), [3, 6, 7, 13, 14, 25]);
    assert_eq!(those(journal::Record::has_identity), [3, 5, 25, 28, 29, 30]);
    let of_lxc1 = |undo: &Change| undo.container() == Some("lxc1");
    assert_eq!(those(of_lxc1), [4, 15, 16, 17, 18]);
    assert_eq!(those(|undo| undo.container().is_some()), those(of_lxc1));
}

#[test]
fn what_was_undone_is_not_outstanding() {
    let (outstanding, next) = replay::<Change>(GOLDEN, Path::new("journal.jsonl")).unwrap();
    assert_eq!((outstanding.len(), next), (25, 31));
    for undone in [9, 10, 21, 22, 29] {
        assert!(!outstanding.contains_key(&undone), "{undone}");
    }
}

/// 0.1.0 read these records, which versions under development before it wrote, as if they lacked
/// the field.
#[test]
fn fields_that_came_later_may_be_missing() {
    for text in [
        r#"{"undo":"authkey","path":"/etc/pacemaker/authkey","sha256":"ab"}"#,
        r#"{"undo":"peer","node":"n","program":"/usr/sbin/lxc-autogen","options":[]}"#,
    ] {
        let missing = match serde_json::from_str(text).unwrap() {
            Flat::Authkey(Authkey { previous, .. }) => previous.is_none(),
            Flat::Peer(Peer { group, .. }) => group.is_empty(),
            _ => false,
        };
        assert!(missing, "{text}");
    }
}
