//! Nodes without a cluster, as tutorials begin: people's own tools set one up.

use crate::Test;
use crate::lab::Lab;
use crate::schema::conforms;
use crate::world::{lxa, until};

pub const LONG: &[Test] = &[("a_cluster_of_ones_own_making", a_cluster_of_ones_own_making)];

fn a_cluster_of_ones_own_making() {
    for (options, text) in [
        ("-c 2", "--containers 2 takes a cluster"),
        ("--remote-nodes 1", "--remote-nodes 1 takes a cluster"),
        ("--init own", "takes --init systemd"),
        ("--root lean", "takes --root full"),
        ("--ssh=false", "takes --ssh"),
    ] {
        let said = lxa(&format!("lab up --bare {options}")).exits(2);
        assert!(said.err.contains(text), "{}", said.err);
    }
    let lab = Lab::up("lab", "--bare --cluster-nodes 2");
    let status = || lxa("lab status").exits(0).out;
    assert_eq!(status().matches("no cluster").count(), 2, "{}", status());
    assert_eq!(lab.ok("node1", "ssh lab-node2 hostname"), "lab-node2\n");

    // One is started again, and nobody is asked whether it is online.
    let json = lxa("lab restart node2 --json").exits(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["nodes"][0]["state"], "started");

    by_pcs(&lab);
    assert_eq!(status().matches("online").count(), 2, "{}", status());
    // lab up leaves it alone, and starts what is down.
    let was = lab.init("node2");
    lab.ok("node1", "pcs cluster stop lab-node2");
    lab.change("").exits(0);
    assert_eq!(lab.init("node2"), was);
    assert!(status().contains("offline"), "{}", status());
    lab.ok("node1", "pcs cluster destroy --all");
    until("it is gone", 30, || {
        status().matches("no cluster").count() == 2
    });

    by_crmsh(&lab);
    assert!(status().contains("online"), "{}", status());
    lab.down();
}

fn by_pcs(lab: &Lab) {
    let kept = "/var/lib/lxc-autogen-lab-lab/keys/hacluster";
    let password = std::fs::read_to_string(kept).unwrap();
    let auth = format!(
        "pcs host auth -u hacluster -p {} lab-node1 lab-node2",
        password.trim()
    );
    lab.ok("node1", &auth);
    let setup = "pcs cluster setup qa lab-node1 lab-node2 --start --enable --wait=90";
    lab.ok("node1", setup);
    // As the man page has it: a node whose plug was pulled comes back by it.
    let json = conforms("lab-status", &lxa("lab status --json").exits(0).out);
    let host = json["subnet"].as_str().unwrap().replace(".0/24", ".1");
    for device in ["fencing", "fencing-again"] {
        let device = format!("pcs stonith create {device} fence_virt ipaddr={host}");
        lab.ok("node1", &format!("{device} hash=sha256 auth=sha256"));
    }
    for node in ["lab-node1", "lab-node2"] {
        let level = format!("pcs stonith level add 1 {node} fencing fencing-again");
        lab.ok("node1", &level);
    }
    lab.await_online("node1", 60, "node1 node2");
    lxa("lab kill --name lab node2").exits(0);
    until("it is fenced", 60, || lab.fenced("node1", "node2"));
    lab.await_online("node1", 90, "node1 node2");
    lab.ok("node1", "pcs property set stonith-enabled=false");
    let status = lab.ok("node1", "pcs status");
    assert!(status.contains("pacemaker: active/enabled"), "{status}");
}

/// By the stages of `crm cluster init`, without that for csync2, which Debian 12's crmsh takes and
/// machines do not have. Its `join` has no way without (crmsh 4.4.1, crmsh/bootstrap.py).
fn by_crmsh(lab: &Lab) {
    if lab.exec("node1", "dmidecode -s system-version").code != 0 {
        // crmsh asks it for the cloud, and gives up where the machine has no such table.
        lab.ok("node1", "rm -f /usr/sbin/dmidecode");
    }
    for stage in ["ssh", "corosync", "cluster"] {
        lab.ok("node1", &format!("crm cluster init {stage} -y --name qa"));
    }
    lab.await_online("node1", 60, "node1");
    lab.ok("node1", "crm status");
}
