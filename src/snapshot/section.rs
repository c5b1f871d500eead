//! Things of one kind, by name.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All things of one kind, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section<T> {
    /// What there is.
    There(BTreeMap<String, T>),
    /// It cannot be looked at here, and why: no such tool, or nothing that answers it.
    NotThere(String),
}

/// A section of things by name. Of two with one name the second gets a number behind it, so that
/// neither hides the other.
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
