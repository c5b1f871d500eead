//! Choosing the other nodes of a command, and how to reach them.

use crate::change::{Change, Journal, Peer};
use crate::context::Context;
use crate::error::Result;
use crate::peer::{self, Target, each};
use crate::spec::Sharing;

/// The nodes that the options name, and those that hold the set already; without this node.
pub(crate) fn all(
    context: &Context,
    sharing: &Sharing,
    held: &[String],
    this: &str,
) -> Result<Vec<Target>> {
    let mut names: Vec<String> = held.to_vec();
    if !sharing.nodes.is_empty() {
        names.extend(sharing.nodes.iter().cloned());
    } else if sharing.every {
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
        let known = recorded.iter().find_map(|change| match change {
            Change::Peers(Peer { target, .. }) if target.node == name => Some(target.clone()),
            _ => None,
        });
        let mut target = known.unwrap_or_else(|| Target::new(&name, &sharing.ssh_options));
        if !sharing.ssh_options.is_empty() {
            target.options.clone_from(&sharing.ssh_options);
        }
        targets.push(target);
    }
    sharing.check_names()?;
    Ok(targets)
}

pub(crate) fn options(sharing: &Sharing, targets: &[Target]) -> Vec<String> {
    match targets.first() {
        Some(first) if sharing.ssh_options.is_empty() => first.options.clone(),
        _ => sharing.ssh_options.clone(),
    }
}

/// Nodes that the options name, that are not among the known ones, and that answer. A node that
/// does not answer gets a warning: nothing is known to be on it.
///
/// # Errors
/// When the names of the cluster's nodes cannot be had; a warning where a node is known, or with
/// --force.
pub(crate) fn answering(
    context: &Context,
    sharing: &Sharing,
    known: &[Target],
) -> Result<Vec<Target>> {
    if !sharing.is_wanted() {
        return Ok(Vec::new());
    }
    let this = peer::this_node(&context.host)?;
    let mut targets = match all(context, sharing, &[], &this) {
        // The known nodes are asked all the same.
        Err(e) if context.options.force || !known.is_empty() => {
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
