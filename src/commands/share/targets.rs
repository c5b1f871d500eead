//! Which other nodes are meant, and how they are reached.

use super::super::Context;
use crate::cli::Share;
use crate::error::{Error, Result};
use crate::journal::{Journal, Undo};
use crate::peer::{self, Target, each};

/// Whom to reach: those asked for, and those that hold the set already.
pub(super) fn all(
    context: &Context,
    share: &Share,
    held: &[String],
    this: &str,
) -> Result<Vec<Target>> {
    let mut names: Vec<String> = held.to_vec();
    if !share.nodes.is_empty() {
        names.extend(share.nodes.iter().cloned());
    } else if share.share_configs {
        names.extend(
            crate::pacemaker::tools::cluster_nodes(&context.host).map_err(|e| {
                e.context("-s needs the names of the cluster's nodes")
                    .mend("start the cluster, or name them: --nodes node2,node3")
            })?,
        );
    }
    let recorded = Journal::peek(&context.state_dir)?;
    let mut targets: Vec<Target> = Vec::new();
    for name in names {
        if name == this || targets.iter().any(|t| t.node == name) {
            continue;
        }
        let known = recorded.iter().find_map(|undo| match undo {
            Undo::Peer { target, .. } if target.node == name => Some(target.clone()),
            _ => None,
        });
        let mut target = known.unwrap_or_else(|| Target::new(&name, &share.ssh_option));
        if !share.ssh_option.is_empty() {
            target.options.clone_from(&share.ssh_option);
        }
        targets.push(target);
    }
    for name in &share.nodes {
        check_name(name)?;
    }
    Ok(targets)
}

/// A name that ssh would take for something else, or a list with a hole in it.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    if !name.is_empty() && !name.starts_with('-') && name.bytes().all(plain) {
        return Ok(());
    }
    Err(
        Error::usage(format!("--nodes: {name:?} is no name of a node"))
            .mend("as crm_node --list has them, with commas between: --nodes node2,node3"),
    )
}

pub(super) fn options(share: &Share, targets: &[Target]) -> Vec<String> {
    match targets.first() {
        Some(first) if share.ssh_option.is_empty() => first.options.clone(),
        _ => share.ssh_option.clone(),
    }
}

/// Those of the nodes that are asked for, besides the known ones, that answer. One that does not
/// is said to: nothing is known to be on it.
///
/// # Errors
/// When their names cannot be had.
pub(in super::super) fn answering(
    context: &Context,
    share: &Share,
    known: &[Target],
) -> Result<Vec<Target>> {
    if !share.is_wanted() {
        return Ok(Vec::new());
    }
    let this = peer::this_node(&context.host)?;
    let mut targets = match all(context, share, &[], &this) {
        // Those that are known are asked all the same.
        Err(e) if context.common.force || !known.is_empty() => {
            context.report.warn(e.message());
            Vec::new()
        }
        other => other?,
    };
    targets.retain(|t| known.iter().all(|k| k.node != t.node));
    let opened = each(&targets, |target| {
        peer::open(&context.host, target, &context.state_dir).map(|session| session.target.clone())
    });
    let mut answering = Vec::new();
    for (target, result) in targets.into_iter().zip(opened) {
        match result {
            Ok(_) => answering.push(target),
            Err(e) => context.report.warn(format!(
                "{}; whether something is left on {} cannot be said",
                e.message(),
                target.node
            )),
        }
    }
    Ok(answering)
}
