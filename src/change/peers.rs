//! Having other nodes undo the changes that were made on them.

use super::allowed;
use super::kinds::{About, Kind};
use super::traces::Traces;
use super::{Batch, Item, SET_FILE, Undoer};
use crate::error::Result;
use crate::host::Host;
use crate::peer::{self, Answer, Request, Session, Target, each};
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// Have another cluster node undo the changes that were made on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The node, and how it is reached.
    #[serde(flatten)]
    pub target: Target,
    /// Id of the group of nodes that the set was made on ([`crate::peer::Group`]). A node that
    /// belongs to another group by now is left alone. Empty in an older journal.
    #[serde(default)]
    pub group: String,
}

impl Kind for Peer {
    fn key(&self) -> String {
        format!("what is on node {}", self.target.node)
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: None,
            scope: Scope::All,
            // The set's mark tells its objects in the CIB from another set's.
            needs: Some(SET_FILE),
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        let Target {
            node,
            program,
            options,
        } = &self.target;
        allowed::name(node)?;
        allowed::below(program, &[Path::new("/")])?;
        let mut options = options.iter();
        options.try_for_each(|it| match it.contains(char::is_control) {
            true => Err(allowed::never(format!("{it:?}"))),
            false => Ok(()),
        })
    }

    /// Only the journal tells of other nodes.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

/// How long a node may take to undo its part: containers that hang are waited for.
const UNDONE_WITHIN: Duration = Duration::from_secs(300);

/// The request to other nodes to undo their parts.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    /// This host, to run ssh on.
    pub host: &'a Host,
    /// The state directory, at the same path on all nodes.
    pub state_dir: &'a Path,
    /// The part of a cleanup that is wanted.
    pub scope: Scope,
    /// Go on where a node cannot ask the cluster.
    pub force: bool,
    /// Names of nodes that will not come back, and are not asked.
    pub forget: &'a [String],
}

/// The answers of nodes that were asked to undo their parts.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// How many changes were undone on all nodes together.
    pub undone: usize,
    /// Pairs of a node's name and a change that stays on it, or the node's error.
    pub remains: Vec<(String, String)>,
    sessions: Vec<Session>,
}

impl Asking<'_> {
    /// Asks nodes side by side, each with the id of the group that it is to belong to; then the
    /// nodes that their journals have and that nobody has asked yet, until all are asked.
    pub(crate) fn all(&self, targets: Vec<(Target, Option<String>)>) -> Told {
        let mut told = Told::default();
        let mut known: Vec<String> = self.forget.to_vec();
        known.extend(peer::this_node(self.host));
        let mut next = targets;
        while !next.is_empty() {
            known.extend(next.iter().map(|(target, _)| target.node.clone()));
            let results = each(&next, |(target, group)| self.one(target, group.as_ref()));
            let mut found = Vec::new();
            for ((target, group), result) in next.iter().zip(results) {
                match result {
                    Ok((session, undone, remains, others)) => {
                        told.undone += undone;
                        let node = |line| (target.node.clone(), line);
                        told.remains.extend(remains.into_iter().map(node));
                        told.sessions.push(session);
                        found.extend(others.into_iter().map(|other| (other, group.clone())));
                    }
                    Err(e) => {
                        let line = e.to_string().replace('\n', ";");
                        told.remains.push((target.node.clone(), line));
                    }
                }
            }
            next = Vec::new();
            for (target, group) in found {
                if !known.contains(&target.node) {
                    known.push(target.node.clone());
                    next.push((target, group));
                }
            }
        }
        told
    }

    fn one(
        &self,
        target: &Target,
        group: Option<&String>,
    ) -> Result<(Session, usize, Vec<String>, Vec<Target>)> {
        let mut session = peer::open(self.host, target, self.state_dir)?;
        let request = Request::Undo {
            group: group.cloned(),
            scope: self.scope,
            force: self.force,
            forget: self.forget.to_vec(),
        };
        match session.ask(&request, UNDONE_WITHIN)? {
            Answer::Undone {
                undone,
                remains,
                others,
            } => Ok((session, undone, remains, others)),
            _ => Err(session.unexpected()),
        }
    }
}

impl Told {
    /// Has the nodes drop each other from their journals, if nothing is left on any of them.
    pub(crate) fn release(&mut self) {
        if !self.remains.is_empty() {
            return;
        }
        let results = each(std::mem::take(&mut self.sessions), |mut session| {
            let node = session.target.node.clone();
            let result = match session.ask(&Request::Release, UNDONE_WITHIN) {
                Ok(Answer::Done) => Ok(()),
                Ok(_) => Err(session.unexpected()),
                Err(e) => Err(e),
            };
            result.map_err(|e| (node, e.to_string().replace('\n', ";")))
        });
        let failed = results.into_iter().filter_map(std::result::Result::err);
        self.remains.extend(failed);
    }
}

/// Has each node undo its part. They drop each other from their journals only when nothing is left
/// on any of them: until then each of them knows where changes are left, and can finish.
pub(super) fn undo(undoer: &Undoer<'_>, items: &[Item<Peer>]) -> Batch {
    let mut batch = Batch::default();
    let mut targets = Vec::new();
    for (_, Peer { target, group }) in items {
        if !undoer.forget.contains(&target.node) {
            let mut target = target.clone();
            if !undoer.ssh_options.is_empty() {
                target.options.clone_from(&undoer.ssh_options);
            }
            targets.push((target, Some(group.clone())));
        }
    }
    let asking = Asking {
        host: undoer.host,
        state_dir: undoer.state_dir,
        scope: Scope::All,
        force: undoer.cluster_down,
        forget: &undoer.forget,
    };
    let mut told = asking.all(targets);
    told.release();
    if told.remains.is_empty() {
        batch.undone = items.iter().map(|(seq, _)| *seq).collect();
        return batch;
    }
    for (node, line) in told.remains {
        match items.iter().find(|(_, it)| it.target.node == node) {
            Some((_, it)) => batch.keep(it, line),
            None => batch
                .remains
                .push(format!("what is on node {node}: {line}")),
        }
    }
    // The records stay in the journal to find the nodes by, and are not reported by themselves.
    batch
        .kept
        .extend(items.iter().map(|(_, it)| it.clone().into()));
    batch
}
