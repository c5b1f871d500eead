//! What nodes are asked that nobody locks: to undo their parts, and how their containers are.

use super::targets;
use crate::change::peers::Asking;
use crate::context::Context;
use crate::peer::{self, Answer, Request, Target, each};
use crate::plan::Set;
use crate::spec::Scope;
use crate::spec::Sharing;
use std::collections::HashMap;
use std::time::Duration;

/// Has nodes undo what they have, of whatever group, side by side, and with [`Scope::All`] forget
/// each other. Gives back how many changes they undid, and what stays.
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

/// States of the set's domains on the other nodes, by domain; and the nodes that do not answer.
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
