//! Names of a lab's nodes: `LAB-nodeN` in its cluster, `LAB-remoteN` of a remote node, `LAB-vmN` and
//! `LAB-remote-vmN` of those that are virtual machines, `LAB-qnetd`;
//! and the files by which nodes know each other's.

use super::Lab;
use crate::plan::{Form, Kind, Machine};
use std::net::IpAddr;

/// The name of node `number` of this kind and form; of the qnetd node there is just one.
pub(super) fn node(lab: &str, kind: Kind, form: Form, number: u32) -> String {
    let word = word(kind, form);
    match kind {
        Kind::Qnetd => format!("{lab}-{word}"),
        Kind::Cluster | Kind::Remote | Kind::Guest => format!("{lab}-{word}{number}"),
    }
}

/// Kind, form and number of the node of this name, when it can be one of the lab's.
pub(super) fn read(lab: &str, name: &str) -> Option<(Kind, Form, u32)> {
    let rest = name.strip_prefix(lab)?.strip_prefix('-')?;
    if rest == word(Kind::Qnetd, Form::Container) {
        return Some((Kind::Qnetd, Form::Container, 1));
    }
    let number = |kind, form| {
        let digits = rest.strip_prefix(word(kind, form))?;
        // Parsing alone would accept a sign in front of the number, too.
        let only_digits = digits.bytes().all(|b| b.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| only_digits)?;
        Some((kind, form, number))
    };
    let forms = [Form::Container, Form::Virtual];
    let both = |kind| forms.iter().find_map(|form| number(kind, *form));
    both(Kind::Cluster).or_else(|| both(Kind::Remote))
}

/// Whether a node has a name of this lab's.
pub(super) fn is_of(lab: &str, name: &str) -> bool {
    read(lab, name).is_some()
}

fn word(kind: Kind, form: Form) -> &'static str {
    match (kind, form) {
        (Kind::Cluster, Form::Container) => "node",
        (Kind::Cluster, Form::Virtual) => "vm",
        (Kind::Remote, Form::Container) => "remote",
        (Kind::Remote, Form::Virtual) => "remote-vm",
        (Kind::Qnetd, _) => "qnetd",
        // Guests are named by their set; none of the lab's own nodes is one.
        (Kind::Guest, _) => "guest",
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
            for form in [Form::Container, Form::Virtual] {
                let name = node("qa-2", kind, form, 31);
                assert_eq!(read("qa-2", &name), Some((kind, form, 31)), "{name}");
            }
        }
        assert_eq!(node("lab", Kind::Remote, Form::Container, 2), "lab-remote2");
        assert_eq!(
            node("lab", Kind::Remote, Form::Virtual, 2),
            "lab-remote-vm2"
        );
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
