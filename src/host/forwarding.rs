//! IPv4 forwarding. libvirt switches it on when it starts a network that forwards (libvirt 9.0,
//! src/network/bridge_driver.c, networkEnableIPForwarding), and never switches it off.
//!
//! Writing `ip_forward` changes other settings too: every `conf/*/forwarding`, and
//! `conf/all/accept_redirects` (Linux, net/ipv4/devinet.c, inet_forward_change).

use super::files;
use crate::error::{Error, Result};
use std::path::{Component, Path, PathBuf};

/// The file that switches IPv4 forwarding for the whole network namespace.
pub const SWITCH: &str = "/proc/sys/net/ipv4/ip_forward";
const INTERFACES: &str = "/proc/sys/net/ipv4/conf";
/// Those of each interface.
const SETTINGS: [&str; 2] = ["forwarding", "accept_redirects"];

/// The settings that switching forwarding on can change, with their present values; `None` when it
/// is on already.
pub fn before() -> Option<Vec<(PathBuf, String)>> {
    let switch = files::read_trimmed(SWITCH)?;
    if switch == "1" {
        return None;
    }
    let mut settings = vec![(PathBuf::from(SWITCH), switch)];
    for entry in std::fs::read_dir(INTERFACES).ok()?.flatten() {
        for name in SETTINGS {
            let path = entry.path().join(name);
            if let Some(value) = files::read_trimmed(&path) {
                settings.push((path, value));
            }
        }
    }
    Some(settings)
}

/// Interfaces that forward now and did not exist when the settings were read.
pub fn interfaces_since(settings: &[(PathBuf, String)]) -> Vec<String> {
    let entries = std::fs::read_dir(INTERFACES)
        .into_iter()
        .flatten()
        .flatten();
    entries
        .map(|e| e.path().join("forwarding"))
        .filter(|path| !settings.iter().any(|(known, _)| known == path))
        .filter(|path| files::read_trimmed(path).as_deref() == Some("1"))
        .filter_map(|path| {
            path.parent()?
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
        })
        .collect()
}

/// The bridge that an interface is a port of.
pub fn bridge(interface: &str) -> Option<String> {
    let master = format!("/sys/class/net/{interface}/master");
    let master = std::fs::read_link(master).ok()?;
    Some(master.file_name()?.to_string_lossy().into_owned())
}

/// Whether this is one of the settings, with a value that it can have.
pub fn is_setting(path: &Path, value: &str) -> bool {
    let is_number =
        !value.is_empty() && value.len() < 3 && value.bytes().all(|b| b.is_ascii_digit());
    if path == Path::new(SWITCH) {
        return is_number;
    }
    let rest = path
        .strip_prefix(INTERFACES)
        .map(|it| it.components().collect::<Vec<_>>());
    let is_known = match rest.as_deref() {
        Ok([Component::Normal(_), Component::Normal(name)]) => SETTINGS.iter().any(|it| it == name),
        _ => false,
    };
    is_number && is_known
}

/// Writes the settings back. Settings of interfaces that are gone are passed over.
///
/// # Errors
/// When the kernel refuses.
pub fn restore(settings: &[(PathBuf, String)]) -> Result<()> {
    for (path, value) in settings {
        if files::read_trimmed(path).is_none_or(|now| now == *value) {
            continue;
        }
        std::fs::write(path, value).map_err(|e| Error::io("write", Path::new(path), e))?;
    }
    Ok(())
}
