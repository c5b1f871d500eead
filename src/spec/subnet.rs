//! The network's address, and the addresses of its containers.

use crate::error::{Error, Result};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv4Addr;

/// The first container's last octet, counted from the host's /24, as lxc_autogen.sh has it.
pub const FIRST_OFFSET: u32 = 11;

/// An IPv4 subnet and the host's own address in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Subnet(Ipv4Net);

/// A subnet as a set's file has it.
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
    /// Without a prefix the first three octets count, the host gets .1, and the prefix is the
    /// longest one up to /24 that holds `containers`. With one, the host gets ADDR, or the first
    /// address when ADDR is the subnet's own.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] when it is no address, the prefix is not 8 to 30, the subnet
    /// cannot be used on a bridge, or it does not hold so many.
    pub fn parse(text: &str, containers: u32) -> Result<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let bad = |why: String| {
            Err(Error::usage(format!("--network {text}: {why}"))
                .mend("ADDR or ADDR/PREFIX, such as 192.168.123.1 or 10.40.0.1/16"))
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

    /// Whether `ADDR[/PREFIX]` means this subnet: the whole of it with a prefix, its first three
    /// octets without.
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
    /// [`crate::error::Kind::Usage`] when even a /8 would not.
    pub fn holding(address: Ipv4Addr, containers: u32) -> Result<Self> {
        let host = Ipv4Addr::from(u32::from(address) & !0xff | 1);
        (8..=24)
            .rev()
            .map(|prefix| Self::new(host, prefix))
            .find(|s| s.capacity() >= containers)
            .ok_or_else(|| Error::usage(format!("no subnet holds {containers} containers")))
    }

    /// A prefix that has been checked.
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

    /// The subnet that follows this one, of the same size, for looking for a free one.
    pub fn next(&self) -> Self {
        let size = 1u32 << (32 - self.prefix());
        let host = u32::from(self.host()).wrapping_add(size);
        Self::new(Ipv4Addr::from(host), self.prefix())
    }

    /// The host's address on the bridge.
    pub fn host(&self) -> Ipv4Addr {
        self.0.addr()
    }

    /// The card's address of the host on the bridge.
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

    /// Whether two subnets share an address. A prefix above 32 means the address alone.
    pub fn overlaps(&self, network: Ipv4Addr, prefix: u8) -> bool {
        let other = Ipv4Net::new_assert(network, prefix.min(32));
        self.0.contains(&other.network()) || other.contains(&self.0.network())
    }

    /// The containers' addresses, first to last, all distinct.
    ///
    /// From the host's /24, .11 upwards to the end of the subnet, then from its beginning. Last
    /// octets 0 and 255 are left out even where they would be valid, as are the host's address
    /// and the ten below the first container: people and old software trip over the former, and
    /// keep the latter for themselves.
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

    /// How many containers it holds.
    pub fn capacity(&self) -> u32 {
        u32::try_from(self.addresses().count()).unwrap_or(u32::MAX)
    }

    /// Refuses a number of containers that does not fit.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] with what does fit.
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

/// The card's address that goes with an address on one of our bridges: 52:54 is what libvirt and
/// QEMU take for virtual cards; the address makes the rest unique, and the same on every cluster
/// node.
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
