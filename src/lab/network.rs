//! The networks of a lab, one for each link of its cluster nodes.

use super::Lab;
use crate::libvirt::network::{self, Network};
use crate::plan::uuid;
use crate::spec::{Forward, Subnet};
use crate::xml::El;

/// One link: a network of libvirt's, with a bridge of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Name of network and bridge.
    pub name: String,
    /// The network's uuid.
    pub uuid: String,
    /// The network's subnet.
    pub subnet: Subnet,
    /// Name of the file in the lab's directory with the network's XML.
    pub file: &'static str,
}

impl Lab {
    /// Name of the first link's network and bridge, 15 characters at most.
    pub fn network(&self) -> String {
        format!("lab-{}", self.spec.name)
    }

    /// The links, in corosync's order: link 0 is every node's network, link 1 the cluster nodes'.
    pub fn links(&self) -> Vec<Link> {
        let first = Link {
            name: self.network(),
            uuid: uuid(&self.seed, "network"),
            subnet: self.subnet,
            file: "network.xml",
        };
        let second = self.link1.map(|subnet| Link {
            name: format!("lk1-{}", self.spec.name),
            uuid: uuid(&self.seed, "network of link 1"),
            subnet,
            file: "network-link1.xml",
        });
        [first].into_iter().chain(second).collect()
    }

    /// Names and subnets of all links, in words.
    pub fn shown_networks(&self) -> String {
        let shown = |link: &Link| format!("{} on {}", link.name, link.subnet);
        let all: Vec<String> = self.links().iter().map(shown).collect();
        all.join(" and ")
    }
}

/// The XML of a link's network. An isolated one would need firewall rules; this one only has no
/// route out.
pub fn xml(lab: &Lab, link: &Link) -> El {
    network::of(&Network {
        name: &link.name,
        uuid: &link.uuid,
        state_dir: &lab.dir,
        forward: Forward::Open,
        subnet: &link.subnet,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::{sample, with_two_links};

    #[test]
    fn each_link_is_a_network_of_its_own_with_a_bridge_that_linux_can_name() {
        assert_eq!(sample(3, 0).links().len(), 1);
        let mut lab = with_two_links(3, 1);
        lab.spec.name = "elevenchars".to_owned();
        let links = lab.links();
        assert_eq!(links.len(), 2);
        for (a, b) in [
            (&links[0].name, &links[1].name),
            (&links[0].uuid, &links[1].uuid),
        ] {
            assert_ne!(a, b);
        }
        for link in &links {
            assert!(link.name.len() <= 15, "{}", link.name);
            let xml = xml(&lab, link);
            assert_eq!(network::subnets(&xml), [(link.subnet.host(), 24)]);
        }
    }
}
