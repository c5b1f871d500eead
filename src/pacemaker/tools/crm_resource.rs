//! crm_resource(8): single resources.

use super::EXIT_NO_SUCH;
use crate::error::Result;
use crate::host::at::At;

/// Lets the cluster try again what failed of a resource.
///
/// # Errors
/// When crm_resource fails.
pub fn forgive(at: &dyn At, resource: &str) -> Result<()> {
    at.cmd("crm_resource")
        .args(["--cleanup", "--resource", resource])
        .ok(at.host())
        .map(drop)
}

/// Drops the history of a resource on a node.
///
/// # Errors
/// When crm_resource fails.
pub fn drop_history(at: &dyn At, resource: &str, node: &str) -> Result<()> {
    at.cmd("crm_resource")
        .args(["--refresh", "--force"])
        .args(["--resource", resource, "--node", node])
        .ok(at.host())
        .map(drop)
}

/// Has the cluster stop a resource, which takes its time. Gives back whether there is one.
///
/// # Errors
/// When crm_resource fails otherwise.
pub fn stop(at: &dyn At, resource: &str) -> Result<bool> {
    let output = at
        .cmd("crm_resource")
        .args(["--resource", resource, "--meta"])
        .args(["--set-parameter", "target-role"])
        .args(["--parameter-value", "Stopped"])
        .run(at.host())?;
    match output.code {
        0 => Ok(true),
        EXIT_NO_SUCH => Ok(false),
        _ => Err(output.error()),
    }
}
