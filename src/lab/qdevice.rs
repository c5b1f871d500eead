//! The quorum device of a lab's cluster: a node that runs corosync-qnetd, and corosync-qdevice in the
//! cluster nodes, which asks it for its vote (corosync-qnetd(8), corosync-qdevice(8)).

use super::LabSpec;
use crate::error::{Error, Result};
use crate::plan::Machine;
use crate::supervisor::{Daemon, Ready};

/// Name of the device's daemon, and of its unit.
pub(super) const QNETD: &str = "corosync-qnetd";
/// Name of the daemon of a cluster node, and of its unit.
pub(super) const QDEVICE: &str = "corosync-qdevice";

/// Directories of the daemons' sockets and locks, as their units make them (`RuntimeDirectory=`).
pub(super) const DIRECTORIES: [&str; 2] = ["/run/corosync-qnetd", "/run/corosync-qdevice"];

/// Refuses a device that would have no vote, and one where no cluster is configured.
///
/// # Errors
/// [`crate::error::Kind::Usage`] with the option that is too much.
pub(super) fn check(spec: &LabSpec) -> Result<()> {
    let (why, mend) = match (spec.qnetd, spec.bare, spec.all_cluster_nodes()) {
        (true, true, _) => (
            "takes a cluster, and with --bare there is none",
            "leave it out; one cluster node more can be the device's node: pcs qdevice setup model \
             net --enable --start there",
        ),
        // The default number of its votes is that of the nodes less one (corosync-qdevice(8)).
        (true, _, 1) => (
            "takes two cluster nodes or more: beside one its device has no vote",
            "add --cluster-nodes 2, or leave out --qnetd",
        ),
        _ => return Ok(()),
    };
    Err(Error::usage(format!("--qnetd {why}")).mend(mend))
}

/// What corosync.conf has in `quorum`, behind the provider, for this many cluster nodes.
///
/// `ffsplit` gives the device's one vote to one half of a cluster and "makes sense only for clusters
/// with an even number of nodes"; for odd numbers there is `lms`, last man standing, by which one
/// node and the device are enough, and which needs `votes` left out (corosync-qdevice(8), "MODEL NET
/// ALGORITHMS"). A device and `two_node` cannot be together. Between two tries to reach the device
/// there is the whole of `connect_timeout`, by default 8 s. TLS is off, since certificates would
/// protect nothing: daemon and clients are on one bridge of this host, to which nobody else has
/// access but who is root here.
pub(super) fn quorum(cluster_nodes: usize, device: &Machine) -> String {
    let (votes, algorithm) = match cluster_nodes % 2 {
        0 => ("    votes: 1\n", "ffsplit"),
        _ => ("", "lms"),
    };
    format!(
        "  wait_for_all: 1\n  device {{\n    model: net\n{votes}    net {{\n      host: {}\n      \
         algorithm: {algorithm}\n      tls: off\n      connect_timeout: 2000\n    }}\n  }}\n",
        device.address
    )
}

/// The device's daemon, by our own init.
pub(super) fn qnetd() -> Daemon {
    let socket = format!("{}/{QNETD}.sock", DIRECTORIES[0]);
    daemon(
        QNETD,
        &["/usr/bin/corosync-qnetd", "-f", "-s", "off"],
        0,
        socket,
    )
}

/// The cluster nodes' daemon, by our own init: after corosync.
pub(super) fn qdevice() -> Daemon {
    let socket = format!("{}/{QDEVICE}.sock", DIRECTORIES[1]);
    daemon(QDEVICE, &["/usr/sbin/corosync-qdevice", "-f"], 1, socket)
}

fn daemon(name: &str, command: &[&str], stage: u32, socket: String) -> Daemon {
    Daemon {
        name: name.to_owned(),
        command: command.iter().map(|c| (*c).to_owned()).collect(),
        stage,
        ready: Some(Ready::Path(socket.into())),
        panics: Vec::new(),
        stop_s: 20,
    }
}

/// What the unit of the device's daemon has besides that of its package, which reads its options
/// from a file: just this option.
pub(super) fn unit() -> String {
    "[Service]\nEnvironmentFile=\nEnvironment=\"COROSYNC_QNETD_OPTIONS=-s off\"\n".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::with_qnetd;
    use crate::lab::{config, corosync, units};
    use crate::plan::Kind;

    #[test]
    fn what_it_takes() {
        let of = |change: fn(&mut LabSpec)| {
            let mut spec = LabSpec {
                qnetd: true,
                ..LabSpec::default()
            };
            change(&mut spec);
            check(&spec).map_err(|e| e.to_string())
        };
        of(|_| ()).unwrap();
        of(|s| s.cluster_nodes = 2).unwrap();
        of(|s| (s.qnetd, s.cluster_nodes) = (false, 1)).unwrap();
        assert!(of(|s| s.cluster_nodes = 1).unwrap_err().contains("no vote"));
        assert!(of(|s| s.bare = true).unwrap_err().contains("--bare"));
    }

    #[test]
    fn an_even_number_of_nodes_is_halved_and_of_an_odd_one_the_last_stands() {
        let two = corosync::conf(&with_qnetd(2, 0));
        let device = "quorum {\n  provider: corosync_votequorum\n  wait_for_all: 1\n  device {\n    \
                      model: net\n    votes: 1\n    net {\n      host: 172.31.200.50\n      \
                      algorithm: ffsplit\n      tls: off\n      connect_timeout: 2000\n    }\n  }\n}\n";
        assert!(two.contains(device), "{two}");
        assert!(!two.contains("two_node"), "{two}");
        let three = corosync::conf(&with_qnetd(3, 1));
        assert!(three.contains("algorithm: lms"), "{three}");
        assert!(!three.contains("votes:"), "{three}");
        assert_eq!(three.matches("ring0_addr").count(), 3);
    }

    #[test]
    fn each_node_runs_its_own_daemons() {
        let lab = with_qnetd(2, 1);
        let names = |kind| -> Vec<(String, u32)> {
            let daemons = config::supervisor(&lab, kind).daemons.into_iter();
            daemons.map(|d| (d.name, d.stage)).collect()
        };
        let is = |name: &str, stage| (name.to_owned(), stage);
        assert_eq!(names(Kind::Qnetd), [is(QNETD, 0)]);
        let cluster = [
            is("corosync", 0),
            is("libvirtd", 0),
            is(QDEVICE, 1),
            is("pacemakerd", 1),
        ];
        assert_eq!(names(Kind::Cluster), cluster);
        assert_eq!(
            units::enabled(&lab, &lab.qnetd_node().unwrap()),
            ["corosync-qnetd.service"]
        );
        let enabled = units::enabled(&lab, &lab.cluster_nodes()[0]);
        assert!(enabled.iter().any(|u| u == "corosync-qdevice.service"));
    }
}
