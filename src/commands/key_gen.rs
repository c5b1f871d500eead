//! `key-gen`: /etc/pacemaker/authkey, when there is none.

use crate::change::authkey as change;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::users;
use crate::pacemaker::authkey;
use crate::report::{json, result};
use crate::share::Shared;
use crate::spec::Sharing;
use crate::state::{State, turn};
use std::path::Path;
use std::slice::from_ref;

/// # Errors
/// When the key cannot be made, or the one that is there cannot be used.
pub(super) fn run(context: &Context, sharing: &Sharing) -> Result<()> {
    let path = Path::new(authkey::PATH);
    if context.options.dry_run {
        let makes = !path.exists();
        if context.options.json {
            return json(&serde_json::json!({"path": path, "would_make": makes}));
        }
        let what = if makes {
            "make (0640 root:haclient)"
        } else {
            "keep"
        };
        result(format!("would:\n  {what} {}\n", path.display()));
        return Ok(());
    }
    users::require_root("key-gen")?;
    let haclient = users::haclient()?.as_raw();
    if sharing.is_wanted() {
        return on_all(context, sharing);
    }
    if crate::host::files::exists(path) {
        return match authkey::check(path, haclient)? {
            None => {
                context
                    .report
                    .line(format!("{} is there already, and is good", path.display()));
                said(context, false)
            }
            Some((what, mend)) => Err(Error::cant(what).mend(mend)),
        };
    }
    let _host = turn::host(context, from_ref(&context.state_dir))?;
    let mut state = State::open_or_make(&context.state_dir)?;
    match change::make(&mut state.journal) {
        Ok(_) => {
            context.report.line(format!("made {}", path.display()));
            said(context, true)
        }
        Err(e) => Err(state.put_back(context, e)),
    }
}

/// Puts the same key on this node and others.
fn on_all(context: &Context, sharing: &Sharing) -> Result<()> {
    let _host = turn::host(context, from_ref(&context.state_dir))?;
    let mut shared = Shared::open(
        context,
        sharing,
        crate::state::load_set(&context.state_dir)?.as_ref(),
    )?;
    let path = Path::new(authkey::PATH);
    let had_one = crate::host::files::exists(path);
    if had_one {
        if let Some((what, mend)) = authkey::check(path, users::haclient()?.as_raw())? {
            return Err(Error::cant(what).mend(mend));
        }
    }
    let mut state = State::open_or_make(&context.state_dir)?;
    let made = shared
        .announce(&mut state)
        .and_then(|()| shared.take_key(&mut state))
        .and_then(|()| shared.realise_key(&context.host));
    match made {
        Ok(()) => {
            context.report.line(format!(
                "the same {} on {}",
                path.display(),
                shared.nodes().join(", ")
            ));
            said(context, !had_one)
        }
        Err(e) => {
            let e = shared.put_back(&mut state, e);
            Err(state.put_back(context, e))
        }
    }
}

fn said(context: &Context, made: bool) -> Result<()> {
    if context.options.json {
        return json(&serde_json::json!({"path": authkey::PATH, "made": made}));
    }
    Ok(())
}
