//! `lab cp`: files and directories into a node and out of it.

use crate::context::Context;
use crate::error::Result;
use crate::host::users;
use crate::lab::copy::{Place, check, copy};
use crate::report::{count, json, result};
use std::ffi::OsStr;

/// # Errors
/// As [`copy`], and a usage error when a place is none.
pub(in crate::commands) fn run(
    context: &Context,
    source: &OsStr,
    target: &OsStr,
    lab: Option<&str>,
) -> Result<()> {
    let source = Place::parse(source)?.of_lab(lab)?;
    let target = Place::parse(target)?.of_lab(lab)?;
    check(&source, &target)?;
    if context.options.dry_run {
        let text = format!("would copy {source} to {target}\n");
        return match context.options.json {
            true => json(&serde_json::json!({
                "source": source.to_string(), "target": target.to_string(),
            })),
            false => {
                result(text);
                Ok(())
            }
        };
    }
    users::require_root("lab cp")?;
    let copied = copy(context, &source, &target)?;
    for example in &copied.examples {
        context.report.warn(format!("left out: {example}"));
    }
    let more = copied.left_out - copied.examples.len() as u64;
    if more > 0 {
        context.report.warn(format!("left out: {more} more"));
    }
    if context.options.json {
        return json(&serde_json::json!(copied));
    }
    let files = count(usize::try_from(copied.files).unwrap_or(usize::MAX), "file");
    context.report.line(format!(
        "copied {files}, {} bytes, to {target}",
        copied.bytes
    ));
    Ok(())
}
