//! `lab ssh-config`: how ssh reaches the cluster nodes from this host.

use crate::context::Context;
use crate::error::Result;
use crate::host::users;
use crate::lab::access::of_existing;
use crate::report::{json, result};

/// # Errors
/// When there is no such lab, or its nodes do not run sshd.
pub(in crate::commands) fn run(context: &Context, name: &str) -> Result<()> {
    users::require_root_even_dry("lab ssh-config")?;
    let access = of_existing(context, Some(name))?;
    if context.options.json {
        return json(&serde_json::json!(access));
    }
    result(access.ssh_config());
    Ok(())
}
