//! What pcs and its daemon have in the nodes.

use super::Lab;
use crate::plan::{Machine, dir, owned_file};
use crate::rootfs::{Content, Entry, Owner};

/// By which pcs and its daemon know people and each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The token by which pcs on each node is let in by pcsd on all.
    pub token: String,
    /// The hash of hacluster's password, as crypt(5) has it.
    pub hash: String,
}

/// What `pcs host auth` leaves on every node: the tokens that pcsd lets in, and the one to go to each
/// host with (pcs 0.11.5, pcs/lib/auth/config/types.py; pcsd/config.rb, CfgKnownHosts).
pub(super) fn files(lab: &Lab, pcs: &Keys) -> Vec<Entry> {
    let users = serde_json::json!([{
        "token": pcs.token,
        "username": "hacluster",
        "creation_date": "2026-01-01 00:00:00 +0000",
    }]);
    let hosts = known_hosts(lab, &pcs.token);
    let secret = |path: &str, text: String| {
        let path = path.trim_start_matches('/');
        let bytes = Content::Bytes(text.into_bytes());
        owned_file(path, bytes, 0o600, Owner::Root)
    };
    let mut entries = vec![
        dir("var/lib/pcsd", 0o700, Owner::Root),
        dir("var/log/pcsd", 0o755, Owner::Root),
    ];
    // Where no cluster is configured, people begin with pcs host auth.
    if !lab.spec.bare {
        entries.push(secret(
            "/var/lib/pcsd/pcs_users.conf",
            format!("{users:#}\n"),
        ));
        entries.push(secret(KNOWN_HOSTS, hosts));
    }
    entries
}

/// Path in the nodes of the file by which pcs goes to the others.
pub const KNOWN_HOSTS: &str = "/var/lib/pcsd/known-hosts";

/// The text of [`KNOWN_HOSTS`], for all nodes with pcsd.
pub fn known_hosts(lab: &Lab, token: &str) -> String {
    const PORT: u16 = 2224;
    let host = |node: &Machine| {
        let to = serde_json::json!({
            "dest_list": [{"addr": node.name, "port": PORT}],
            "token": token,
        });
        (node.name.clone(), to)
    };
    let hosts: serde_json::Map<_, _> = lab.with_pcsd().iter().map(host).collect();
    let hosts = serde_json::json!({
        "format_version": 1,
        // pcsd spreads the file with the greatest; all nodes of a lab get theirs from us.
        "data_version": 1,
        "known_hosts": hosts,
    });
    format!("{hosts:#}\n")
}
