//! `lab inventory`: the cluster nodes for Ansible.

use crate::context::Context;
use crate::error::Result;
use crate::host::users;
use crate::lab::access::of_existing;
use crate::report::{json, result};

/// # Errors
/// When there is no such lab, or its nodes do not run sshd.
pub(in crate::commands) fn run(context: &Context, name: &str) -> Result<()> {
    users::require_root_even_dry("lab inventory")?;
    let inventory = of_existing(context, Some(name))?.inventory();
    if context.options.json {
        return json(&serde_json::json!(inventory));
    }
    result(inventory.yaml()?);
    Ok(())
}
