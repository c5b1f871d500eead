//! `lab`: a whole cluster on this machine.

mod check;
mod choose;
mod down;
mod exec;
mod fence;
mod graph;
mod groups;
mod guests;
mod leave;
mod make;
mod nodes;
mod reconnect;
mod resize;
mod status;
mod up;

use super::Context;
use crate::cli::{Common, LabCommand};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::files;
use crate::lab::{self, DEFAULT_NAME, Lab};
use crate::libvirt::{marked_state_dir, virsh};
use crate::report::Report;
pub(super) use groups::keep as keep_groups;
use std::path::{Path, PathBuf};

/// Carries out a subcommand of `lab`.
///
/// # Errors
/// What went wrong.
pub(super) fn run(context: &Context, command: &LabCommand) -> Result<()> {
    match command {
        LabCommand::Up { shape } => up::run(context, shape),
        LabCommand::Down { name, all } => down::run(context, name.as_deref(), *all),
        LabCommand::Status { name } => status::run(context, name.as_deref()),
        LabCommand::List => status::list(context),
        LabCommand::Exec { node, command } => exec::run(context, node, command),
        LabCommand::Shell { node } => exec::shell(context, node),
        LabCommand::Graph { name, format } => graph::run(context, name.as_deref(), *format),
    }
}

/// The same context with a lab's directory for its state directory.
fn of_lab(context: &Context, name: &str) -> Result<Context> {
    lab::valid_name(name)?;
    Ok(in_directory(context, directory(context, name)))
}

fn in_directory(context: &Context, directory: PathBuf) -> Context {
    let common: Common = context.common.clone();
    Context {
        host: Host::new(common.verbose),
        report: Report::new(common.quiet, common.verbose),
        state_dir: directory,
        common,
    }
}

fn directory(context: &Context, name: &str) -> PathBuf {
    lab::directory(&context.state_dir, name)
}

fn all(context: &Context) -> Vec<String> {
    lab::beside(&context.state_dir)
}

/// Names of labs whose directory is gone, by the marks of their domains.
fn lost(context: &Context) -> Vec<String> {
    let start = directory(context, "").to_string_lossy().into_owned();
    let domains: Vec<String> = virsh::domains(&context.host)
        .map(|rows| rows.into_iter().map(|r| r.name).collect())
        .unwrap_or_default();
    let known = all(context);
    let mut names: Vec<String> = virsh::dump_domains(&context.host, &domains)
        .unwrap_or_default()
        .iter()
        .filter_map(|xml| {
            marked_state_dir(xml)?
                .strip_prefix(&start)
                .map(str::to_owned)
        })
        .filter(|name| lab::valid_name(name).is_ok() && !known.contains(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The lab in a directory, without taking its lock.
fn load(directory: &Path) -> Result<Option<Lab>> {
    let path = directory.join(lab::FILE);
    files::read_optional(&path)?
        .map(|bytes| {
            Lab::from_json(
                &String::from_utf8_lossy(&bytes),
                &path.display().to_string(),
            )
        })
        .transpose()
}

/// The lab by name (or the default one); it must be there.
fn existing(context: &Context, name: Option<&str>) -> Result<(Context, Lab)> {
    let name = name.unwrap_or(DEFAULT_NAME);
    let context = of_lab(context, name)?;
    match load(&context.state_dir)? {
        Some(lab) => Ok((context, lab)),
        None => Err(no_lab(&context, name)),
    }
}

fn no_lab(context: &Context, name: &str) -> Error {
    Error::cant(format!(
        "there is no lab {name} ({} is not there)",
        context.state_dir.display()
    ))
    .mend("lxc-autogen lab list shows those that are; lxc-autogen lab up makes one")
}
