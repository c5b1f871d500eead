//! Machines: guest nodes, remote nodes and cluster nodes, each with its names, address, MAC address
//! and uuid.

use super::Set;
use crate::spec::{Form, NodeKind, mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The role of a machine in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Runs pacemaker-remoted; the cluster starts and stops the machine itself, too.
    Guest,
    /// Runs pacemaker-remoted; the cluster connects to it with ocf:pacemaker:remote.
    Remote,
    /// Runs Corosync and Pacemaker.
    Cluster,
    /// Runs corosync-qnetd, which gives a cluster a vote; no member of the cluster.
    Qnetd,
}

impl Kind {
    /// The name of the role in Pacemaker's documentation.
    pub fn text(self) -> &'static str {
        match self {
            Kind::Guest => "guest node",
            Kind::Remote => "remote node",
            Kind::Cluster => "cluster node",
            Kind::Qnetd => "qnetd node",
        }
    }
}

impl From<NodeKind> for Kind {
    fn from(kind: NodeKind) -> Kind {
        match kind {
            NodeKind::Guest => Kind::Guest,
            NodeKind::Remote => Kind::Remote,
        }
    }
}

/// One machine: a domain of libvirt and a node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The machine's number among those of its kind, from 1.
    pub number: u32,
    /// The machine's role in its cluster.
    pub kind: Kind,
    /// What it is to this host.
    pub form: Form,
    /// The machine's name: it is the domain's name, the host name and the node name.
    pub name: String,
    /// Id of the primitive that runs the machine or connects to it. A cluster node has no
    /// primitive; this is its name then.
    pub resource: String,
    /// IPv4 address on the network of the set or lab.
    pub address: Ipv4Addr,
    /// IPv4 address on a lab's second network, of cluster nodes where there is one.
    pub link1: Option<Ipv4Addr>,
    /// IPv6 addresses with prefixes of 64 bits, in the order of the links; none without IPv6.
    pub ipv6: Vec<Ipv6Addr>,
    /// MAC address, which follows from the IPv4 address.
    pub mac: String,
    /// The domain's uuid, which follows from the seed and the name.
    pub uuid: String,
    /// Memory limit, MiB.
    pub memory_mib: u32,
}

impl Machine {
    /// A machine whose uuid follows from seed and name, and its MAC address from its IPv4 address.
    /// Its resource is its name: Pacemaker calls a remote node by its primitive's id.
    pub fn new(
        kind: Kind,
        number: u32,
        name: String,
        address: Ipv4Addr,
        memory_mib: u32,
        seed: &str,
    ) -> Machine {
        Machine {
            number,
            kind,
            form: Form::Container,
            resource: name.clone(),
            address,
            link1: None,
            ipv6: Vec::new(),
            mac: mac(address),
            uuid: uuid(seed, &name),
            memory_mib,
            name,
        }
    }

    /// The machine's object in the JSON of dry runs; the keys are those of `status`, as far as a plan
    /// has them.
    pub fn json(&self) -> Value {
        let mut all = json!({
            "number": self.number,
            "name": self.name,
            "kind": self.kind.text(),
            "domain": self.name,
            "resource": self.resource_in_cib(),
            "address": self.address,
            "ipv6": self.ipv6,
            "mac": self.mac,
            "uuid": self.uuid,
        });
        if self.form == Form::Virtual {
            all["virtual"] = json!(true);
        }
        if let Some(address) = self.link1 {
            all["link1"] = json!(address);
            all["link1_mac"] = json!(mac(address));
        }
        all
    }

    /// The resource that the cluster has for this node; it has none for its own nodes, nor for one
    /// that is no member.
    pub fn resource_in_cib(&self) -> Option<&str> {
        match self.kind {
            Kind::Guest | Kind::Remote => Some(&self.resource),
            Kind::Cluster | Kind::Qnetd => None,
        }
    }
}

/// All machines of a set, in the order of their numbers.
pub fn guests(set: &Set) -> Vec<Machine> {
    let removed = &set.spec.removed;
    (1..=set.spec.containers)
        .zip(set.subnet.addresses())
        .filter(|(number, _)| !removed.contains(number))
        .map(|(number, address)| guest(set, number, address))
        .collect()
}

/// One machine of a set.
fn guest(set: &Set, number: u32, address: Ipv4Addr) -> Machine {
    let (kind, prefix) = (Kind::from(set.spec.kind), &set.spec.prefix);
    let (name, memory) = (prefix.node(number), set.spec.memory_mib);
    let machine = Machine::new(kind, number, name, address, memory, &set.seed);
    Machine {
        form: set.spec.form(),
        resource: match kind {
            Kind::Guest => prefix.resource(number),
            Kind::Remote | Kind::Cluster | Kind::Qnetd => machine.resource.clone(),
        },
        ..machine
    }
}

/// A uuid (version 8: our own derivation, RFC 9562) that follows from seed and name: the first 16
/// bytes of a SHA-256. Journals and domains hold such uuids, so the derivation must not change.
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
    use super::*;
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
    fn json_has_the_fields_that_it_has_always_had() {
        let mut set = sample(1);
        let shown = |set: &Set| set.guests()[0].json();
        let json = shown(&set);
        for (key, value) in [
            ("address", json!("192.168.123.11")),
            ("mac", json!("52:54:c0:a8:7b:0b")),
            ("name", json!("lxc1")),
            ("number", json!(1)),
            ("resource", json!("container1")),
            ("uuid", json!(set.guests()[0].uuid)),
        ] {
            assert_eq!(json[key], value);
        }
        assert_eq!(
            (&json["kind"], &json["domain"]),
            (&json!("guest node"), &json!("lxc1"))
        );
        set.spec.kind = NodeKind::Remote;
        let json = shown(&set);
        assert_eq!(
            (&json["kind"], &json["resource"]),
            (&json!("remote node"), &json!("lxc1"))
        );
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
