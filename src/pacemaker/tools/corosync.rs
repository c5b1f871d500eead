//! Corosync's tools: corosync-cmapctl(8) and corosync-cfgtool(8).

use crate::error::Result;
use crate::host::at::At;

/// This cluster node's name, where corosync.conf gives it one and Corosync runs.
pub(super) fn local_name(at: &dyn At) -> Option<String> {
    let text = at
        .cmd("corosync-cmapctl")
        .arg("nodelist.")
        .ok(at.host())
        .ok()?;
    parse_nodelist(&text)
}

/// This node's name in the output of corosync-cmapctl, which has lines such as
/// `nodelist.local_node_pos (u32) = 0` and `nodelist.node.0.name (str) = node1`.
fn parse_nodelist(text: &str) -> Option<String> {
    let value = |key: &str| {
        let line = text.lines().find(|l| l.split(' ').next() == Some(key))?;
        Some(line.split_once(" = ")?.1.trim().to_owned())
    };
    let here = value("nodelist.local_node_pos")?;
    value(&format!("nodelist.node.{here}.name")).filter(|name| !name.is_empty())
}

/// Has all cluster nodes read corosync.conf again. An error of the tool itself is passed over: a
/// Corosync that cannot be reached is stopped or just starting, and reads the file when it starts.
///
/// # Errors
/// When corosync-cfgtool cannot be run.
pub fn reload(at: &dyn At) -> Result<()> {
    at.cmd("corosync-cfgtool")
        .arg("-R")
        .run(at.host())
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_name_of_corosyncs_list() {
        let text = "nodelist.local_node_pos (u32) = 1\n\
                    nodelist.node.0.name (str) = lab-node1\n\
                    nodelist.node.0.nodeid (u32) = 1\n\
                    nodelist.node.1.name (str) = lab-node2\n";
        assert_eq!(parse_nodelist(text).as_deref(), Some("lab-node2"));
        let unnamed = text.replace("nodelist.node.1.name", "nodelist.node.1.ring0_addr");
        assert_eq!(parse_nodelist(&unnamed), None);
        assert_eq!(parse_nodelist(""), None);
    }
}
