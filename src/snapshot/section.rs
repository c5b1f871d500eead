//! A section of a snapshot: all things of one kind, by name.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All things of one kind, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section<T> {
    /// The things that exist.
    There(BTreeMap<String, T>),
    /// The kind cannot be looked at here. The text says why: there is no such tool, or nothing
    /// answers the tool.
    NotThere(String),
}

/// A section of things by name. When two things have one name, the second gets a number behind it,
/// so that neither hides the other.
pub(super) fn section<T>(all: impl IntoIterator<Item = (String, T)>) -> Section<T> {
    let mut there = BTreeMap::new();
    for (name, thing) in all {
        let mut unique = name.clone();
        let mut number = 1;
        while there.contains_key(&unique) {
            number += 1;
            unique = format!("{name} ({number})");
        }
        there.insert(unique, thing);
    }
    Section::There(there)
}
