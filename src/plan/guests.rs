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

/// A uuid (version 8: our own derivation, RFC 9562) that follows from seed and name: the first 16
/// bytes of a SHA-256. Journals and domains carry it, so it stays as it is.
pub fn uuid(seed: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("lxc-autogen {seed} {name}"));
    let mut bytes: uuid::Bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
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

    /// Values that version 0.1.0 has written into journals and domains.
    #[test]
    fn the_same_seed_gives_the_same_uuid_for_ever() {
        for (seed, name, uuid) in [
            ("seed", "lxc1", "1e05953a-2eba-8f5f-b70d-f0cd8c4b7480"),
            (
                "0123456789abcdef",
                "network",
                "bde47047-52b0-852e-9d18-67fe2ba93763",
            ),
        ] {
            assert_eq!(super::uuid(seed, name), uuid);
        }
    }

    #[test]
    fn a_smaller_set_is_the_beginning_of_a_larger_one() {
        assert_eq!(sample(5).guests()[..], sample(12).guests()[..5]);
    }
}
