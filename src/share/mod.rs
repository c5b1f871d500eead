//! `-s`: the same set, key or agent on other cluster nodes. This node leads; the others answer
//! (`serve`).
//!
//! Nothing is changed on any node before all of them have said that they can carry out the plan.
//! When one fails to carry it out after all, each node puts back its own changes.

mod agree;
mod elsewhere;
mod key;
mod prepare;
mod realise;
mod serve;
mod targets;

pub(crate) use elsewhere::{domains, undo_on};
pub(crate) use prepare::{Prepared, make_everywhere, prepare};
pub(crate) use serve::run as serve;
pub(crate) use targets::answering;

use crate::change::{Change, Peer};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::peer::{self, Answer, Facts, Group, Plan, Request, Session, Target, each};
use crate::plan::Set;
use crate::resolve::Elsewhere;
use crate::spec::Sharing;
use crate::state::State;
use std::time::Duration;

/// The other nodes that take part; they are locked until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    members: Vec<Member>,
    group: Group,
    key: key::Choice,
}

#[derive(Debug)]
struct Member {
    session: Session,
    facts: Facts,
    /// Whether the node was told to change something.
    began: bool,
}

impl Shared {
    /// Reaches and locks all nodes that are asked for or that hold the set already; none, where
    /// only this node is meant.
    ///
    /// # Errors
    /// [`Kind::Cant`] when one of them does not answer, or another run is at work there.
    pub(crate) fn open(
        context: &Context,
        sharing: &Sharing,
        saved: Option<&Set>,
    ) -> Result<Shared> {
        let held: &[String] = saved.map(|s| s.nodes.as_slice()).unwrap_or_default();
        if !sharing.is_wanted() && held.is_empty() {
            return Ok(Shared::default());
        }
        let this = peer::this_node(&context.host)?;
        let targets = targets::all(context, sharing, held, &this)?;
        let mut stage = context.report.stage("nodes", targets.len());
        let has_key = files::exists(std::path::Path::new(crate::pacemaker::authkey::PATH));
        let opened = each(&targets, |target| {
            let mut session = peer::open(&context.host, target, &context.state_dir)?;
            let facts = session.look(!has_key)?;
            Ok(Member {
                session,
                facts,
                began: false,
            })
        });
        let members = opened.into_iter().collect::<Result<Vec<Member>>>()?;
        stage.at(members.len());
        stage.done();
        let mut nodes = if held.is_empty() {
            vec![this]
        } else {
            held.to_vec()
        };
        for target in &targets {
            if !nodes.contains(&target.node) {
                nodes.push(target.node.clone());
            }
        }
        agree::on_sets(&members, saved)?;
        let group = Group {
            id: agree::on_group(context, &members)?,
            nodes,
            options: targets::options(sharing, &targets),
        };
        let key = key::choose(&members, sharing.replace_authkey)?;
        Ok(Shared {
            members,
            group,
            key,
        })
    }

    /// Whether only this node is meant.
    pub(crate) fn is_alone(&self) -> bool {
        self.members.is_empty()
    }

    /// Address ranges and names that are in use on the other nodes.
    pub(crate) fn elsewhere(&self) -> Elsewhere {
        let facts = || {
            self.members
                .iter()
                .map(|m| (&m.session.target.node, &m.facts))
        };
        Elsewhere {
            used: facts()
                .flat_map(|(node, f)| {
                    f.used.iter().map(move |used| crate::host::net::Used {
                        by: format!("{} on {node}", used.by),
                        ..used.clone()
                    })
                })
                .collect(),
            names: facts().flat_map(|(_, f)| f.names.clone()).collect(),
        }
    }

    /// Names of all nodes that a set made with this is on.
    pub(crate) fn nodes(&self) -> Vec<String> {
        self.group.nodes.clone()
    }

    /// Has every other node check whether it can make the set.
    ///
    /// # Errors
    /// The first objection of a node.
    pub(crate) fn prepare(&mut self, set: &Set) -> Result<()> {
        let sends = set
            .remoted
            .bind_source()
            .is_some_and(std::path::Path::exists);
        self.tell(
            |_| {
                Request::Prepare(Box::new(Plan {
                    set: Some(set.clone()),
                    // Only whether a daemon can be sent counts here, so an empty one stands for it.
                    remoted: sends.then(Vec::new),
                    ..Plan::default()
                }))
            },
            Duration::from_secs(60),
        )
    }

    /// Writes the other nodes into the journal, before they are told to change anything.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(crate) fn announce(&self, state: &mut State) -> Result<()> {
        let peers = self.members.iter().map(|m| Peer {
            target: Target {
                program: m.facts.program.clone(),
                ..m.session.target.clone()
            },
            group: self.group.id.clone(),
        });
        state.journal.intend(peers)
    }

    /// Writes the agreed key on this node.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn take_key(&mut self, state: &mut State) -> Result<()> {
        if self.is_alone() {
            return Ok(());
        }
        self.key.take(state)
    }

    /// Has the other nodes let go of their hosts' locks, so that other runs may use them; the
    /// changes of this session can still be put back.
    ///
    /// # Errors
    /// When a connection is lost.
    pub(crate) fn settle(&mut self) -> Result<()> {
        self.tell(|_| Request::Settle, Duration::from_secs(30))
    }

    /// Has every node put back its changes of this session. A node that did so, and was not in the
    /// journal before, is dropped from it. Failures of nodes are added to the error `cause`.
    pub(crate) fn put_back(&mut self, state: &mut State, cause: Error) -> Error {
        let why = cause.message().to_owned();
        // The nodes let go of their locks when this drops the sessions.
        let results = each(std::mem::take(&mut self.members), |mut member| {
            let request = Request::PutBack(why.clone());
            let result = match member.began {
                true => done(&mut member.session, &request, Duration::from_secs(300)),
                false => Ok(()),
            };
            (member.session.target.node.clone(), result)
        });
        let first = state.journal.run_began();
        let mut cause = cause;
        for (node, result) in results {
            let Err(left) = result else {
                let new: Vec<u64> = state
                    .journal
                    .outstanding()
                    .filter(|(seq, _)| *seq >= first)
                    .filter(|(_, change)| matches!(change, Change::Peers(peer) if peer.target.node == node))
                    .map(|(seq, _)| seq)
                    .collect();
                // If this cannot be written the records stay: another cleanup finds nothing on
                // those nodes.
                let _ = state.journal.undone(&new);
                continue;
            };
            cause = cause
                .detail(format!("what is on node {node}: {}", left.message()))
                .details(left.detail_lines().to_vec())
                .mend("lxc-autogen cleanup, once the node answers")
                .with_kind(Kind::LeftBehind);
        }
        cause
    }

    fn tell(
        &mut self,
        request: impl Fn(&Member) -> Request + Sync,
        patience: Duration,
    ) -> Result<()> {
        let results = each(&mut self.members, |member| {
            let request = request(member);
            done(&mut member.session, &request, patience)
        });
        all_of(results)
    }
}

/// The first failure, with the texts of the other ones as details.
fn all_of(results: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let mut failures = results.into_iter().filter_map(Result::err);
    let Some(first) = failures.next() else {
        return Ok(());
    };
    Err(failures.fold(first, |first, next| {
        let kind = match next.kind {
            Kind::LeftBehind => Kind::LeftBehind,
            _ => first.kind,
        };
        first
            .detail(next.message().to_owned())
            .details(next.detail_lines().to_vec())
            .with_kind(kind)
    }))
}

fn done(session: &mut Session, request: &Request, patience: Duration) -> Result<()> {
    match session.ask(request, patience)? {
        Answer::Done => Ok(()),
        _ => Err(session.unexpected()),
    }
}
