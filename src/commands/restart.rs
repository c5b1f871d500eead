//! `restart`: single nodes of a set, one after the other.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::users;
use crate::look::Look;
use crate::report::{json, result};
use crate::set::single;
use crate::state::State;

/// # Errors
/// When there is no such node, or it is not online again in time.
pub(super) fn run(context: &Context, names: &[String]) -> Result<()> {
    users::require_root_even_dry("restart")?;
    let state = State::open_in_turn(context)?;
    let set = state.as_ref().and_then(|state| state.set.clone());
    let set = set.ok_or_else(|| {
        Error::cant(format!("no containers in {}", context.state_dir.display()))
            .mend("lxc-autogen up; a lab's nodes: lxc-autogen lab restart")
    })?;
    let nodes = single::named(&set, names)?;
    let look = Look::new(context);
    single::check_restart(&look, &set, &nodes)?;
    let names: Vec<&str> = nodes.iter().map(|n| n.name.as_str()).collect();
    let told = |key: &str, value: &str| {
        let each = names
            .iter()
            .map(|name| serde_json::json!({"name": name, key: value}));
        json(&serde_json::json!({"nodes": each.collect::<Vec<_>>()}))
    };
    match (context.options.dry_run, context.options.json) {
        (true, true) => return told("would", "restart"),
        (true, false) => {
            result(format!("would:\n  restart {}\n", names.join(", ")));
            return Ok(());
        }
        (false, _) => single::restart(&look, &set, &nodes)?,
    }
    match context.options.json {
        true => told("state", "online"),
        false => Ok(()),
    }
}
