//! A lab's IPv6 addresses, besides those of IPv4 on every link: unique local ones (RFC 4193), by
//! which this host and the nodes reach each other and nobody else.

use super::Lab;
use crate::context::Context;
use crate::error::Result;
use crate::host::ipv6;
use crate::spec::Subnet;
use ipnet::Ipv6Net;
use std::net::{Ipv4Addr, Ipv6Addr};

/// First 16 bits of the prefixes tried: unique local ones that are nobody's by chance.
const STARTS: std::ops::RangeInclusive<u16> = 0xfd6c..=0xfd7b;

/// The lab's prefix of 48 bits: the first free one that has the IPv4 network's four numbers behind
/// its beginning. `None` where this host has no IPv6, which is said in a line.
pub(super) fn choose(context: &Context, subnet: &Subnet) -> Option<Ipv6Addr> {
    free(context, subnet)
        .map_err(|why| {
            let line = format!("the nodes have no IPv6 addresses: {why}");
            context.report.line(line);
        })
        .ok()
}

/// The kept lab's prefix, unless this host has no IPv6 any more, which is said in a line.
pub(super) fn kept(context: &Context, prefix: Option<Ipv6Addr>) -> Option<Ipv6Addr> {
    let why = prefix.and_then(|_| ipv6::lacking());
    if let Some(why) = &why {
        let line = format!("the nodes have no IPv6 addresses from now on: {why}");
        context.report.line(line);
    }
    prefix.filter(|_| why.is_none())
}

fn free(context: &Context, subnet: &Subnet) -> std::result::Result<Ipv6Addr, String> {
    if let Some(why) = ipv6::lacking() {
        return Err(why);
    }
    let used = ipv6::used(&context.host).map_err(|e| e.message().to_owned())?;
    first_free(subnet, &used).ok_or_else(|| "no prefix is free here".to_owned())
}

fn first_free(subnet: &Subnet, used: &[Ipv6Net]) -> Option<Ipv6Addr> {
    let [a, b, c, d] = subnet.network().octets();
    let [high, low] = [[a, b], [c, d]].map(u16::from_be_bytes);
    let mut all = STARTS.map(|start| Ipv6Addr::new(start, high, low, 0, 0, 0, 0, 0));
    let is_free = |prefix: &Ipv6Addr| {
        let ours = Ipv6Net::new_assert(*prefix, 48);
        used.iter()
            .all(|other| !ours.contains(&other.network()) && !other.contains(prefix))
    };
    all.find(is_free)
}

impl Lab {
    /// The IPv6 address that goes with an IPv4 address on a link, with a prefix of 64 bits: behind
    /// the lab's prefix the link's number, then the IPv4 address' four numbers as they are written.
    pub fn ipv6_of(&self, link: u16, address: Ipv4Addr) -> Option<Ipv6Addr> {
        let [a, b, c, ..] = self.ipv6?.segments();
        // A number of up to three digits, read as if they were hexadecimal ones.
        let [e, f, g, h] = address
            .octets()
            .map(|n| u16::from(n) / 100 * 256 + u16::from(n) / 10 % 10 * 16 + u16::from(n) % 10);
        Some(Ipv6Addr::new(a, b, c, link, e, f, g, h))
    }
}

/// Gives the bridges of the lab's links their addresses. Where that fails this host does not reach
/// the nodes by IPv6, which is said in a line; they reach each other.
pub(super) fn on_bridges(context: &Context, lab: &Lab) {
    let each = |(number, link): (u16, super::network::Link)| -> Result<()> {
        match lab.ipv6_of(number, link.subnet.host()) {
            Some(address) => ipv6::on_bridge(&context.host, &link.name, address),
            None => Ok(()),
        }
    };
    if let Err(e) = (0..).zip(lab.links()).try_for_each(each) {
        let line = format!(
            "this host does not reach the nodes by IPv6: {}",
            e.message()
        );
        context.report.line(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::with_two_links;

    #[test]
    fn addresses_follow_from_those_of_ipv4_and_are_distinct_on_each_link() {
        let mut lab = with_two_links(1, 0);
        assert_eq!(lab.ipv6_of(0, lab.subnet.host()), None);
        lab.ipv6 = first_free(&lab.subnet, &[]);
        let shown = |link, address: &str| {
            let address = lab.ipv6_of(link, address.parse().unwrap());
            address.unwrap().to_string()
        };
        assert_eq!(shown(0, "172.31.200.11"), "fd6c:ac1f:c800:0:172:31:200:11");
        assert_eq!(
            shown(1, "172.31.201.255"),
            "fd6c:ac1f:c800:1:172:31:201:255"
        );
        assert_eq!(shown(0, "10.9.0.1"), "fd6c:ac1f:c800:0:10:9:0:1");
    }

    #[test]
    fn what_is_in_use_is_passed_over() {
        let subnet = Subnet::parse("172.31.200.1/24", 1).unwrap();
        let first = |used: &[&str]| {
            let used: Vec<Ipv6Net> = used.iter().map(|u| u.parse().unwrap()).collect();
            first_free(&subnet, &used).map(|prefix| prefix.to_string())
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(first(&["fd00::/64", "fe80::/64"]), is("fd6c:ac1f:c800::"));
        assert_eq!(first(&["fd6c:ac1f:c800:7::/64"]), is("fd6d:ac1f:c800::"));
        assert_eq!(
            first(&["fd6c::/16", "fd6d:ac1f::/32"]),
            is("fd6e:ac1f:c800::")
        );
        assert_eq!(first(&["fd00::/8"]), None);
    }
}
