//! Each container's names, address, MAC address and uuid.

use super::Set;
use crate::spec::{NodeKind, mac};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::net::Ipv4Addr;

/// One container: a domain of libvirt, a resource and a node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guest {
    /// From 1.
    pub number: u32,
    /// Domain, host and node name.
    pub name: String,
    /// Id of the primitive that runs it, or connects to it.
    pub resource: String,
    /// Its address on the set's network.
    pub address: Ipv4Addr,
    /// Its MAC address.
    pub mac: String,
    /// Its domain's uuid.
    pub uuid: String,
}

/// All containers of a set, in order.
pub fn guests(set: &Set) -> Vec<Guest> {
    (1..=set.spec.containers)
        .zip(set.subnet.addresses())
        .map(|(number, address)| guest(set, number, address))
        .collect()
}

/// One container of a set.
pub fn guest(set: &Set, number: u32, address: Ipv4Addr) -> Guest {
    let name = set.spec.prefix.node(number);
    Guest {
        number,
        resource: match set.spec.kind {
            NodeKind::Guest => set.spec.prefix.resource(number),
            // Pacemaker calls a remote node by its primitive's id.
            NodeKind::Remote => name.clone(),
        },
        address,
        mac: mac(address),
        uuid: uuid(&set.seed, &name),
        name,
    }
}

/// A uuid (version 8: our own derivation, RFC 9562) that follows from seed and name.
pub fn uuid(seed: &str, name: &str) -> String {
    let mut bytes: [u8; 16] = [0; 16];
    let digest = Sha256::digest(format!("lxc-autogen {seed} {name}"));
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use crate::plan::tests::sample;
    use std::collections::HashSet;

    #[test]
    fn the_same_set_gives_the_same_distinct_containers() {
        let all = sample(244).guests();
        assert_eq!(all, sample(244).guests());
        let first = &all[0];
        assert_eq!(first.name, "lxc1");
        assert_eq!(first.resource, "container1");
        assert_eq!(first.address.to_string(), "192.168.123.11");
        assert_eq!(first.mac, "52:54:c0:a8:7b:0b");
        let distinct: HashSet<&String> = all.iter().flat_map(|g| [&g.uuid, &g.mac]).collect();
        assert_eq!(distinct.len(), 2 * 244);
    }

    #[test]
    fn a_smaller_set_is_the_beginning_of_a_larger_one() {
        assert_eq!(sample(5).guests()[..], sample(12).guests()[..5]);
    }
}
