//! Differences as text for people.

use super::compare::{Change, Difference};
use serde_json::{Map, Value};
use std::fmt::Write;

/// The differences, grouped by kind: `+` before a thing that is left, `-` before one that is gone,
/// `~` before one that has changed, followed by its changed members.
pub fn tell(differences: &[Difference]) -> String {
    let mut text = String::new();
    let mut kind = "";
    for difference in differences {
        if difference.kind != kind {
            kind = difference.kind;
            let _ = writeln!(text, "{kind}");
        }
        one(difference, &mut text);
    }
    text
}

fn one(difference: &Difference, text: &mut String) {
    let sign = match difference.change {
        Change::Left => '+',
        Change::Gone => '-',
        Change::Changed => '~',
    };
    let _ = write!(text, "  {sign} {}", difference.name);
    match (&difference.before, &difference.after) {
        (Some(before), Some(after)) => changed(before, after, text),
        (Some(only), None) | (None, Some(only)) => {
            let short = short(&difference.name, only);
            if !short.is_empty() {
                let _ = write!(text, "  ({short})");
            }
            text.push('\n');
        }
        (None, None) => text.push('\n'),
    }
}

/// Adds the changed members, one a line; for a list, the lines that came and went.
fn changed(before: &Value, after: &Value, text: &mut String) {
    let none = Map::new();
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        let _ = writeln!(text, ": {} → {}", plain(before), plain(after));
        return;
    };
    text.push('\n');
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        match (old, new) {
            _ if old == new => {}
            (Some(Value::Array(old)), Some(Value::Array(new))) => lines(name, old, new, text),
            (Some(Value::Object(_)), _) | (_, Some(Value::Object(_))) => {
                let inside = |v: Option<&Value>| {
                    Value::Object(v.and_then(Value::as_object).unwrap_or(&none).clone())
                };
                let _ = write!(text, "      {name}");
                changed(&inside(old), &inside(new), text);
            }
            (Some(Value::String(old)), Some(Value::String(new)))
                if is_hash(name, old) && is_hash(name, new) =>
            {
                let _ = writeln!(text, "      {name}: another");
            }
            _ => {
                let shown = |v: Option<&Value>| v.map_or("none".to_owned(), plain);
                let _ = writeln!(text, "      {name}: {} → {}", shown(old), shown(new));
            }
        }
    }
}

/// Adds the lines that are in one of two lists only, each as often as it is there; says so when
/// only the order differs.
fn lines(name: &str, old: &[Value], new: &[Value], text: &mut String) {
    let only = |some: &[Value], others: &[Value]| {
        let mut others: Vec<&Value> = others.iter().collect();
        let mut only = some.to_vec();
        only.retain(|line| match others.iter().position(|o| *o == line) {
            Some(at) => {
                others.swap_remove(at);
                false
            }
            None => true,
        });
        only
    };
    let (gone, left) = (only(old, new), only(new, old));
    if gone.is_empty() && left.is_empty() {
        let _ = writeln!(text, "      {name}: in another order");
    }
    for (sign, some) in [('-', gone), ('+', left)] {
        for line in some {
            let _ = writeln!(text, "      {sign} {}", plain(&line).trim());
        }
    }
}

/// Whether a member is a hash, which says nothing to a person.
fn is_hash(name: &str, text: &str) -> bool {
    name == "content" && text.len() == 64
}

/// A string without quotes, any other value as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

/// The members in one line, without members that are empty or part of the name. Of a list with
/// several lines only their number is told.
fn short(named: &str, value: &Value) -> String {
    let Value::Object(members) = value else {
        return plain(value);
    };
    let said = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::Bool(false) => None,
        Value::Bool(true) => Some(name.clone()),
        Value::Array(all) if all.is_empty() => None,
        Value::Array(all) if all.len() > 1 => Some(format!("{name} {} lines", all.len())),
        Value::Array(all) => Some(format!("{name} {}", plain(&all[0]))),
        Value::Object(all) if all.is_empty() => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) if is_hash(name, text) => None,
        other if named.split(' ').any(|word| word == plain(other)) => None,
        other => Some(format!("{name} {}", plain(other))),
    };
    let all: Vec<String> = members.iter().filter_map(said).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn difference(name: &str, before: Option<Value>, after: Option<Value>) -> Difference {
        let change = match (&before, &after) {
            (Some(_), Some(_)) => Change::Changed,
            (Some(_), None) => Change::Gone,
            _ => Change::Left,
        };
        Difference {
            kind: "link",
            name: name.to_owned(),
            change,
            before,
            after,
        }
    }

    #[test]
    fn differences_read_as_a_list() {
        let all = [
            difference(
                "qa0",
                None,
                Some(json!({"mac": "02:00", "up": true, "master": null})),
            ),
            difference("qa1", Some(json!({})), None),
            difference(
                "file",
                Some(json!({"content": "a".repeat(64)})),
                Some(json!({"content": "b".repeat(64)})),
            ),
            difference(
                "to 10.0.0.0/8 dev qa0",
                None,
                Some(json!({"dev": "qa0", "scope": "link"})),
            ),
            difference(
                "eth0",
                Some(json!({"mtu": 1500, "up": true})),
                Some(json!({"mtu": 1400, "up": true})),
            ),
            difference(
                "filter INPUT",
                Some(json!({"rules": ["-j A", "-j B", "-j B"]})),
                Some(json!({"rules": ["-j B", "-j C"]})),
            ),
            difference(
                "order",
                Some(json!({"rules": ["a", "b"]})),
                Some(json!({"rules": ["b", "a"]})),
            ),
            difference("net.x", Some(json!("0")), Some(json!("1"))),
            difference(
                "tbf",
                Some(json!({"options": {"rate": 1}})),
                Some(json!({"options": {"rate": 2}})),
            ),
        ];
        assert_eq!(
            tell(&all),
            "\
link
  + qa0  (mac 02:00, up)
  - qa1
  ~ file
      content: another
  + to 10.0.0.0/8 dev qa0  (scope link)
  ~ eth0
      mtu: 1500 → 1400
  ~ filter INPUT
      - -j A
      - -j B
      + -j C
  ~ order
      rules: in another order
  ~ net.x: 0 → 1
  ~ tbf
      options
      rate: 1 → 2
"
        );
    }
}
