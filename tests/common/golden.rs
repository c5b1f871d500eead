//! A journal in the very words of version 0.1.0, as `tests/data` has them.

use serde_json::{Map, Value};
use std::path::Path;

const GOLDEN: &str = include_str!("../data/journal-0.1.0.jsonl");

/// Kinds of records that 0.1.0 did not have. It changed the same things in other ways.
const LATER: &[&str] = &["monitors"];

/// Writes a journal anew as 0.1.0 would have written it: with the fields of its records, in their
/// order, and without kinds that it did not have. Gives back the kinds of what is outstanding.
///
/// # Panics
/// When a record has other fields than 0.1.0's.
#[track_caller]
pub fn as_0_1_0_wrote_it(journal: &Path) -> Vec<String> {
    let now = std::fs::read_to_string(journal).unwrap();
    let mut text = String::new();
    let mut outstanding = Map::new();
    for line in now.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        if let Some(record) = value.get("do") {
            let kind = record["undo"]["undo"].as_str().unwrap().to_owned();
            if LATER.contains(&kind.as_str()) {
                continue;
            }
            text += &of_record(record, &kind);
            outstanding.insert(record["seq"].to_string(), kind.into());
        } else {
            let seqs = value["undone"]["seqs"].as_array().unwrap();
            text += &format!("{{\"undone\":{{\"seqs\":{}}}}}\n", value["undone"]["seqs"]);
            seqs.iter()
                .for_each(|seq| drop(outstanding.remove(&seq.to_string())));
        }
    }
    // In place: nobody but its owner may read it, and the lock beside it is of that directory.
    std::fs::write(journal, text).unwrap();
    let kinds = outstanding.into_iter().map(|(_, kind)| kind);
    kinds
        .map(|kind| kind.as_str().unwrap().to_owned())
        .collect()
}

fn of_record(record: &Value, kind: &str) -> String {
    let start = format!(r#""undo":{{"undo":"{kind}""#);
    let golden = GOLDEN.lines().find(|line| line.contains(&start));
    let golden = golden.unwrap_or_else(|| panic!("0.1.0 had no {kind}"));
    let like: Value = serde_json::from_str(golden).unwrap();
    let place = |field: &str| golden.rfind(&format!("\"{field}\":"));
    let mut fields: Vec<&String> = like["do"]["undo"].as_object().unwrap().keys().collect();
    fields.sort_by_key(|field| {
        if *field == "undo" {
            Some(0)
        } else {
            place(field)
        }
    });
    let undo = record["undo"].as_object().unwrap();
    let (mut wanted, mut has): (Vec<&String>, Vec<&String>) =
        (fields.clone(), undo.keys().collect());
    wanted.sort();
    has.sort();
    assert_eq!(has, wanted, "fields of {kind}");
    let field = |name: &&String| format!("{}:{}", Value::from(name.as_str()), undo[name.as_str()]);
    let fields: Vec<String> = fields.iter().map(field).collect();
    format!(
        "{{\"do\":{{\"seq\":{},\"undo\":{{{}}}}}}}\n",
        record["seq"],
        fields.join(",")
    )
}
