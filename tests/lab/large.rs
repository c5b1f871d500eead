//! As many cluster nodes as a lab must hold at least.

use crate::Test;
use crate::lab::Lab;

pub const TESTS: &[Test] = &[("sixteen_cluster_nodes", sixteen_cluster_nodes)];

fn sixteen_cluster_nodes() {
    let lab = Lab::up("big", "--cluster-nodes 16 -c 0 --timeout 400");
    let all: Vec<String> = (1..=16).map(|n| format!("node{n}")).collect();
    lab.await_online("node16", 5, &all.join(" "));
    lab.down();
}
