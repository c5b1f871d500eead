//! crm_attribute(8) and attrd_updater(8): properties of the cluster, and attributes of its nodes.

use crate::error::Result;
use crate::host::at::At;
use std::time::Duration;

/// The property that crm_resource writes on --cleanup and --refresh, to make the controller look
/// at the cluster again (Pacemaker 2.1.5, tools/crm_resource_runtime.c).
pub const REFRESH_PROPERTY: &str = "last-lrm-refresh";

/// Sets a cluster property, or deletes it when there is no value.
///
/// # Errors
/// When crm_attribute fails.
pub fn set_property(at: &dyn At, name: &str, value: Option<&str>) -> Result<()> {
    let cmd = at
        .cmd("crm_attribute")
        .args(["--type", "crm_config", "--name", name]);
    let cmd = match value {
        Some(value) => cmd.args(["--update", value]),
        None => cmd.arg("--delete"),
    };
    cmd.ok(at.host()).map(drop)
}

/// Sets a transient attribute of a node, which the cluster drops when the node leaves; deletes it
/// when there is no value.
///
/// # Errors
/// When attrd_updater fails, or does not end within 10 s.
pub fn set_transient(at: &dyn At, name: &str, node: &str, value: Option<&str>) -> Result<()> {
    let cmd = at
        .cmd("attrd_updater")
        .args(["--name", name, "--node", node])
        .timeout(Duration::from_secs(10));
    let cmd = match value {
        Some(value) => cmd.args(["--update", value]),
        None => cmd.arg("--delete"),
    };
    cmd.ok(at.host()).map(drop)
}
