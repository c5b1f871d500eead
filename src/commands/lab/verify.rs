//! `lab verify`: can this host take a lab? No cluster need run here.

use crate::checks::report;
use crate::context::Context;
use crate::error::Result;
use crate::lab::directory::of_lab;
use crate::lab::resolve::{completed, name_of};
use crate::lab::{Wanted, verify};
use std::path::Path;

/// # Errors
/// [`crate::error::Kind::Cant`] when a check fails.
pub(in crate::commands) fn run(
    context: &Context,
    wanted: &Wanted,
    file: Option<&Path>,
    quick: bool,
) -> Result<()> {
    let wanted = completed(wanted, file)?;
    let name = name_of(&wanted).to_owned();
    // A dry run starts nothing.
    let quick = quick || context.options.dry_run;
    let checks = verify::look_at(&of_lab(context, &name)?, &wanted, quick)?;
    report(context, &checks, serde_json::json!({"lab": name}))
}
