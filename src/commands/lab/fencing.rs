//! `lab fencing`: nodes are not fenced for a while.

use crate::cli::Switch;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::users;
use crate::lab::directory::existing;
use crate::lab::maintenance;
use crate::report::{json, result};
use crate::state::State;
use std::time::Duration;

/// How long the cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// # Errors
/// When there is no such lab, it has no fencing, or its cluster does not answer.
pub(in crate::commands) fn run(context: &Context, name: &str, switch: Switch) -> Result<()> {
    let dry = context.options.dry_run;
    if !dry {
        users::require_root("lab fencing")?;
    }
    let (context, lab) = existing(context, Some(name))?;
    maintenance::check(&lab)?;
    let (on, word) = match switch {
        Switch::On => (true, "on"),
        Switch::Off => (false, "off"),
    };
    if dry && context.options.json {
        return json(&serde_json::json!({"lab": name, "would": word}));
    }
    if dry {
        result(format!("would switch fencing of lab {name} {word}\n"));
        return Ok(());
    }
    let state = State::open_in_turn(&context)?;
    let mut state = state.ok_or_else(|| Error::failed("the lab has just been taken down"))?;
    maintenance::switch(&context, &mut state, &lab, on, PATIENCE)?;
    context.report.line(match on {
        true => format!("lab {name}: fencing is on"),
        false => format!(
            "lab {name}: fencing is off, until lxc-autogen lab fencing on --name {name}, or lab up --name {name}"
        ),
    });
    Ok(())
}
