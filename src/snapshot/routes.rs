//! Routes of all tables, the rules that choose between tables, and permanent neighbour entries.

use super::section::{Section, section};
use super::tool::{has_ipv6, list, not_there};
use crate::error::Result;
use crate::host::Host;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A route. Its name in a snapshot is made of type, destination, gateway, link, table and metric.
pub type Route = Map<String, Value>;
/// A rule. Its priority is its name in a snapshot.
pub type Rule = Map<String, Value>;

/// A permanent neighbour entry. Its name in a snapshot is its link and address. Entries that the
/// kernel finds by itself come and go and are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    mac: Option<String>,
}

const NEIGHBOURS: &str = "ip -json neighbour show nud permanent";

pub(super) fn routes(host: &Host) -> Result<Section<Route>> {
    let all = of_families(host, "route show table all")?;
    Ok(all.map_or_else(
        || not_there("ip"),
        |all| section(all.into_iter().map(route)),
    ))
}

pub(super) fn rules(host: &Host) -> Result<Section<Rule>> {
    let all = of_families(host, "rule show")?;
    Ok(all.map_or_else(|| not_there("ip"), |all| section(all.into_iter().map(rule))))
}

/// The routes or rules of each address family. Without a family ip shows routes of both, but rules
/// of IPv4 only.
fn of_families(host: &Host, what: &str) -> Result<Option<Vec<(&'static str, Route)>>> {
    let mut all = Vec::new();
    for (family, option) in [("ipv4", "-4"), ("ipv6", "-6")] {
        if option == "-6" && !has_ipv6() {
            continue;
        }
        match list(host, &format!("ip -json {option} {what}"))? {
            Some(some) => all.extend(some.into_iter().map(|one| (family, one))),
            None => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// A route without the time that the kernel counts down (a route from a router expires), and
/// without flags for the present state of the link.
fn route((family, mut all): (&str, Route)) -> (String, Route) {
    all.remove("expires");
    if let Some(Value::Array(flags)) = all.get_mut("flags") {
        flags.retain(|f| f != "linkdown" && f != "dead");
    }
    let text = |key: &str| match all.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
        None => None,
    };
    let mut name = family.to_owned();
    for (word, key) in [
        ("", "type"),
        ("", "dst"),
        (" via", "gateway"),
        (" dev", "dev"),
        (" table", "table"),
        (" metric", "metric"),
    ] {
        if let Some(text) = text(key) {
            name.push_str(&format!("{word} {text}"));
        }
    }
    (name, all)
}

fn rule((family, all): (&str, Rule)) -> (String, Rule) {
    let priority = all.get("priority").map_or(String::new(), Value::to_string);
    (format!("{family} {priority}"), all)
}

pub(super) fn neighbours(host: &Host) -> Result<Section<Neighbour>> {
    let all = list(host, NEIGHBOURS)?;
    Ok(all.map_or_else(
        || not_there(NEIGHBOURS),
        |all| section(all.into_iter().map(neighbour)),
    ))
}

#[derive(Deserialize)]
struct Said {
    dst: String,
    dev: String,
    lladdr: Option<String>,
}

fn neighbour(said: Said) -> (String, Neighbour) {
    let name = format!("{} {}", said.dev, said.dst);
    (name, Neighbour { mac: said.lladdr })
}

#[cfg(test)]
mod tests {
    use super::super::tool::parse;
    use super::*;

    #[test]
    fn routes_as_ip_prints_them_without_what_passes() {
        // iproute2 6.1.
        let text = r#"[{"type":"blackhole","dst":"10.7.0.0/16","flags":[]},
            {"dst":"10.8.0.0/16","gateway":"10.9.9.2","dev":"qa0","flags":["linkdown","onlink"]},
            {"type":"multicast","dst":"ff00::/8","dev":"qa2","table":"local","protocol":"kernel",
             "metric":256,"expires":1790,"flags":[],"pref":"medium"}]"#;
        let all: Vec<Route> = parse(text, "ip route").unwrap();
        let all: Vec<_> = all.into_iter().map(|r| route(("ipv4", r))).collect();
        assert_eq!(all[0].0, "ipv4 blackhole 10.7.0.0/16");
        assert_eq!(all[1].0, "ipv4 10.8.0.0/16 via 10.9.9.2 dev qa0");
        assert_eq!(all[1].1["flags"], serde_json::json!(["onlink"]));
        assert_eq!(
            all[2].0,
            "ipv4 multicast ff00::/8 dev qa2 table local metric 256"
        );
        assert!(!all[2].1.contains_key("expires"));
    }

    #[test]
    fn rules_and_neighbours_as_ip_prints_them() {
        let text = r#"[{"priority":500,"src":"10.9.9.0","srclen":24,"table":"77"}]"#;
        let mut rules: Vec<Rule> = parse(text, "ip rule").unwrap();
        let (name, all) = rule(("ipv4", rules.remove(0)));
        assert_eq!((name.as_str(), &all["table"]), ("ipv4 500", &"77".into()));
        let text = r#"[{"dst":"10.9.9.2","dev":"qa0","lladdr":"02:00:00:00:00:02","state":["PERMANENT"]}]"#;
        let mut said: Vec<Said> = parse(text, NEIGHBOURS).unwrap();
        let (name, one) = neighbour(said.remove(0));
        assert_eq!(name, "qa0 10.9.9.2");
        assert_eq!(one.mac.as_deref(), Some("02:00:00:00:00:02"));
    }
}
