//! IPv6 of this host: whether there is any, which addresses are in use, and an address for a bridge.
//!
//! A bridge gets its address from us and not from libvirt. With an IPv6 address in a network's XML
//! libvirt switches IPv6 forwarding on for the whole host, and refuses to where the host has routes
//! by router advertisements, which the kernel would drop then (libvirt 9.0,
//! src/network/bridge_driver.c, networkEnableIPForwarding; src/util/virnetdevip.c,
//! virNetDevIPCheckIPv6Forwarding). Without one it switches IPv6 off on the bridge alone
//! (networkSetIPv6Sysctls). That setting and the address are the bridge's, and end with it.

use super::at::At;
use super::files;
use super::net::{Link, Route, json};
use crate::error::{Error, Result};
use ipnet::Ipv6Net;
use std::net::Ipv6Addr;
use std::path::Path;

const SETTINGS: &str = "/proc/sys/net/ipv6/conf";

/// Settings that switch IPv6 off, for all interfaces or for those that come.
const SWITCHES: [&str; 3] = [
    "/proc/sys/net/ipv6/conf/all/disable_ipv6",
    "/proc/sys/net/ipv6/conf/default/disable_ipv6",
    // What new network namespaces begin with (Linux, net/ipv6/af_inet6.c).
    "/sys/module/ipv6/parameters/disable_ipv6",
];

/// The reason why there is no IPv6 on this host; `None` where there is.
pub fn lacking() -> Option<String> {
    if !Path::new(SETTINGS).exists() {
        return Some("this host's kernel has none".to_owned());
    }
    let off = |path: &&&str| files::read_trimmed(path).is_some_and(|value| value != "0");
    let path = SWITCHES.iter().find(off)?;
    Some(format!("{path} switches it off on this host"))
}

/// The ranges of all interface addresses and of the routes in all tables. Routes to more than a
/// 65536th of all addresses are none: they are default routes, or lead to whole kinds of addresses.
///
/// # Errors
/// When ip(8) fails.
pub fn used(at: &dyn At) -> Result<Vec<Ipv6Net>> {
    let ip = |what: &[&str]| at.cmd("ip").args(["-json", "-6"]).args(what).ok(at.host());
    let routes: Vec<Route> = json(&ip(&["route", "show", "table", "all"])?, "ip route")?;
    let links: Vec<Link> = json(&ip(&["address", "show"])?, "ip address")?;
    let routes = routes.iter().filter_map(|route| range(&route.dst));
    let routes = routes.filter(|range| range.prefix_len() >= 16);
    let addresses = links.iter().flat_map(|link| &link.addr_info);
    let addresses = addresses.filter_map(|address| {
        let own = address.local.as_deref()?.parse().ok()?;
        Ipv6Net::new(own, address.prefixlen?).ok()
    });
    Ok(routes.chain(addresses).collect())
}

/// A destination as ip(8) prints it: a range, or one address.
fn range(text: &str) -> Option<Ipv6Net> {
    let one = || text.parse::<Ipv6Addr>().ok().map(Ipv6Net::from);
    text.parse().ok().or_else(one)
}

/// Gives a bridge an address with a prefix of 64 bits, at once: nobody else on it can have it, so
/// that the kernel need not look for a duplicate.
///
/// # Errors
/// When the kernel or ip(8) refuses.
pub fn on_bridge(at: &dyn At, bridge: &str, address: Ipv6Addr) -> Result<()> {
    let switch = Path::new(SETTINGS).join(bridge).join("disable_ipv6");
    std::fs::write(&switch, "0").map_err(|e| Error::io("write", &switch, e))?;
    let address = format!("{address}/64");
    at.cmd("ip")
        .args(["-6", "address", "replace", &address, "dev", bridge, "nodad"])
        .ok(at.host())
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_ip_prints_them() {
        let shown = |text: &str| range(text).map(|r| r.to_string());
        assert_eq!(shown("fd00::/64").as_deref(), Some("fd00::/64"));
        assert_eq!(shown("fd00::2").as_deref(), Some("fd00::2/128"));
        assert_eq!(shown("default"), None);
    }
}
