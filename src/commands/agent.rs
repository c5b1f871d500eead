//! `-d`: fetch the newest VirtualDomain agent and install it; cleanup puts the old one back.

use crate::context::Context;
use crate::error::Result;
use crate::host::users;
use crate::report::{json, result};
use crate::set::agent::{fetch, install, target};
use crate::share::Shared;
use crate::spec::Sharing;
use crate::state::{State, turn};
use std::slice::from_ref;

/// # Errors
/// When it cannot be fetched, is no resource agent, or cannot be installed; nothing is changed
/// then.
pub(super) fn run(context: &Context, url: &str, sharing: &Sharing) -> Result<()> {
    let target = target()?;
    if context.options.dry_run {
        if context.options.json {
            return json(&serde_json::json!({"url": url, "would_install": target}));
        }
        result(format!(
            "would:\n  fetch {url}\n  install it as {}\n",
            target.display()
        ));
        return Ok(());
    }
    users::require_root("download-agent")?;
    let _host = turn::host(context, from_ref(&context.state_dir))?;
    let bytes = fetch(context, url)?;
    let saved = crate::state::load_set(&context.state_dir)?;
    // Where several nodes hold the set, each keeps its own agent unless all nodes are meant.
    let saved = saved.filter(|_| sharing.is_wanted());
    let mut shared = Shared::open(context, sharing, saved.as_ref())?;
    let mut state = State::open_or_make(&context.state_dir)?;
    let installed = shared
        .announce(&mut state)
        .and_then(|()| install(context, &mut state, &bytes, &target))
        .and_then(|()| shared.realise_agent(&context.host, bytes));
    match installed {
        Ok(()) => {
            context
                .report
                .line(format!("installed {}", target.display()));
            if context.options.json {
                return json(&serde_json::json!({"installed": target}));
            }
            Ok(())
        }
        Err(e) => {
            let e = shared.put_back(&mut state, e);
            Err(state.put_back(context, e))
        }
    }
}
