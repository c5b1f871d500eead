//! Questions to tools that may not be installed.

use super::section::Section;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use serde::de::DeserializeOwned;

/// The output of a tool, or `None` where it is not installed.
///
/// # Errors
/// When the tool is installed and fails.
pub(super) fn said(host: &Host, line: &str) -> Result<Option<String>> {
    let mut words = line.split(' ');
    let program = words.next().unwrap_or_default();
    if which::which(program).is_err() {
        return Ok(None);
    }
    Cmd::new(program).args(words).ok(host).map(Some)
}

/// The list that a tool prints as JSON; `None` where the tool is not installed.
pub(super) fn list<T: DeserializeOwned>(host: &Host, line: &str) -> Result<Option<Vec<T>>> {
    let Some(text) = said(host, line)? else {
        return Ok(None);
    };
    parse(&text, line).map(Some)
}

/// Parses a list. iproute2 prints nothing at all, not even an empty list, when there is nothing;
/// and some versions put an empty object into the list for each entry that they left out.
pub(super) fn parse<T: DeserializeOwned>(text: &str, line: &str) -> Result<Vec<T>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let bad = |e| Error::failed(format!("{line}: {e}"));
    let mut all: Vec<serde_json::Value> = serde_json::from_str(text).map_err(bad)?;
    all.retain(|v| v.as_object().is_none_or(|o| !o.is_empty()));
    let typed = all.into_iter().map(serde_json::from_value);
    typed.collect::<std::result::Result<_, _>>().map_err(bad)
}

/// The section of a kind whose tool is not installed.
pub(super) fn not_there<T>(line: &str) -> Section<T> {
    let program = line.split(' ').next().unwrap_or_default();
    Section::NotThere(format!("{program} is not installed"))
}

/// Whether the kernel has IPv6.
pub(super) fn has_ipv6() -> bool {
    std::path::Path::new("/proc/sys/net/ipv6").exists()
}
