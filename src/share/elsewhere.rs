//! Requests to other nodes outside a shared change: undoing their parts, and the states of their
//! domains.

use super::targets;
use crate::change::peers::Asking;
use crate::context::Context;
use crate::peer::{self, Answer, Request, Target, each};
use crate::plan::Set;
use crate::spec::Scope;
use crate::spec::Sharing;
use std::collections::HashMap;
use std::time::Duration;

/// Has nodes undo their parts, whatever group they belong to, side by side; with [`Scope::All`]
/// they then forget each other, if nothing is left. Gives back the number of changes undone, and a
/// line for each that stays.
pub(crate) fn undo_on(
    context: &Context,
    scope: Scope,
    targets: &[Target],
    cluster_down: bool,
    forget: &[String],
) -> (usize, Vec<String>) {
    if scope == Scope::Cib {
        return (0, Vec::new());
    }
    let asking = Asking {
        host: &context.host,
        state_dir: &context.state_dir,
        scope,
        force: cluster_down,
        forget,
    };
    let mut told = asking.all(targets.iter().map(|t| (t.clone(), None)).collect());
    if scope == Scope::All {
        told.release();
    }
    let line = |(node, line): (String, String)| format!("what is on node {node}: {line}");
    (told.undone, told.remains.into_iter().map(line).collect())
}

/// States of the set's domains on the other nodes, by domain name; and names of the nodes that do
/// not answer.
pub(crate) fn domains(context: &Context, set: &Set) -> (HashMap<String, String>, Vec<String>) {
    let (mut all, mut silent) = (HashMap::new(), Vec::new());
    let Ok(this) = peer::this_node(&context.host) else {
        return (all, silent);
    };
    let none = Sharing::default();
    let Ok(targets) = targets::all(context, &none, &set.nodes, &this) else {
        return (all, silent);
    };
    let answers = each(&targets, |target| {
        let mut session = peer::open(&context.host, target, &context.state_dir)?;
        match session.ask(&Request::Domains, Duration::from_secs(30))? {
            Answer::Domains(states) => Ok(states),
            _ => Err(session.unexpected()),
        }
    });
    for (target, answer) in targets.into_iter().zip(answers) {
        match answer {
            Ok(states) => all.extend(states),
            Err(e) => {
                context.report.warn(e.message());
                silent.push(target.node);
            }
        }
    }
    (all, silent)
}
