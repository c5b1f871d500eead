//! The cluster nodes' corosync.conf(5).

use super::{Init, Lab, qdevice};

/// The cluster nodes' corosync.conf, the same on all of them.
///
/// `wait_for_all`: a cluster that starts for the first time has no quorum before every node has
/// been seen, so that a node that is a little late is not fenced for it. Without `sched_rr`: many
/// real-time processes on few cores starve each other, and nodes are fenced that are well.
pub fn conf(lab: &Lab) -> String {
    let nodes = lab.cluster_nodes();
    let mut text = format!(
        "totem {{\n  version: 2\n  cluster_name: {}\n  transport: knet\n  \
         crypto_cipher: aes256\n  crypto_hash: sha256\n{}}}\nnodelist {{\n",
        lab.spec.name,
        links(lab)
    );
    for node in &nodes {
        let second = node.link1.map_or(String::new(), |address| {
            format!("    ring1_addr: {address}\n")
        });
        text.push_str(&format!(
            "  node {{\n    ring0_addr: {}\n{second}    name: {}\n    nodeid: {}\n  }}\n",
            node.address, node.name, node.number
        ));
    }
    text.push_str("}\nquorum {\n  provider: corosync_votequorum\n");
    match (nodes.len(), lab.qnetd_node()) {
        (count, Some(device)) => text.push_str(&qdevice::quorum(count, &device)),
        (1, None) => {}
        // Implies wait_for_all (votequorum(5)).
        (2, None) => text.push_str("  two_node: 1\n"),
        (_, None) => text.push_str("  wait_for_all: 1\n"),
    }
    // There is a journal only where there is systemd.
    let syslog = match lab.spec.init {
        Init::Own => "no",
        Init::Systemd => "yes",
    };
    text.push_str(&format!(
        "}}\nsystem {{\n  sched_rr: no\n  move_to_root_cgroup: no\n}}\nlogging {{\n  to_stderr: no\n  \
         to_syslog: {syslog}\n  to_logfile: yes\n  logfile: /var/log/corosync/corosync.log\n  \
         timestamp: on\n}}\n",
    ));
    text
}

/// The links' settings, by which a cluster that starts is whole a second earlier: the nodes look for
/// each other more often than a quarter of the token's timeout (corosync.conf(5),
/// `knet_ping_interval`), more seldom the more nodes there are, and one answer will do. A node's only
/// link is dead after the same time as by default. One of two is dead in half that time: the other has
/// to carry a token before the first one counts as lost, also on a machine that stands still for a
/// second.
fn links(lab: &Lab) -> String {
    const PER_NODE_MS: u32 = 50;
    /// corosync's default (corosync.conf(5) of 3.1.7).
    const TOKEN_MS: u32 = 3000;
    let nodes = lab.spec.all_cluster_nodes();
    if nodes == 1 {
        return String::new();
    }
    let token_ms = TOKEN_MS + (nodes - 2) * 650;
    let links = 0..lab.links().len();
    let dead_ms = token_ms / (2 * links.len() as u32);
    let settings = links.map(|link| {
        format!(
            "  interface {{\n    linknumber: {link}\n    knet_ping_interval: {}\n    \
             knet_ping_timeout: {}\n    knet_pong_count: 1\n  }}\n",
            PER_NODE_MS * nodes,
            dead_ms
        )
    });
    settings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::{sample, with_two_links};

    #[test]
    fn corosync_knows_every_cluster_node_and_waits_for_all() {
        let text = conf(&sample(3, 2));
        assert_eq!(text.matches("ring0_addr").count(), 3);
        assert!(text.contains("wait_for_all: 1") && text.contains("crypto_cipher: aes256"));
        assert!(conf(&sample(2, 0)).contains("two_node: 1"));
        assert!(!conf(&sample(1, 0)).contains("wait_for_all"));
        // More often than corosync's 912, a quarter of its token's timeout.
        let pings = "    knet_ping_interval: 150\n    knet_ping_timeout: 1825\n";
        assert!(text.contains(pings), "{text}");
        assert!(!conf(&sample(1, 0)).contains("interface"));
        let open = text.matches('{').count();
        assert_eq!(open, text.matches('}').count());
        assert!(text.contains("to_syslog: no"));
        let mut machines = sample(3, 0);
        machines.spec.init = Init::Systemd;
        assert!(conf(&machines).contains("to_syslog: yes"));
    }

    #[test]
    fn a_second_link_is_ring1_of_every_cluster_node() {
        let lab = with_two_links(2, 1);
        let text = conf(&lab);
        let node = "  node {\n    ring0_addr: 172.31.200.12\n    ring1_addr: 172.31.201.12\n    \
                    name: lab-node2\n    nodeid: 2\n  }\n";
        assert!(text.contains(node), "{text}");
        assert_eq!(text.matches("ring1_addr").count(), 2);
        assert_eq!(text.matches("linknumber").count(), 2);
        // Half of what an only link has, 1500.
        assert_eq!(
            text.matches("knet_ping_timeout: 750\n").count(),
            2,
            "{text}"
        );
        assert!(!conf(&sample(2, 1)).contains("ring1_addr"));
    }
}
