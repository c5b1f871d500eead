//! The network XML (libvirt, formatnetwork.html).

use super::metadata;
use crate::plan::Set;
use crate::spec::{Forward, Subnet, mac};
use crate::xml::El;
use std::path::Path;

/// What the XML of a network is made from.
#[derive(Debug, Clone, Copy)]
pub struct Network<'a> {
    /// Name of network and bridge.
    pub name: &'a str,
    /// The network's uuid, as libvirt has it.
    pub uuid: &'a str,
    /// The state directory of the set or lab, which goes into our mark in the network's metadata.
    pub state_dir: &'a Path,
    /// Whether and how the host forwards the network's packets.
    pub forward: Forward,
    /// The network's IPv4 subnet; the bridge has the host's address in it.
    pub subnet: &'a Subnet,
}

/// The network of a set.
pub fn network(set: &Set) -> El {
    of(&Network {
        name: &set.network,
        uuid: &set.network_uuid(),
        state_dir: &set.state_dir,
        forward: set.spec.forward,
        subnet: &set.subnet,
    })
}

/// The XML of a network. Without DNS and DHCP libvirt starts no dnsmasq for it.
pub fn of(network: &Network<'_>) -> El {
    let forward = match network.forward {
        Forward::Nat => Some("nat"),
        Forward::Open => Some("open"),
        Forward::Isolated => None,
    };
    El::new("network")
        .child(El::new("name").text(network.name))
        .child(El::new("uuid").text(network.uuid))
        .child(metadata(network.state_dir))
        .children(forward.map(|mode| El::new("forward").attr("mode", mode)))
        .child(
            El::new("bridge")
                .attr("name", network.name)
                .attr("stp", "off")
                .attr("delay", 0),
        )
        .child(El::new("mac").attr("address", mac(network.subnet.host())))
        .child(El::new("dns").attr("enable", "no"))
        .child(
            El::new("ip")
                .attr("address", network.subnet.host())
                .attr("prefix", network.subnet.prefix()),
        )
}

/// The IPv4 subnets in a network's XML as libvirt prints it, as (address, prefix length).
pub fn subnets(network: &El) -> Vec<(std::net::Ipv4Addr, u8)> {
    network
        .all("ip")
        .into_iter()
        .filter_map(|ip| {
            let address = ip.get("address")?.parse().ok()?;
            let prefix = match (ip.get("prefix"), ip.get("netmask")) {
                (Some(prefix), _) => prefix.parse().ok()?,
                (None, Some(mask)) => ipnet::ipv4_mask_to_prefix(mask.parse().ok()?).ok()?,
                (None, None) => return None,
            };
            Some((address, prefix))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;

    #[test]
    fn what_we_write_has_our_mark_and_subnet() {
        let set = sample(2);
        let xml = network(&set);
        assert_eq!(subnets(&xml), [("192.168.123.1".parse().unwrap(), 24)]);
        let read = crate::xml::parse(&xml.render(), "network").unwrap();
        assert_eq!(
            crate::libvirt::marked_state_dir(&read),
            Some("/var/lib/lxc-autogen")
        );
        assert!(xml.render().contains("<forward mode=\"open\"/>"));
    }

    #[test]
    fn a_netmask_is_read_too() {
        let xml = crate::xml::parse(
            "<network><ip address='10.1.0.1' netmask='255.255.0.0'/></network>",
            "network",
        )
        .unwrap();
        assert_eq!(subnets(&xml), [("10.1.0.1".parse().unwrap(), 16)]);
    }
}
