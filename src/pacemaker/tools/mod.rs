//! Pacemaker's command-line tools: cibadmin, crm_mon, crm_node, crm_resource, crm_verify.

use super::cib::Cib;
use super::monitor::View;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use crate::xml::El;
use std::collections::HashSet;
use std::time::Duration;

/// Longest XPath handed to one cibadmin; the kernel takes 128 KiB per argument.
const XPATH_BYTES: usize = 60_000;

/// Whether this error output says that no cluster runs here.
fn not_running(text: &str) -> bool {
    [
        "Transport endpoint is not connected",
        "Could not connect",
        "Connection refused",
        "cluster is not available",
        "No such device or address",
        "Signon to CIB failed",
        "CIB API",
        "Not connected",
    ]
    .iter()
    .any(|m| text.contains(m))
}

/// The whole CIB of the running cluster.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when no cluster runs here or it has no controller yet.
pub fn query(host: &Host) -> Result<Cib> {
    let output = Cmd::new("cibadmin")
        .arg("--query")
        .timeout(Duration::from_secs(30))
        .run(host)?;
    if output.code != 0 {
        let e = output.error();
        if not_running(&output.stderr) || output.code == 102 {
            return Err(Error::cant("no Pacemaker cluster runs on this host")
                .details(e.detail_lines().to_vec())
                .mend("start it, for example: systemctl start corosync pacemaker"));
        }
        return Err(e);
    }
    Cib::parse(&output.stdout)
}

/// The CIB of the running cluster, or else the one this node had when its cluster was stopped.
pub fn last_known(host: &Host) -> Option<Cib> {
    const ON_DISK: &str = "/var/lib/pacemaker/cib/cib.xml";
    query(host)
        .ok()
        .or_else(|| Cib::parse(&std::fs::read_to_string(ON_DISK).ok()?).ok())
}

/// The cluster's state.
///
/// # Errors
/// When crm_mon fails.
pub fn view(host: &Host) -> Result<View> {
    let text = Cmd::new("crm_mon")
        .args(["--one-shot", "--output-as=xml"])
        .timeout(Duration::from_secs(60))
        .ok(host)?;
    View::parse(&text)
}

/// This cluster node's name.
///
/// From corosync, where it is set there: Pacemaker takes it from the same place (Pacemaker 2.1.5,
/// lib/cluster/corosync.c, pcmk__corosync_name). crm_node asks the controller, which in a cluster
/// that has just started answered after 0.6 s.
///
/// # Errors
/// When crm_node fails, as it does without a cluster.
pub fn this_node(host: &Host) -> Result<String> {
    if let Some(name) = corosyncs_name(host) {
        return Ok(name);
    }
    let text = Cmd::new("crm_node").arg("--name").ok(host)?;
    let name = text.trim();
    if name.is_empty() {
        return Err(Error::cant("the cluster does not say who this node is")
            .mend("see crm_node --name; is the node in the cluster's list?"));
    }
    Ok(name.to_owned())
}

fn corosyncs_name(host: &Host) -> Option<String> {
    let text = Cmd::new("corosync-cmapctl")
        .arg("nodelist.")
        .ok(host)
        .ok()?;
    parse_nodelist(&text)
}

/// `nodelist.local_node_pos (u32) = 0` and `nodelist.node.0.name (str) = node1`.
fn parse_nodelist(text: &str) -> Option<String> {
    let value = |key: &str| {
        let line = text.lines().find(|l| l.split(' ').next() == Some(key))?;
        Some(line.split_once(" = ")?.1.trim().to_owned())
    };
    let here = value("nodelist.local_node_pos")?;
    value(&format!("nodelist.node.{here}.name")).filter(|name| !name.is_empty())
}

/// Names of all cluster nodes that the cluster knows, also those that are down.
///
/// # Errors
/// When crm_node fails, as it does without a cluster.
pub fn cluster_nodes(host: &Host) -> Result<Vec<String>> {
    let text = Cmd::new("crm_node").arg("--list").ok(host)?;
    Ok(parse_nodes(&text))
}

/// `crm_node --list`: `1 node1 member`, `2 node2 lost`. Guest and remote nodes, which have a name for
/// an id, are left out.
pub(crate) fn parse_nodes(text: &str) -> Vec<String> {
    let node = |line: &str| {
        let mut words = line.split_whitespace();
        let id = words.next()?;
        let name = words.next()?;
        let is_id = id.bytes().all(|b| b.is_ascii_digit());
        is_id.then(|| name.to_owned())
    };
    text.lines().filter_map(node).collect()
}

/// Merges a `<configuration>` tree into the CIB as one change.
///
/// # Errors
/// When cibadmin refuses it; nothing is changed then.
pub fn merge(host: &Host, configuration: &El) -> Result<()> {
    merge_with(host, configuration, None)
}

fn merge_with(host: &Host, configuration: &El, file: Option<&std::path::Path>) -> Result<()> {
    let mut cmd = Cmd::new("cibadmin")
        .args([
            "--modify",
            "--allow-create",
            "--scope",
            "configuration",
            "--xml-pipe",
        ])
        .stdin(configuration.render());
    if let Some(file) = file {
        cmd = cmd.env("CIB_file", file);
    }
    cmd.ok(host).map(drop)
}

/// Tries a merge on a copy of this CIB and lets crm_verify judge the result, so that nothing is
/// pushed that the cluster would refuse or complain about.
///
/// # Errors
/// What cibadmin or crm_verify say about it, unless crm_verify says the same without our change.
pub fn check_merge(host: &Host, current: &Cib, configuration: &El) -> Result<()> {
    let current = current.render();
    let copy = tempfile::NamedTempFile::new()
        .map_err(|e| Error::failed(format!("make a temporary file: {e}")))?;
    std::fs::write(copy.path(), &current).map_err(|e| Error::io("write", copy.path(), e))?;
    merge_with(host, configuration, Some(copy.path()))?;
    let verdict = verify_file(host, copy.path())?;
    if verdict.is_empty() {
        return Ok(());
    }
    std::fs::write(copy.path(), &current).map_err(|e| Error::io("write", copy.path(), e))?;
    let before = verify_file(host, copy.path())?;
    let ours: Vec<String> = verdict
        .into_iter()
        .filter(|l| !before.contains(l))
        .collect();
    if ours.is_empty() {
        return Ok(());
    }
    Err(Error::failed("crm_verify refuses what would be added to the CIB").details(ours))
}

/// What crm_verify has against a CIB, line by line; nothing when it is valid.
fn verify_file(host: &Host, file: &std::path::Path) -> Result<Vec<String>> {
    let output = Cmd::new("crm_verify")
        .arg("--xml-file")
        .arg(file)
        .arg("-V")
        .run(host)?;
    if output.code == 0 {
        return Ok(Vec::new());
    }
    let said = output.error();
    Ok(said.detail_lines().to_vec())
}

/// Deletes the objects with these ids from a section of the configuration, in as few changes as
/// the length of a command line allows. Ids that are not there are fine.
///
/// # Errors
/// When cibadmin fails.
pub fn delete(host: &Host, ids: &[String]) -> Result<()> {
    for xpath in xpaths(ids) {
        replace_or_delete(host, &xpath, None)?;
    }
    Ok(())
}

/// Replaces the element that an XPath finds, or deletes all that it finds where there is nothing to
/// replace it by. Nothing found is fine: it is gone, or somebody else's by now; the condition is
/// part of the change, so that nothing can come between.
///
/// # Errors
/// When cibadmin fails.
pub fn replace_or_delete(host: &Host, xpath: &str, by: Option<&str>) -> Result<()> {
    let cmd = Cmd::new("cibadmin");
    let cmd = match by {
        Some(xml) => cmd
            .args(["--replace", "--xpath", xpath, "--xml-pipe"])
            .stdin(xml.to_owned()),
        None => cmd.args(["--delete-all", "--force", "--xpath", xpath]),
    };
    let output = cmd.run(host)?;
    // Exit status 105: nothing matched.
    match output.code {
        0 | 105 => Ok(()),
        _ => Err(output.error()),
    }
}

/// XPaths for direct children of the sections that we add to, never nested ones: cibadmin frees
/// what it has deleted and must not meet it again.
fn xpaths(ids: &[String]) -> Vec<String> {
    const HEAD: &str =
        "/cib/configuration/*[self::nodes or self::resources or self::constraints]/*[";
    let mut all: Vec<String> = Vec::new();
    for id in ids {
        let test = format!("@id='{id}'");
        match all.last_mut() {
            Some(last) if last.len() + test.len() < XPATH_BYTES => {
                last.push_str(" or ");
                last.push_str(&test);
            }
            _ => all.push(format!("{HEAD}{test}")),
        }
    }
    all.iter_mut().for_each(|x| x.push(']'));
    all
}

/// Deletes entries and states of guest or remote nodes. Those that are not there are fine.
///
/// # Errors
/// When cibadmin fails.
pub fn delete_nodes(host: &Host, names: &[&str]) -> Result<()> {
    const PLACES: [&str; 2] = [
        "/cib/configuration/nodes/node[@type='remote']",
        "/cib/status/node_state[@remote_node]",
    ];
    for few in names.chunks(1000) {
        let tests: Vec<String> = few.iter().map(|name| format!("@id='{name}'")).collect();
        let places = PLACES.map(|place| format!("{place}[{}]", tests.join(" or ")));
        replace_or_delete(host, &places.join(" | "), None)?;
    }
    Ok(())
}

/// Names of all nodes that the controller knows, guest and remote nodes too.
///
/// # Errors
/// When crm_node fails.
pub fn nodes_known(host: &Host) -> Result<HashSet<String>> {
    let text = Cmd::new("crm_node").arg("--list").ok(host)?;
    let names = text.lines().filter_map(|l| l.split_whitespace().nth(1));
    Ok(names.map(str::to_owned).collect())
}

/// Makes the cluster forget a node that is gone, its attributes and history with it.
///
/// # Errors
/// When crm_node fails.
pub fn forget_node(host: &Host, name: &str) -> Result<()> {
    Cmd::new("crm_node")
        .args(["--force", "--remove", name])
        .ok(host)
        .map(drop)
}

/// Sets a cluster property, or takes it out.
///
/// # Errors
/// When crm_attribute fails.
pub fn set_property(host: &Host, name: &str, value: Option<&str>) -> Result<()> {
    let cmd = Cmd::new("crm_attribute").args(["--type", "crm_config", "--name", name]);
    let cmd = match value {
        Some(value) => cmd.args(["--update", value]),
        None => cmd.arg("--delete"),
    };
    cmd.ok(host).map(drop)
}

/// The property that crm_resource writes on --cleanup and --refresh, to make the controller look
/// at the cluster again (Pacemaker 2.1.5, tools/crm_resource_runtime.c).
pub const REFRESH_PROPERTY: &str = "last-lrm-refresh";

/// Lets the cluster try again what failed of a resource.
///
/// # Errors
/// When crm_resource fails.
pub fn forgive(host: &Host, resource: &str) -> Result<()> {
    Cmd::new("crm_resource")
        .args(["--cleanup", "--resource", resource])
        .ok(host)
        .map(drop)
}

/// Drops the history of a resource on a node.
///
/// # Errors
/// When crm_resource fails.
pub fn drop_history(host: &Host, resource: &str, node: &str) -> Result<()> {
    Cmd::new("crm_resource")
        .args([
            "--refresh",
            "--force",
            "--resource",
            resource,
            "--node",
            node,
        ])
        .ok(host)
        .map(drop)
}

/// The version that `pacemakerd --version` prints.
///
/// # Errors
/// When it does not run.
pub fn version(host: &Host) -> Result<String> {
    crate::rootfs::version(host, std::path::Path::new("pacemakerd"))
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

    #[test]
    fn cluster_nodes_as_crm_node_lists_them() {
        let text = "1 node1 member\n2 node2 lost\nlxc1 lxc1 member\n";
        assert_eq!(parse_nodes(text), ["node1", "node2"]);
    }

    #[test]
    fn an_xpath_names_direct_children_only() {
        let ids = ["a", "b"].map(String::from);
        assert_eq!(
            xpaths(&ids),
            [
                "/cib/configuration/*[self::nodes or self::resources or self::constraints]\
              /*[@id='a' or @id='b']"
            ]
        );
        assert!(xpaths(&[]).is_empty());
    }
}
