//! The subnet of a set's network, and the addresses of the containers in it.

use crate::error::{Error, Result};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv4Addr;

/// Where the containers' addresses begin, counted from the host's /24: at .11, as in
/// lxc_autogen.sh.
pub const FIRST_OFFSET: u32 = 11;

/// An IPv4 subnet and the host's own address in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Subnet(Ipv4Net);

/// The form of a subnet in a set's file.
#[derive(Serialize, Deserialize)]
struct Saved {
    host: Ipv4Addr,
    prefix: u8,
}

impl TryFrom<Saved> for Subnet {
    type Error = ipnet::PrefixLenError;
    fn try_from(saved: Saved) -> std::result::Result<Self, Self::Error> {
        Ipv4Net::new(saved.host, saved.prefix).map(Subnet)
    }
}

impl From<Subnet> for Saved {
    fn from(subnet: Subnet) -> Saved {
        Saved {
            host: subnet.host(),
            prefix: subnet.prefix(),
        }
    }
}

impl Subnet {
    /// Reads `ADDR[/PREFIX]`.
    ///
    /// Without a prefix the first three octets count: the host gets .1, and the prefix is the
    /// longest one up to /24 that holds `containers`. With a prefix the host gets ADDR, or the
    /// subnet's first address when ADDR is the subnet's own.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] when `text` is no address, the prefix is not 8 to 30, the
    /// range cannot be used on a bridge, or the subnet does not hold `containers`.
    pub fn parse(text: &str, containers: u32) -> Result<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let bad = |why: String| {
            Err(Error::usage(format!("--network {text}: {why}")).mend(
                "ADDR or ADDR/PREFIX, such as 192.168.123.1 or 10.40.0.1/16; how many nodes: -c N",
            ))
        };
        let Ok(address) = address.parse::<Ipv4Addr>() else {
            return bad(format!("{address:?} is no IPv4 address"));
        };
        if address.is_loopback()
            || address.is_multicast()
            || address.is_link_local()
            || address.octets()[0] == 0
            || address.octets()[0] >= 240
        {
            return bad("containers cannot use this address range".to_owned());
        }
        let subnet = match prefix {
            None => Self::holding(address, containers)?,
            Some(prefix) => match prefix.parse::<u8>() {
                Ok(prefix @ 8..=30) => Self::with_prefix(address, prefix),
                _ => {
                    return bad(format!(
                        "the prefix {prefix:?} is not a number from 8 to 30"
                    ));
                }
            },
        };
        if subnet.host() == subnet.broadcast() {
            return bad(format!("{} is the broadcast address of it", subnet.host()));
        }
        subnet.check_holds(containers)?;
        Ok(subnet)
    }

    /// Whether `ADDR[/PREFIX]` means this subnet. With a prefix both must be the same; without one
    /// the first three octets must be.
    ///
    /// # Errors
    /// As [`Subnet::parse`].
    pub fn is_meant_by(&self, text: &str) -> Result<bool> {
        let wanted = Self::parse(text, 1)?;
        Ok(match text.contains('/') {
            true => wanted == *self,
            false => wanted.host() == self.host(),
        })
    }

    /// The subnet around `address` with the longest prefix up to /24 that holds `containers`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] when even a /8 does not hold them.
    pub fn holding(address: Ipv4Addr, containers: u32) -> Result<Self> {
        let host = Ipv4Addr::from(u32::from(address) & !0xff | 1);
        (8..=24)
            .rev()
            .map(|prefix| Self::new(host, prefix))
            .find(|s| s.capacity() >= containers)
            .ok_or_else(|| Error::usage(format!("no subnet holds {containers} containers")))
    }

    /// A subnet whose prefix has been checked already.
    fn new(host: Ipv4Addr, prefix: u8) -> Self {
        Subnet(Ipv4Net::new_assert(host, prefix))
    }

    fn with_prefix(address: Ipv4Addr, prefix: u8) -> Self {
        let subnet = Self::new(address, prefix);
        if address == subnet.network() {
            return Self::new(Ipv4Addr::from(u32::from(address) + 1), prefix);
        }
        subnet
    }

    /// The next subnet of the same size, for a search for a free one.
    pub fn next(&self) -> Self {
        let size = 1u32 << (32 - self.prefix());
        let host = u32::from(self.host()).wrapping_add(size);
        Self::new(Ipv4Addr::from(host), self.prefix())
    }

    /// The host's address on the bridge.
    pub fn host(&self) -> Ipv4Addr {
        self.0.addr()
    }

    /// The MAC address of the host on the bridge.
    pub fn host_mac(&self) -> [u8; 6] {
        mac_octets(self.host())
    }

    /// The prefix length.
    pub fn prefix(&self) -> u8 {
        self.0.prefix_len()
    }

    /// The subnet's own address.
    pub fn network(&self) -> Ipv4Addr {
        self.0.network()
    }

    /// The subnet's broadcast address.
    pub fn broadcast(&self) -> Ipv4Addr {
        self.0.broadcast()
    }

    /// Whether this subnet shares an address with another. A prefix above 32 means that address
    /// alone.
    pub fn overlaps(&self, network: Ipv4Addr, prefix: u8) -> bool {
        let other = Ipv4Net::new_assert(network, prefix.min(32));
        self.0.contains(&other.network()) || other.contains(&self.0.network())
    }

    /// The containers' addresses, first to last, all distinct.
    ///
    /// They begin at .11 of the host's /24 and go up to the end of the subnet, then from the
    /// subnet's beginning. Last octets 0 and 255 are left out even where they are valid, since
    /// people and old software stumble over them. The host's address and the ten addresses below
    /// the first container are left out too: people keep those for themselves.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let (network, broadcast) = (u32::from(self.network()), u32::from(self.broadcast()));
        let host = u32::from(self.host());
        let block = (host & !0xff).max(network);
        let first = block + FIRST_OFFSET;
        let fits = move |a: &u32| {
            !matches!(a & 0xff, 0 | 255) && *a != host && *a > network && *a < broadcast
        };
        (first..broadcast)
            .chain(network..block)
            .filter(fits)
            .map(Ipv4Addr::from)
    }

    /// The number of containers that the subnet has addresses for.
    pub fn capacity(&self) -> u32 {
        u32::try_from(self.addresses().count()).unwrap_or(u32::MAX)
    }

    /// Fails when the subnet does not hold so many containers.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`]; the error tells how many the subnet holds.
    pub fn check_holds(&self, containers: u32) -> Result<()> {
        let capacity = self.capacity();
        if capacity >= containers {
            return Ok(());
        }
        Err(Error::usage(format!(
            "{self} holds {capacity} containers, not {containers}: the first gets .{FIRST_OFFSET}"
        ))
        .mend("a shorter prefix holds more, such as 10.40.0.1/16"))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.trunc().fmt(f)
    }
}

/// The MAC address that goes with an IPv4 address on one of our bridges. It begins with 52:54, as
/// libvirt and QEMU have it for virtual cards; the rest is the IPv4 address, so that it is unique
/// and the same on every cluster node.
pub fn mac(address: Ipv4Addr) -> String {
    mac_octets(address)
        .map(|octet| format!("{octet:02x}"))
        .join(":")
}

fn mac_octets(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x52, 0x54, a, b, c, d]
}

#[cfg(test)]
mod tests;
