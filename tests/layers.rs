//! The rooms of `src/` use each other from the top of CONTRIBUTING's table downwards, and no files
//! use each other in a circle.
//!
//! What a file uses is read from its text: every path that begins with `crate::`, `super::` or
//! `self::`, in `use` lines and elsewhere, is followed to the file that it leads into. Unit tests are
//! left out: they may build their samples with whatever there is.
//!
//! Long because it is one reader of the code and the few questions put to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms in the order of the table, from the top.
fn rooms() -> Vec<String> {
    let text = fs::read_to_string("CONTRIBUTING.md").unwrap();
    let table = text.split("| Room | What belongs there |").nth(1).unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        let cell = row.split('|').nth(1).unwrap();
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(room_name)
            .collect::<Vec<_>>()
    })
    .collect()
}

/// `src/host/` and `src/state.rs` as their modules are called.
fn room_name(place: &str) -> String {
    let name = place.trim_start_matches("src/").trim_end_matches('/');
    name.trim_end_matches(".rs").to_owned()
}

/// A file of the crate, and its module path: `src/lab/mod.rs` is `lab`.
fn modules() -> BTreeMap<String, PathBuf> {
    walkdir::WalkDir::new("src")
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .filter(|path| !path.ends_with("tests.rs"))
        .map(|path| {
            let inside = path.strip_prefix("src").unwrap().with_extension("");
            let parts: Vec<_> = inside.iter().map(|p| p.to_string_lossy()).collect();
            let name = parts.join("::");
            let name = name.strip_suffix("::mod").unwrap_or(&name).to_owned();
            (name, path)
        })
        .collect()
}

/// The text without comments, strings and unit tests.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let tests = text.find("#[cfg(test)]").unwrap_or(text.len());
    let lines = text[..tests].lines().map(|line| {
        let code = line.split("//").next().unwrap();
        code.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every path in the code, with nested braces of `use` spelt out.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let mut prefix = Vec::new();
            spell_out(&code[at..], &mut prefix, &mut found);
        }
    }
    found
}

/// Reads one path, or a list of them in braces; gives back how many bytes were read.
fn spell_out(text: &str, prefix: &mut Vec<String>, found: &mut Vec<String>) -> usize {
    let depth = prefix.len();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        if let Some(inner) = rest.strip_prefix('{') {
            at += text.len() - at - inner.len();
            loop {
                at += text[at..].len() - text[at..].trim_start().len();
                match text[at..].chars().next() {
                    Some(',') => at += 1,
                    Some('}') => {
                        at += 1;
                        break;
                    }
                    Some(_) => {
                        let read = spell_out(&text[at..], prefix, found);
                        if read == 0 {
                            break;
                        }
                        at += read;
                    }
                    None => break,
                }
            }
            break;
        }
        let word: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        at += word.len();
        if !word.is_empty() {
            prefix.push(word);
        }
        if let Some(after) = text[at..].strip_prefix("::") {
            at = text.len() - after.len();
            continue;
        }
        found.push(prefix.join("::"));
        // An "as NAME" behind it.
        if let Some(alias) = text[at..].strip_prefix(" as ") {
            let name = alias
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_');
            at += 4 + name.count();
        }
        break;
    }
    prefix.truncate(depth);
    at
}

/// The module a path leads into, as seen from another: the longest known beginning.
fn lead<'a>(from: &str, path: &str, known: &'a BTreeMap<String, PathBuf>) -> Option<&'a str> {
    let own: Vec<&str> = from.split("::").collect();
    let mut words: Vec<&str> = path.split("::").collect();
    let mut base: Vec<&str> = match words[0] {
        "crate" => Vec::new(),
        _ => own,
    };
    while let Some(first) = words.first() {
        match *first {
            "crate" | "self" => {}
            "super" => {
                base.pop();
            }
            _ => break,
        }
        words.remove(0);
    }
    base.extend(words);
    while !base.is_empty() {
        if let Some((name, _)) = known.get_key_value(&base.join("::")) {
            return Some(name);
        }
        base.pop();
    }
    None
}

/// Which modules each module uses.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let known = modules();
    let uses = |name: &str, path: &Path| {
        let code = code_of(path);
        let led = paths(&code).into_iter();
        led.filter_map(|path| lead(name, &path, &known).map(str::to_owned))
            .filter(|other| other != name)
            .collect::<BTreeSet<_>>()
    };
    known
        .iter()
        .map(|(name, path)| (name.clone(), uses(name, path)))
        .collect()
}

fn room_of(module: &str) -> &str {
    module.split("::").next().unwrap()
}

#[test]
fn every_room_has_its_place_in_the_order() {
    let rooms = rooms();
    for module in modules().keys() {
        let room = room_of(module);
        assert!(
            rooms.iter().any(|r| r == room),
            "{room} is not in CONTRIBUTING's table of rooms"
        );
    }
    let distinct: BTreeSet<&String> = rooms.iter().collect();
    assert_eq!(
        distinct.len(),
        rooms.len(),
        "a room stands twice: {rooms:?}"
    );
}

#[test]
fn no_arrow_goes_up_between_rooms() {
    let rooms = rooms();
    let floor = |module: &str| rooms.iter().position(|r| r == room_of(module)).unwrap();
    let mut up = Vec::new();
    let mut seen = 0;
    for (from, all) in arrows() {
        for to in all {
            seen += 1;
            if floor(&to) < floor(&from) {
                up.push(format!("{from} uses {to}, whose room stands above"));
            }
        }
    }
    // The reader of paths has not gone blind: there are several hundred.
    assert!(seen > 300, "only {seen} arrows were read");
    assert!(up.is_empty(), "{}", up.join("\n"));
}

#[test]
fn no_verb_uses_another() {
    let mut found = Vec::new();
    for (from, all) in arrows() {
        for to in all {
            let verbs = [&from, &to].map(|m| m.starts_with("commands::"));
            // A folder of verbs names its files.
            if verbs == [true, true] && !to.starts_with(&format!("{from}::")) {
                found.push(format!("{from} uses {to}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A file of a room may use what the room's `mod.rs` tells of itself, and that names its files: such
/// arrows between a parent and its own files are no circle.
#[test]
fn files_do_not_use_each_other_in_a_circle() {
    let all = arrows();
    let kin =
        |a: &str, b: &str| a.starts_with(&format!("{b}::")) || b.starts_with(&format!("{a}::"));
    let next = |from: &str| {
        let to = all.get(from).into_iter().flatten();
        let from = from.to_owned();
        to.filter(move |to| !kin(&from, to))
            .cloned()
            .collect::<Vec<_>>()
    };
    let mut circles = Vec::new();
    for start in all.keys() {
        // The shortest way back to the start.
        let mut ways = vec![vec![start.clone()]];
        let mut visited = BTreeSet::new();
        while let Some(way) = ways.pop() {
            for to in next(way.last().unwrap()) {
                if to == *start {
                    circles.push(way.join(" → "));
                } else if to > *start && visited.insert(to.clone()) {
                    let mut longer = way.clone();
                    longer.push(to);
                    ways.insert(0, longer);
                }
            }
        }
    }
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn paths_are_read_as_rust_reads_them() {
    let code = "use crate::a::{b, c::{self, d}, e as f};\nlet x = super::g::h(1);\nself::i();";
    let mut found = paths(code);
    found.sort();
    let expected = [
        "crate::a::b",
        "crate::a::c::d",
        "crate::a::c::self",
        "crate::a::e",
    ];
    assert_eq!(found[..4], expected);
    assert_eq!(found[4..], ["self::i", "super::g::h"]);
    let known: BTreeMap<String, PathBuf> = ["a", "a::c", "lab", "lab::up"]
        .map(|m| (m.to_owned(), PathBuf::new()))
        .into();
    assert_eq!(lead("lab::up", "crate::a::c::d", &known), Some("a::c"));
    assert_eq!(lead("lab::up", "super::Lab", &known), Some("lab"));
    assert_eq!(lead("lab", "super::a::X", &known), Some("a"));
}

/// The head of a long file says why it is one: "Long because …".
#[test]
fn long_files_have_a_reason_in_their_heads() {
    const LONGEST: usize = 300;
    let mut without = Vec::new();
    for top in ["src", "tests", "examples"] {
        for entry in walkdir::WalkDir::new(top).into_iter().flatten() {
            if entry.path().extension().is_none_or(|e| e != "rs") {
                continue;
            }
            let text = fs::read_to_string(entry.path()).unwrap();
            let lines = text.lines().count();
            let mut head = text.lines().take_while(|line| line.starts_with("//!"));
            if lines > LONGEST && !head.any(|line| line.contains("Long because")) {
                without.push(format!("{} has {lines} lines", entry.path().display()));
            }
        }
    }
    assert!(without.is_empty(), "{}", without.join("\n"));
}
