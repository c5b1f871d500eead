//! The CIB that a lab starts with, and objects that are merged into it later (Pacemaker Explained;
//! Pacemaker Remote, "Walk-through: remote nodes").

use super::{FENCE_PORT, Lab, names};
use crate::pacemaker::config::connection;
use crate::plan::Machine;
use crate::xml::El;
use std::collections::BTreeSet;

/// Id of the fence device.
pub const FENCING: &str = "fencing";
/// Id of a second device like [`FENCING`]: see [`topology`].
const FENCING_AGAIN: &str = "fencing-again";
/// Path in the nodes of the key of fence_virtd.
pub const FENCE_KEY: &str = "/etc/cluster/fence_xvm.key";
/// Seconds between two monitors of a remote node.
const MONITOR_S: u32 = 20;

/// The whole CIB of the first start: the cluster is up in seconds, since it need not wait
/// `dc-deadtime` (20 s) for nodes that may be there.
pub fn first(lab: &Lab) -> El {
    let properties = [
        ("stonith-enabled", lab.spec.fencing.to_string()),
        // An election is called when this has passed without a controller. Before that each controller
        // waits a second of its own (Pacemaker 2.1.5, daemons/controld/controld_join_client.c,
        // do_cl_join_query), by when the nodes have found each other. Pacemaker's default is for machines
        // that boot.
        ("dc-deadtime", "500ms".to_owned()),
        ("cluster-name", lab.spec.name.clone()),
    ];
    let mut configuration = El::new("configuration")
        .child(El::new("crm_config").child(nvpairs(
            "cluster_property_set",
            "cib-bootstrap-options",
            &properties,
        )))
        .child(El::new("nodes").children(lab.cluster_nodes().iter().map(node)));
    let extra = additions(lab);
    configuration = configuration.children(extra.children);
    // As in new clusters made by pcs: a resource that has moved does not move back.
    let defaults = nvpairs(
        "meta_attributes",
        "rsc-defaults",
        &[("resource-stickiness", "1".to_owned())],
    );
    configuration = configuration
        .child(El::new("constraints"))
        .child(El::new("rsc_defaults").child(defaults));
    El::new("cib")
        .attr("validate-with", &lab.schema)
        .attr("epoch", 1)
        .attr("num_updates", 0)
        .attr("admin_epoch", 0)
        .child(configuration)
        .child(El::new("status"))
}

/// The objects that depend on the number of nodes, as a tree for cibadmin to merge.
pub fn additions(lab: &Lab) -> El {
    let devices = if lab.spec.fencing {
        vec![device(lab, FENCING), device(lab, FENCING_AGAIN)]
    } else {
        Vec::new()
    };
    let topology = lab.spec.fencing.then(topology);
    El::new("configuration")
        .child(
            El::new("resources")
                .children(devices)
                .children(lab.remote_nodes().iter().map(remote)),
        )
        .children(topology)
}

/// Whether a cluster's CIB has all of [`additions`]: each resource, and in each fence device the
/// lab's nodes and no others. Other changes that somebody has made to it are left alone.
pub fn knows(lab: &Lab, cib: &El) -> bool {
    let nodes: BTreeSet<String> = lab.members().into_iter().map(|n| n.name).collect();
    let primitives = cib.all("primitive");
    additions(lab).all("primitive").iter().all(|wanted| {
        let same = |p: &&&El| p.get("id") == wanted.get("id");
        let Some(there) = primitives.iter().find(same) else {
            return false;
        };
        wanted.get("class") != Some("stonith") || hosts(there) == nodes
    })
}

/// Names of the nodes that a fence device can power.
fn hosts(device: &El) -> BTreeSet<String> {
    device
        .all("nvpair")
        .iter()
        .filter(|p| p.get("name") == Some("pcmk_host_list"))
        .filter_map(|p| p.get("value"))
        .flat_map(|list| list.split([' ', ',', ';']))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Nodes with names of this lab that the cluster still has and the lab does not.
pub fn strangers(lab: &Lab, cib: &El) -> Vec<String> {
    let wanted: Vec<String> = lab.members().into_iter().map(|n| n.name).collect();
    let ours = |name: &str| names::is_of(&lab.spec.name, name);
    let configuration = cib.find("configuration");
    configuration
        .and_then(|c| c.find("nodes"))
        .map(|nodes| nodes.all("node"))
        .unwrap_or_default()
        .iter()
        .filter_map(|n| n.get("uname"))
        .filter(|name| ours(name) && !wanted.iter().any(|w| w == name))
        .map(str::to_owned)
        .collect()
}

/// One fencing level with the same device twice. fence_virtd takes the reboot of a node that is off
/// for done and leaves it off (fence-agents 4.12, agents/virt/server/libvirt.c), and a node that
/// crashed is off when it is fenced. With two devices on one level the cluster turns a reboot into
/// off by both and then on by both (Pacemaker Explained, "Fencing topologies"), and the node comes
/// back.
fn topology() -> El {
    El::new("fencing-topology").child(
        El::new("fencing-level")
            .attr("id", "fencing-level")
            .attr("target-pattern", ".*")
            .attr("index", 1)
            .attr("devices", format!("{FENCING},{FENCING_AGAIN}")),
    )
}

fn node(node: &Machine) -> El {
    El::new("node")
        .attr("id", node.number)
        .attr("uname", &node.name)
}

fn device(lab: &Lab, id: &str) -> El {
    let names: Vec<String> = lab.members().into_iter().map(|n| n.name).collect();
    let parameters = [
        ("ipaddr", lab.subnet.host().to_string()),
        ("ipport", FENCE_PORT.to_string()),
        ("key_file", FENCE_KEY.to_owned()),
        ("hash", "sha256".to_owned()),
        ("auth", "sha256".to_owned()),
        ("pcmk_host_check", "static-list".to_owned()),
        ("pcmk_host_list", names.join(" ")),
    ];
    El::new("primitive")
        .attr("id", id)
        .attr("class", "stonith")
        .attr("type", "fence_virt")
        .child(nvpairs(
            "instance_attributes",
            &format!("{id}-instance_attributes"),
            &parameters,
        ))
        .child(El::new("operations").child(operation(id, "monitor", "60s", "20s")))
}

fn remote(node: &Machine) -> El {
    connection(&node.name, node.address, MONITOR_S)
}

fn operation(resource: &str, name: &str, interval: &str, timeout: &str) -> El {
    El::new("op")
        .attr("id", format!("{resource}-{name}"))
        .attr("name", name)
        .attr("interval", interval)
        .attr("timeout", timeout)
}

fn nvpairs(kind: &str, id: &str, pairs: &[(&str, String)]) -> El {
    El::new(kind)
        .attr("id", id)
        .children(pairs.iter().map(|(name, value)| {
            El::new("nvpair")
                .attr("id", format!("{id}-{name}"))
                .attr("name", name)
                .attr("value", value)
        }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::sample;

    #[test]
    fn every_node_can_be_fenced_and_remotes_are_resources() {
        let cib = first(&sample(3, 2));
        let list = cib
            .all("nvpair")
            .into_iter()
            .find(|n| n.get("name") == Some("pcmk_host_list"))
            .and_then(|n| n.get("value"));
        assert_eq!(
            list,
            Some("lab-node1 lab-node2 lab-node3 lab-remote1 lab-remote2")
        );
        assert_eq!(cib.all("node").len(), 3);
        assert_eq!(cib.all("primitive").len(), 4);
    }

    #[test]
    fn a_cluster_that_a_killed_run_has_not_told_is_known() {
        let lab = sample(3, 1);
        assert!(knows(&lab, &first(&lab)));
        assert!(strangers(&lab, &first(&lab)).is_empty());
        // A node more, a remote node more, a node less.
        assert!(!knows(&lab, &first(&sample(2, 1))));
        assert!(!knows(&lab, &first(&sample(3, 0))));
        let larger = first(&sample(4, 1));
        assert!(!knows(&lab, &larger));
        assert_eq!(strangers(&lab, &larger), ["lab-node4"]);
    }
}
