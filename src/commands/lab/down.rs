//! `lab down`: undoes the journal. Needs none of the lab's own daemons.

use crate::change::{Change, Journal};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::users;
use crate::lab::directory::{beside, lost, no_lab, of_lab};
use crate::lab::down::down;
use crate::report::{count, json, result};
use crate::set::discover;
use crate::state::turn;
use std::collections::HashSet;

/// # Errors
/// [`crate::error::Kind::LeftBehind`] with the list of what had to stay.
pub(in crate::commands) fn run(
    context: &Context,
    name: &str,
    every: bool,
    if_exists: bool,
) -> Result<()> {
    let names = || match every {
        true => [beside(&context.state_dir), lost(context)].concat(),
        false => vec![name.to_owned()],
    };
    let is_none = || Ok::<_, Error>(if_exists && !every && !is_there(context, name)?);
    if is_none()? {
        return none(context, name);
    }
    if context.options.dry_run {
        return preview(context, &names());
    }
    users::require_root("lab down")?;
    let directories = names().into_iter().map(|name| {
        let of = of_lab(context, &name)?;
        Ok(of.state_dir)
    });
    let _host = turn::host(context, &directories.collect::<Result<Vec<_>>>()?)?;
    // A run that has been waited for may have taken it down.
    if is_none()? {
        return none(context, name);
    }
    let names = names();
    let mut undone = 0;
    let mut failed: Option<Error> = None;
    for name in &names {
        match down(&of_lab(context, name)?, name) {
            Ok(number) => undone += number,
            // The other labs are taken down all the same.
            Err(e) => failed = Some(failed.map_or(e.clone(), |f| f.details([e.to_string()]))),
        }
    }
    match failed {
        Some(e) => Err(e),
        None => {
            if context.options.json {
                json(&serde_json::json!({"labs": names, "undone": undone}))?;
            }
            context.report.line(match names.len() {
                0 => "no labs".to_owned(),
                number => format!(
                    "{} {}: taken down, {} undone, nothing left",
                    if number == 1 { "lab" } else { "labs" },
                    names.join(", "),
                    count(undone, "change")
                ),
            });
            Ok(())
        }
    }
}

/// What is said where there is no such lab, and none is needed.
fn none(context: &Context, name: &str) -> Result<()> {
    context.report.line(format!("there is no lab {name}"));
    match (context.options.json, context.options.dry_run) {
        (false, _) => Ok(()),
        (true, true) => json(&serde_json::json!({"labs": []})),
        (true, false) => json(&serde_json::json!({"labs": [], "undone": 0})),
    }
}

/// Whether there is anything of a lab: its directory, or domains with its mark.
fn is_there(context: &Context, name: &str) -> Result<bool> {
    let directory = of_lab(context, name)?.state_dir;
    Ok(crate::host::files::exists(&directory) || lost(context).iter().any(|lost| lost == name))
}

fn preview(context: &Context, names: &[String]) -> Result<()> {
    let mut text = String::new();
    let mut values = Vec::new();
    for name in names {
        let context = of_lab(context, name)?;
        let lost = !crate::host::files::exists(&context.state_dir);
        let mut undos = match lost {
            true => Vec::new(),
            false => Journal::peek(&context.state_dir)?,
        };
        if !Journal::is_whole(&context.state_dir) {
            // Where the directory is gone, only marks that things carry tell of the lab.
            undos.extend(discover::found(&context, None)?);
            let mut seen = HashSet::new();
            undos.retain(|undo| seen.insert(undo.key()));
        }
        if let (false, Some(told)) = (lost, Journal::peek_unreadable(&context.state_dir)?) {
            context.report.warn(told);
        }
        if lost && undos.is_empty() {
            return Err(no_lab(&context, name));
        }
        let keys: Vec<String> = undos.iter().map(Change::key).collect();
        text.push_str(&format!("would take lab {name} down:\n"));
        if lost {
            let directory = context.state_dir.display();
            text.push_str(&format!("  {directory} is gone; by the marks there are:\n"));
        }
        for key in &keys {
            text.push_str(&format!("  undo {key}\n"));
        }
        values.push(serde_json::json!({"lab": name, "lost": lost, "undo": keys}));
    }
    if context.options.json {
        return json(&serde_json::json!({ "labs": values }));
    }
    result(if names.is_empty() {
        "no labs\n".to_owned()
    } else {
        text
    });
    Ok(())
}
