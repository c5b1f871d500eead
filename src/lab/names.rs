//! Names of a lab's nodes: `LAB-nodeN` in its cluster, `LAB-remoteN` of a remote node, `LAB-qnetd`;
//! and the files by which nodes know each other's.

use super::Lab;
use crate::plan::{Kind, Machine};
use std::net::IpAddr;

/// The name of node `number` of this kind; of the qnetd node there is just one.
pub(super) fn node(lab: &str, kind: Kind, number: u32) -> String {
    match kind {
        Kind::Qnetd => format!("{lab}-{}", word(kind)),
        Kind::Cluster | Kind::Remote | Kind::Guest => format!("{lab}-{}{number}", word(kind)),
    }
}

/// The number of the node of this name, when it is one of the lab's of this kind.
pub(super) fn number(lab: &str, kind: Kind, name: &str) -> Option<u32> {
    let rest = name.strip_prefix(lab)?.strip_prefix('-')?;
    let digits = rest.strip_prefix(word(kind))?;
    // Parsing alone would accept a sign in front of the number, too.
    let only_digits = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| only_digits)
}

/// Whether a node has a name of this lab's.
pub(super) fn is_of(lab: &str, name: &str) -> bool {
    let kinds = [Kind::Cluster, Kind::Remote];
    let is_qnetd = name == node(lab, Kind::Qnetd, 1);
    is_qnetd || kinds.into_iter().any(|k| number(lab, k, name).is_some())
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Cluster => "node",
        Kind::Remote => "remote",
        Kind::Qnetd => "qnetd",
        // Guests are named by their set; none of the lab's own nodes is one.
        Kind::Guest => "guest",
    }
}

/// A node's name and its addresses on the first link, and the same of its second link where it has
/// one. That name ends in `-link1`, as corosync counts its links.
fn on_each_link(node: &Machine) -> Vec<(String, Vec<IpAddr>)> {
    let second = node.link1.map(|a| (format!("{}-link1", node.name), a));
    let links = [(node.name.clone(), node.address)]
        .into_iter()
        .chain(second);
    let with_ipv6 = |(link, (name, address)): (usize, (String, std::net::Ipv4Addr))| {
        let ipv6 = node.ipv6.get(link).map(|a| IpAddr::from(*a));
        (name, [address.into()].into_iter().chain(ipv6).collect())
    };
    links.enumerate().map(with_ipv6).collect()
}

/// Addresses and names of nodes, for /etc/hosts: those of IPv4 first.
pub(super) fn known(nodes: &[Machine]) -> Vec<(IpAddr, String)> {
    let links = nodes.iter().flat_map(on_each_link);
    let mut all: Vec<_> = links
        .flat_map(|(name, addresses)| addresses.into_iter().map(move |a| (a, name.clone())))
        .collect();
    all.sort_by_key(|(address, name)| (address.is_ipv6(), name.ends_with("-link1")));
    all
}

/// known_hosts for all nodes that can run sshd, by name and address on each link.
pub(super) fn known_hosts(lab: &Lab, host_public: &str) -> String {
    let key: Vec<&str> = host_public.split_whitespace().take(2).collect();
    let line = |node: &Machine| {
        let links = on_each_link(node).into_iter();
        let words = links.flat_map(|(name, addresses)| {
            let addresses = addresses.into_iter().map(|a| a.to_string());
            [name].into_iter().chain(addresses)
        });
        let words: Vec<String> = words.collect();
        format!("{} {}\n", words.join(","), key.join(" "))
    };
    lab.systems().iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::with_two_links;

    #[test]
    fn a_node_is_known_by_each_of_its_addresses() {
        let mut lab = with_two_links(1, 1);
        lab.ipv6 = Some("fd6c:ac1f:c800::".parse().unwrap());
        let lines = crate::plan::hosts(&known(&lab.nodes()));
        let wanted = "\n\
            172.31.200.11 lab-node1\n\
            172.31.200.51 lab-remote1\n\
            172.31.201.11 lab-node1-link1\n\
            fd6c:ac1f:c800:0:172:31:200:11 lab-node1\n\
            fd6c:ac1f:c800:0:172:31:200:51 lab-remote1\n\
            fd6c:ac1f:c800:1:172:31:201:11 lab-node1-link1\n";
        assert!(lines.ends_with(wanted), "{lines}");
        assert_eq!(
            known_hosts(&lab, "ssh-ed25519 AAAA lab"),
            "lab-node1,172.31.200.11,fd6c:ac1f:c800:0:172:31:200:11,lab-node1-link1,\
             172.31.201.11,fd6c:ac1f:c800:1:172:31:201:11 ssh-ed25519 AAAA\n"
        );
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for kind in [Kind::Cluster, Kind::Remote] {
            assert_eq!(number("qa-2", kind, &node("qa-2", kind, 31)), Some(31));
        }
        assert_eq!(node("lab", Kind::Remote, 2), "lab-remote2");
        assert_eq!(number("lab", Kind::Cluster, "lab-remote2"), None);
        assert!(is_of("lab", "lab-remote2") && is_of("lab", "lab-qnetd"));
        for other in [
            "node1",
            "lab-node",
            "lab-node+1",
            "lab-nodex",
            "labs-node1",
            "lab-qnetd1",
        ] {
            assert!(!is_of("lab", other), "{other}");
        }
    }
}
