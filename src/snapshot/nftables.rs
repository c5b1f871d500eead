//! The rule set of nftables: tables, and the chains, sets and other objects in them.

use super::section::{Section, section};
use super::tool::{not_there, said};
use crate::error::{Error, Result};
use crate::host::Host;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A table, a chain, a set or another object with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The members with which the object was declared.
    declared: Map<String, Value>,
    /// The rules of a chain, in their order.
    rules: Vec<String>,
}

/// Prints no counters and other state (nft(8), `--stateless`).
const LINE: &str = "nft --json --stateless list ruleset";

/// Members that nft(8) prints nevertheless and that differ each time: an object's number in the
/// kernel's list, how long an element of a set stays, and how often something was used.
const PASSING: &[&str] = &["handle", "expires", "packets", "bytes", "used"];

pub(super) fn look(host: &Host) -> Result<Section<Chain>> {
    match said(host, LINE)? {
        Some(text) => parse(&text),
        None => Ok(not_there(LINE)),
    }
}

#[derive(Deserialize)]
struct Said {
    nftables: Vec<BTreeMap<String, Map<String, Value>>>,
}

/// Reads libnftables-json(5): a list of objects with one member each, whose name is the object's
/// type.
fn parse(text: &str) -> Result<Section<Chain>> {
    let bad = |e| Error::failed(format!("{LINE}: {e}"));
    let said: Said = serde_json::from_str(text).map_err(bad)?;
    let mut all: BTreeMap<String, Chain> = BTreeMap::new();
    for (what, mut thing) in said.nftables.into_iter().flatten() {
        forget_passing(&mut thing);
        let text = |key: &str| thing.get(key).and_then(Value::as_str).unwrap_or_default();
        let place = format!("{} {}", text("family"), text("table"));
        let name = match what.as_str() {
            "metainfo" => continue,
            "rule" => format!("{place} chain {}", text("chain")),
            "table" => format!("table {} {}", text("family"), text("name")),
            _ => format!("{place} {what} {}", text("name")),
        };
        let entry = all.entry(name).or_insert_with(|| Chain {
            declared: Map::new(),
            rules: Vec::new(),
        });
        match what.as_str() {
            "rule" => entry.rules.push(rule(&thing)),
            _ => entry.declared = thing,
        }
    }
    Ok(section(all))
}

/// A rule as JSON in one line, its comment in front.
fn rule(rule: &Map<String, Value>) -> String {
    let expressions = rule.get("expr").map_or(String::new(), Value::to_string);
    match rule.get("comment").and_then(Value::as_str) {
        Some(comment) => format!("/* {comment} */ {expressions}"),
        None => expressions,
    }
}

fn forget_passing(thing: &mut Map<String, Value>) {
    thing.retain(|key, _| !PASSING.contains(&key.as_str()));
    thing.values_mut().for_each(forget_inside);
}

fn forget_inside(value: &mut Value) {
    match value {
        Value::Object(object) => forget_passing(object),
        Value::Array(all) => all.iter_mut().for_each(forget_inside),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// nftables 1.0.6, after a rule was added with iptables-nft and a table with nft.
    const SAID: &str = r#"{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
      {"table": {"family": "inet", "name": "qa", "handle": 3}},
      {"set": {"family": "inet", "name": "s", "table": "qa", "type": "ipv4_addr", "handle": 1,
        "flags": ["timeout"], "elem": [{"elem": {"val": "10.1.1.1", "timeout": 3600, "expires": 3598}}]}},
      {"chain": {"family": "inet", "table": "qa", "name": "c", "handle": 2, "type": "filter",
        "hook": "input", "prio": 0, "policy": "accept"}},
      {"rule": {"family": "inet", "table": "qa", "chain": "c", "handle": 4, "expr": [
        {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}},
        {"counter": {"packets": 7, "bytes": 40}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "qa", "chain": "c", "handle": 5, "comment": "mine",
        "expr": [{"drop": null}]}}]}"#;

    #[test]
    fn a_rule_set_as_nft_prints_it_without_what_it_counts() {
        let Section::There(all) = parse(SAID).unwrap() else {
            panic!("there is one")
        };
        let names: Vec<&str> = all.keys().map(String::as_str).collect();
        assert_eq!(names, ["inet qa chain c", "inet qa set s", "table inet qa"]);
        let chain = &all["inet qa chain c"];
        assert_eq!(chain.declared["policy"], "accept");
        assert!(!chain.declared.contains_key("handle"));
        assert!(
            chain.rules[0].ends_with(r#"{"counter":{}},{"accept":null}]"#),
            "{:?}",
            chain.rules
        );
        assert_eq!(chain.rules[1], r#"/* mine */ [{"drop":null}]"#);
        let set = &all["inet qa set s"].declared["elem"][0]["elem"];
        assert_eq!(
            set,
            &serde_json::json!({"val": "10.1.1.1", "timeout": 3600})
        );
    }

    #[test]
    fn what_is_no_rule_set_is_an_error() {
        assert!(parse("{}").is_err());
    }
}
