//! Which IPv4 addresses this host already uses (ip(8), JSON output).

use super::at::At;
use crate::error::{Error, Result};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// A range of addresses in use, and its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// An address in the range: the network's, or an interface's own.
    pub network: Ipv4Addr,
    /// The range's prefix length.
    pub prefix: u8,
    /// The user of the range, for messages.
    pub by: String,
}

/// A route as ip(8) prints it.
#[derive(Deserialize)]
pub(super) struct Route {
    pub(super) dst: String,
    dev: Option<String>,
}

/// An interface as ip(8) prints it.
#[derive(Deserialize)]
pub(super) struct Link {
    ifname: String,
    #[serde(default)]
    pub(super) addr_info: Vec<Address>,
}

/// An address as ip(8) prints it.
#[derive(Deserialize)]
pub(super) struct Address {
    pub(super) local: Option<String>,
    pub(super) prefixlen: Option<u8>,
}

/// The ranges of all interface addresses and of the routes in all tables, without default routes.
///
/// # Errors
/// When ip(8) fails.
pub fn used(at: &dyn At) -> Result<Vec<Used>> {
    let routes = at
        .cmd("ip")
        .args(["-json", "-4", "route", "show", "table", "all"])
        .ok(at.host())?;
    let addresses = at
        .cmd("ip")
        .args(["-json", "-4", "address", "show"])
        .ok(at.host())?;
    let mut all = parse_addresses(&addresses)?;
    all.extend(parse_routes(&routes)?);
    Ok(all)
}

/// Changes the route to a bridge's subnet so that the host acknowledges packets from there at once.
/// A TLS handshake of Pacemaker's is many small packets, and a delayed acknowledgement holds the
/// next one back for 40 ms, several times over (tcp(7), TCP_QUICKACK; ip-route(8), quickack). The
/// route is the kernel's own and vanishes with the bridge, and so does this change.
///
/// # Errors
/// When ip(8) refuses.
pub fn acknowledge_at_once(at: &dyn At, bridge: &str, subnet: &crate::spec::Subnet) -> Result<()> {
    let destination = format!("{}/{}", subnet.network(), subnet.prefix());
    let source = subnet.host().to_string();
    at.cmd("ip")
        .args(["-4", "route", "change", &destination, "dev", bridge])
        .args(["proto", "kernel", "scope", "link", "src", &source])
        .args(["quickack", "1"])
        .ok(at.host())
        .map(drop)
}

/// Adds permanent neighbour entries for containers on a bridge, as (IPv4 address, MAC address).
/// Permanent entries do not count against the limit of the neighbour table (see
/// [`super::container_net`]). They vanish with the bridge.
///
/// # Errors
/// When ip(8) refuses.
pub fn know_neighbours(at: &dyn At, bridge: &str, all: &[(Ipv4Addr, String)]) -> Result<()> {
    let line = |(address, mac): &(Ipv4Addr, String)| {
        format!("neigh replace {address} lladdr {mac} nud permanent dev {bridge}\n")
    };
    let lines: String = all.iter().map(line).collect();
    at.cmd("ip")
        .args(["-batch", "-"])
        .stdin(lines)
        .ok(at.host())
        .map(drop)
}

/// Names of all network interfaces.
pub fn links() -> Vec<String> {
    std::fs::read_dir("/sys/class/net")
        .map(|dir| {
            dir.flatten()
                .map(|e| e.file_name().to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default()
}

fn parse_routes(text: &str) -> Result<Vec<Used>> {
    let routes: Vec<Route> = json(text, "ip route")?;
    Ok(routes
        .into_iter()
        .filter_map(|route| {
            let one_address = || route.dst.parse::<Ipv4Addr>().map(Ipv4Net::from);
            let subnet = route.dst.parse::<Ipv4Net>();
            let destination = subnet.or_else(|_| one_address()).ok()?;
            Some(Used {
                network: destination.addr(),
                prefix: destination.prefix_len(),
                by: format!(
                    "the route to {} through {}",
                    route.dst,
                    route.dev.as_deref().unwrap_or("nothing")
                ),
            })
        })
        // 0.0.0.0/1 and 128.0.0.0/1 are how some VPNs write a default route.
        .filter(|used| used.prefix > 1)
        .collect())
}

fn parse_addresses(text: &str) -> Result<Vec<Used>> {
    let links: Vec<Link> = json(text, "ip address")?;
    Ok(links
        .into_iter()
        .flat_map(|link| {
            let name = link.ifname;
            link.addr_info.into_iter().filter_map(move |address| {
                let network: Ipv4Addr = address.local?.parse().ok()?;
                let prefix = address.prefixlen?;
                Some(Used {
                    network,
                    prefix,
                    by: format!("address {network}/{prefix} of {name}"),
                })
            })
        })
        .collect())
}

/// What ip(8) prints with `-json`.
pub(super) fn json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<Vec<T>> {
    // ip prints nothing at all, not an empty list, when there is nothing.
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(text).map_err(|e| Error::failed(format!("{what}: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_and_addresses_as_ip_prints_them() {
        let routes = r#"[{"dst":"default","gateway":"10.0.0.1","dev":"eth0","flags":[]},
            {"dst":"192.168.123.0/24","dev":"virbr0","protocol":"kernel","flags":[]},
            {"type":"local","dst":"10.0.0.9","dev":"eth0","table":"local","flags":[]}]"#;
        let used = parse_routes(routes).unwrap();
        assert_eq!(used.len(), 2);
        assert_eq!(used[0].by, "the route to 192.168.123.0/24 through virbr0");
        assert_eq!(used[1].prefix, 32);
        let addresses = r#"[{"ifindex":1,"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},{"ifname":"x"}]"#;
        assert_eq!(
            parse_addresses(addresses).unwrap()[0].by,
            "address 127.0.0.1/8 of lo"
        );
        assert!(parse_routes("").unwrap().is_empty());
    }
}
