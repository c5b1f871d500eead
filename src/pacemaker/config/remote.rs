//! Remote nodes: primitives that are connections, to containers that the cluster does not run
//! (Pacemaker Remote, "Remote nodes"; Pacemaker 2.1.5, extra/resources/remote).

use super::{Cluster, meta_id, nvpairs};
use crate::plan::{Guest, Set};
use crate::xml::El;
use std::net::Ipv4Addr;

/// Seconds between two attempts to reach a remote node again.
const RECONNECT_S: u32 = 10;

/// The primitive of a remote node, which is called by its id.
pub fn connection(id: &str, address: Ipv4Addr, monitor_s: u32) -> El {
    let parameters = [
        ("server", address.to_string()),
        ("reconnect_interval", format!("{RECONNECT_S}s")),
    ];
    let operation = |name: &str, interval: &str, timeout: &str| {
        El::new("op")
            .attr("id", format!("{id}-{name}"))
            .attr("name", name)
            .attr("interval", interval)
            .attr("timeout", timeout)
    };
    El::new("primitive")
        .attr("id", id)
        .attr("class", "ocf")
        .attr("provider", "pacemaker")
        .attr("type", "remote")
        .child(nvpairs(
            "instance_attributes",
            &format!("{id}-instance_attributes"),
            &parameters,
        ))
        .child(
            El::new("operations")
                .child(operation("monitor", &format!("{monitor_s}s"), "30s"))
                .child(operation("start", "0s", "60s")),
        )
}

/// The same of a set's, which tells by its description that it is: it cannot be made from the set's
/// template, since Pacemaker looks for remote nodes before it looks at templates (Pacemaker 2.1.5,
/// lib/pengine/unpack.c, unpack_remote_nodes).
pub(super) fn primitive(set: &Set, guest: &Guest, cluster: &Cluster) -> El {
    let id = &guest.resource;
    let mut primitive =
        connection(id, guest.address, set.spec.monitor_s).attr("description", set.tag());
    if cluster.revive.contains(id) {
        let started = [("target-role", "Started".to_owned())];
        primitive = primitive.child(nvpairs("meta_attributes", &meta_id(id), &started));
    }
    primitive
}

/// What of a set of remote nodes has a template's place: it tells whose the set is, and nothing is
/// made from it. Of another type than theirs, for a template of that is a remote node to
/// Pacemaker's scheduler.
pub(super) fn template(tag: &str) -> El {
    El::new("template")
        .attr("id", tag)
        .attr("class", "ocf")
        .attr("provider", "pacemaker")
        .attr("type", "Dummy")
}
