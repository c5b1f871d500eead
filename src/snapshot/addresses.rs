//! Addresses of network links.

use super::section::{Section, section};
use super::tool::{list, not_there};
use crate::error::Result;
use crate::host::Host;
use serde::{Deserialize, Serialize};

/// An address. Its name in a snapshot is its link and itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    scope: String,
}

#[derive(Deserialize)]
struct Link {
    ifname: String,
    #[serde(default)]
    addr_info: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    local: Option<String>,
    /// On a point-to-point link, the address of the other side.
    address: Option<String>,
    prefixlen: Option<u8>,
    #[serde(default)]
    scope: String,
    /// Whether the kernel replaces the address every few hours (RFC 8981).
    #[serde(default)]
    temporary: bool,
}

const LINE: &str = "ip -json address show";

pub(super) fn look(host: &Host) -> Result<Section<Address>> {
    Ok(list(host, LINE)?.map_or_else(|| not_there(LINE), |all| section(addresses(all))))
}

fn addresses(links: Vec<Link>) -> Vec<(String, Address)> {
    let of_link = |link: Link| {
        let kept = link.addr_info.into_iter().filter(|a| !a.temporary);
        kept.filter_map(move |said| {
            let local = said.local?;
            let other = said.address.map_or(String::new(), |a| format!(" peer {a}"));
            let prefix = said.prefixlen?;
            let name = format!("{} {local}{other}/{prefix}", link.ifname);
            Some((name, Address { scope: said.scope }))
        })
    };
    links.into_iter().flat_map(of_link).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_ip_prints_them_without_those_that_pass() {
        // iproute2 6.1, shortened.
        let text = r#"[{"ifname":"qa0","addr_info":[
            {"family":"inet","local":"10.9.9.1","prefixlen":24,"scope":"global","label":"qa0",
             "valid_life_time":4294967295},
            {"family":"inet6","local":"fd00::9","prefixlen":64,"scope":"global","temporary":true},
            {"family":"inet6","local":"fe80::70d1:eff:feb4:95c","prefixlen":64,"scope":"link",
             "tentative":true}]},{}]"#;
        let all = addresses(super::super::tool::parse(text, LINE).unwrap());
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["qa0 10.9.9.1/24", "qa0 fe80::70d1:eff:feb4:95c/64"]);
        assert_eq!(all[0].1.scope, "global");
    }
}
