//! The differences between two snapshots. Pure.

use super::section::Section;
use super::taken::Snapshot;
use serde::Serialize;
use serde_json::Value;

/// How a thing differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It exists now, and did not before.
    Left,
    /// It existed before, and does not now.
    Gone,
    /// It exists in both, with other members.
    Changed,
}

/// A thing that differs between two snapshots.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The kind of the thing: `link`, `file`.
    pub kind: &'static str,
    /// The thing's name.
    pub name: String,
    /// How it differs.
    pub change: Change,
    /// Its members before, if it existed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// Its members now, if it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The name of a difference of a whole kind, which could be looked at in one snapshot only.
const ALL: &str = "(all)";

/// Calls a function for each kind, with the kind's name and its section in each of the snapshots.
macro_rules! for_each_kind {
    ($do:ident, $($snapshot:expr),+; $into:expr) => {
        for_each_kind!(@ $do, ($($snapshot),+), $into;
            "domain" domains, "network" networks, "link" links, "address" addresses,
            "route" routes, "rule" rules, "neighbour" neighbours, "qdisc" qdiscs,
            "nftables" nftables, "iptables" iptables, "ip6tables" ip6tables, "ebtables" ebtables,
            "sysctl" sysctls, "mount" mounts, "cgroup" cgroups, "process" processes,
            "node" nodes, "cib" cib, "file" files)
    };
    (@ $do:ident, $snapshots:tt, $into:expr; $($kind:literal $field:ident),+) => {
        $( for_each_kind!(@one $do, $snapshots, $into, $kind, $field); )+
    };
    (@one $do:ident, ($($snapshot:expr),+), $into:expr, $kind:literal, $field:ident) => {
        $do($kind, $(&$snapshot.$field),+, $into)
    };
}

/// All differences, by kind and name.
pub fn differences(before: &Snapshot, after: &Snapshot) -> Vec<Difference> {
    let mut all = Vec::new();
    for_each_kind!(compare, before, after; &mut all);
    forget_parts_of_links(&mut all);
    all
}

/// Removes the differences in settings and queues of links that came or went: the link itself says
/// enough.
fn forget_parts_of_links(all: &mut Vec<Difference>) {
    let links = all.iter().filter(|d| d.kind == "link" && d.name != ALL);
    let links: Vec<String> = links
        .filter(|d| d.change != Change::Changed)
        .map(|d| d.name.clone())
        .collect();
    let of = |name: &str, link: &String| match name.split_once(".conf.") {
        Some((_, rest)) => rest
            .strip_prefix(link.as_str())
            .is_some_and(|r| r.starts_with('.')),
        None => name.split(' ').next() == Some(link),
    };
    all.retain(|d| {
        !matches!(d.kind, "sysctl" | "qdisc") || !links.iter().any(|link| of(&d.name, link))
    });
}

/// The number of things in a snapshot.
pub fn count(snapshot: &Snapshot) -> usize {
    let mut total = 0;
    for_each_kind!(count_section, snapshot; &mut total);
    total
}

fn count_section<T>(_kind: &str, section: &Section<T>, total: &mut usize) {
    if let Section::There(all) = section {
        *total += all.len();
    }
}

/// Adds the differences of one kind. A kind that can be looked at in one snapshot only is a
/// difference too, since nobody knows what is left of it.
fn compare<T: Serialize + PartialEq>(
    kind: &'static str,
    before: &Section<T>,
    after: &Section<T>,
    all: &mut Vec<Difference>,
) {
    let (before, after) = match (before, after) {
        (Section::There(before), Section::There(after)) => (before, after),
        (Section::NotThere(_), Section::NotThere(_)) => return,
        (one, other) => {
            let said = |section: &Section<T>| match section {
                Section::There(things) => Value::from(format!("{} there", things.len())),
                Section::NotThere(why) => Value::from(why.as_str()),
            };
            return all.push(Difference {
                kind,
                name: ALL.to_owned(),
                change: Change::Changed,
                before: Some(said(one)),
                after: Some(said(other)),
            });
        }
    };
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        let change = match (old, new) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(_)) => Change::Changed,
            (Some(_), None) => Change::Gone,
            (None, _) => Change::Left,
        };
        all.push(Difference {
            kind,
            name: name.clone(),
            change,
            before: old.map(value),
            after: new.map(value),
        });
    }
}

fn value<T: Serialize>(thing: &T) -> Value {
    serde_json::to_value(thing).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn section(things: &[(&str, u32)]) -> Section<u32> {
        let all: BTreeMap<String, u32> = things.iter().map(|(n, v)| ((*n).into(), *v)).collect();
        Section::There(all)
    }

    fn compared(before: &Section<u32>, after: &Section<u32>) -> Vec<(String, Change)> {
        let mut all = Vec::new();
        compare("link", before, after, &mut all);
        all.into_iter().map(|d| (d.name, d.change)).collect()
    }

    #[test]
    fn what_came_went_and_changed() {
        let before = section(&[("a", 1), ("b", 1), ("c", 1)]);
        let after = section(&[("b", 1), ("c", 2), ("d", 1)]);
        let expected = [
            ("a".to_owned(), Change::Gone),
            ("c".to_owned(), Change::Changed),
            ("d".to_owned(), Change::Left),
        ];
        assert_eq!(compared(&before, &after), expected);
        assert_eq!(compared(&before, &before), []);
    }

    /// A snapshot with the same in every section; it cannot be read when one is forgotten here.
    fn everywhere(section: &Value) -> Snapshot {
        let mut all = serde_json::json!({"format": "lxc-autogen snapshot", "version": 1,
            "looked": {"trees": [], "ignore": []}});
        for name in SECTIONS {
            all[name] = section.clone();
        }
        Snapshot::read(&all.to_string(), "test").unwrap()
    }

    const SECTIONS: [&str; 19] = [
        "domains",
        "networks",
        "links",
        "addresses",
        "routes",
        "rules",
        "neighbours",
        "qdiscs",
        "nftables",
        "iptables",
        "ip6tables",
        "ebtables",
        "sysctls",
        "mounts",
        "cgroups",
        "processes",
        "nodes",
        "cib",
        "files",
    ];

    #[test]
    fn every_section_is_compared_and_reads_back() {
        let none = everywhere(&serde_json::json!({"not_there": "no tool"}));
        let empty = everywhere(&serde_json::json!({"there": {}}));
        assert_eq!(differences(&none, &empty).len(), SECTIONS.len());
        assert_eq!(differences(&empty, &empty), []);
        let again = Snapshot::read(&empty.write().unwrap(), "test").unwrap();
        assert_eq!(again, empty);
    }

    #[test]
    fn a_link_that_came_is_told_without_its_settings() {
        let one = |kind, name: &str, change| Difference {
            kind,
            name: name.to_owned(),
            change,
            before: None,
            after: None,
        };
        let mut all = vec![
            one("link", "qa0", Change::Left),
            one("link", "eth0", Change::Changed),
            one("route", "ipv4 10.0.0.0/8 dev qa0", Change::Left),
            one("qdisc", "qa0 root", Change::Left),
            one("qdisc", "eth0 root", Change::Changed),
            one("sysctl", "net.ipv4.conf.qa0.forwarding", Change::Left),
            one("sysctl", "net.ipv4.conf.eth0.forwarding", Change::Changed),
            one("sysctl", "net.ipv4.conf.qa01.forwarding", Change::Left),
            one("sysctl", "net.ipv4.ip_forward", Change::Changed),
        ];
        forget_parts_of_links(&mut all);
        let names: Vec<&str> = all.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "qa0",
                "eth0",
                "ipv4 10.0.0.0/8 dev qa0",
                "eth0 root",
                "net.ipv4.conf.eth0.forwarding",
                "net.ipv4.conf.qa01.forwarding",
                "net.ipv4.ip_forward"
            ]
        );
    }

    #[test]
    fn what_cannot_be_looked_at_any_more_is_a_difference() {
        let none = |why: &str| Section::NotThere(why.to_owned());
        let all = [(ALL.to_owned(), Change::Changed)];
        assert_eq!(compared(&section(&[]), &none("libvirt")), all);
        assert_eq!(compared(&none("libvirt"), &section(&[])), all);
        assert_eq!(compared(&none("one"), &none("other")), []);
    }
}
