//! crm_resource(8): changes to single resources.

use super::EXIT_NO_SUCH;
use crate::error::Result;
use crate::host::at::At;

/// Makes the cluster forget the failures of a resource, so that it tries again.
///
/// # Errors
/// When crm_resource fails.
pub fn forgive(at: &dyn At, resource: &str) -> Result<()> {
    at.cmd("crm_resource")
        .args(["--cleanup", "--resource", resource])
        .ok(at.host())
        .map(drop)
}

/// Deletes the history of a resource on a node.
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

/// Deletes a meta attribute of a resource. One that is not set is passed over.
///
/// # Errors
/// When crm_resource fails.
pub fn delete_meta(at: &dyn At, resource: &str, name: &str) -> Result<()> {
    let output = at
        .cmd("crm_resource")
        .args(["--resource", resource, "--meta"])
        .args(["--delete-parameter", name])
        .run(at.host())?;
    match output.code {
        0 | EXIT_NO_SUCH => Ok(()),
        _ => Err(output.error()),
    }
}

/// Has the cluster manage a resource again that somebody took out of its management.
///
/// # Errors
/// When crm_resource fails.
pub fn manage(at: &dyn At, resource: &str) -> Result<()> {
    ["is-managed", "maintenance"]
        .into_iter()
        .try_for_each(|name| delete_meta(at, resource, name))
}

/// Deletes the constraints that `crm_resource --ban` and `--move` made for a resource.
///
/// # Errors
/// When crm_resource fails.
pub fn clear(at: &dyn At, resource: &str) -> Result<()> {
    at.cmd("crm_resource")
        .args(["--clear", "--resource", resource])
        .ok(at.host())
        .map(drop)
}

/// Sets a resource's target-role to Stopped and does not wait for the stop. Returns whether there
/// is such a resource.
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
