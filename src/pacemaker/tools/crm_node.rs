//! crm_node(8): the nodes that the controller knows.

use super::{EXIT_DISCONNECTED, corosync};
use crate::error::{Error, Result};
use crate::host::at::At;
use crate::host::command::DEFAULT_TIMEOUT;
use crate::host::poll::{Poll, Seen};
use std::collections::HashSet;
use std::time::Duration;

/// This cluster node's name.
///
/// From Corosync where corosync.conf names the nodes: Pacemaker takes the name from there too
/// (Pacemaker 2.1.5, lib/cluster/corosync.c, pcmk__corosync_name). Otherwise from crm_node, which
/// asks the controller; in a cluster that had just started that took 0.6 s.
///
/// # Errors
/// When crm_node fails, as it does without a cluster.
pub fn this_node(at: &dyn At) -> Result<String> {
    if let Some(name) = corosync::local_name(at) {
        return Ok(name);
    }
    let text = at.cmd("crm_node").arg("--name").ok(at.host())?;
    let name = text.trim();
    if name.is_empty() {
        return Err(Error::cant("the cluster does not say who this node is")
            .mend("see crm_node --name; is the node in the cluster's list?"));
    }
    Ok(name.to_owned())
}

/// A line of `crm_node --list`: `1 node1 member`, `2 node2 lost`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Corosync's number of a cluster node; of guest and remote nodes the node name.
    pub id: String,
    /// The node's name.
    pub name: String,
    /// `member`, `lost`, or empty.
    pub state: String,
    /// The whole line, for messages.
    pub line: String,
}

/// All nodes that the controller knows: guest and remote nodes too, online or not.
///
/// # Errors
/// When crm_node fails, as it does without a cluster.
pub fn list(at: &dyn At) -> Result<Vec<Listed>> {
    list_within(at, DEFAULT_TIMEOUT)
}

fn list_within(at: &dyn At, timeout: Duration) -> Result<Vec<Listed>> {
    let list = at.cmd("crm_node").arg("--list").timeout(timeout);
    Ok(parse(&list.ok(at.host())?))
}

fn parse(text: &str) -> Vec<Listed> {
    let listed = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some(Listed {
            id: words.next()?,
            name: words.next()?,
            state: words.next().unwrap_or_default(),
            line: line.to_owned(),
        })
    };
    text.lines().filter_map(listed).collect()
}

/// Names of all cluster nodes that the controller knows, online or not.
///
/// # Errors
/// As [`list`].
pub fn cluster_nodes(at: &dyn At) -> Result<Vec<String>> {
    cluster_nodes_within(at, DEFAULT_TIMEOUT)
}

/// The names, as [`cluster_nodes`], with a timeout of the caller's.
///
/// # Errors
/// As [`list`], and when crm_node does not end in time.
pub fn cluster_nodes_within(at: &dyn At, timeout: Duration) -> Result<Vec<String>> {
    Ok(cluster_nodes_of(list_within(at, timeout)?))
}

fn cluster_nodes_of(list: Vec<Listed>) -> Vec<String> {
    let is_number = |id: &str| id.bytes().all(|b| b.is_ascii_digit());
    let cluster = list.into_iter().filter(|node| is_number(&node.id));
    cluster.map(|node| node.name).collect()
}

/// Names of all nodes that the controller knows, guest and remote nodes too. Waits up to a minute
/// for a controller that is just being started again: on a machine with much to do pacemakerd kills
/// daemons that are busy with a thousand resources (Pacemaker 2.1.5, daemons/pacemakerd/
/// pcmkd_subdaemons.c, check_next_subdaemon), and the controller ends with them.
///
/// # Errors
/// As [`list`].
pub fn nodes_known(at: &dyn At) -> Result<HashSet<String>> {
    let list = at.cmd("crm_node").arg("--list");
    let look = |_: &mut Poll| {
        let output = list.run(at.host())?;
        match output.code {
            0 => Ok(Seen::Ready(parse(&output.stdout))),
            EXIT_DISCONNECTED => Ok(Seen::Waiting(output.error())),
            _ => Err(output.error()),
        }
    };
    let poll = Poll::every(Duration::from_millis(500), Duration::from_secs(60)).uninterrupted();
    let known = poll.until(look, |e| e)?;
    Ok(known.into_iter().map(|node| node.name).collect())
}

/// Makes the cluster forget a node that is gone, with the node's attributes and history.
///
/// # Errors
/// When crm_node fails.
pub fn forget_node(at: &dyn At, name: &str) -> Result<()> {
    at.cmd("crm_node")
        .args(["--force", "--remove", name])
        .ok(at.host())
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_as_crm_node_lists_them() {
        let text = "1 node1 member\n2 node2 lost\nlxc1 lxc1 member\n3\n";
        let list = parse(text);
        let names: Vec<&str> = list.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["node1", "node2", "lxc1"]);
        assert_eq!(list[1].line, "2 node2 lost");
        assert_eq!(cluster_nodes_of(list), ["node1", "node2"]);
    }
}
