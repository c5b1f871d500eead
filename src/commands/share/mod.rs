//! `-s`: the same on other cluster nodes. This node leads; the others answer (`serve`).
//!
//! Nothing is changed anywhere before all of them have said that they can. When one cannot carry it
//! out after all, each puts back what it did.

mod key;
mod serve;

pub(super) use serve::run as serve;

use super::Context;
use super::choose::Elsewhere;
use crate::cli::Share;
use crate::error::{Error, Kind, Result};
use crate::host::{Host, files};
use crate::journal::{Journal, Scope, Undo};
use crate::peer::{self, Answer, Facts, Group, Plan, Request, Session, Target, each};
use crate::plan::Set;
use crate::rootfs::Remoted;
use crate::state::State;
use crate::undo::peers::Asking;
use std::collections::HashMap;
use std::time::Duration;

/// Other nodes that take part, locked, as long as this lives.
#[derive(Debug, Default)]
pub(super) struct Shared {
    members: Vec<Member>,
    group: Group,
    key: key::Choice,
}

#[derive(Debug)]
struct Member {
    session: Session,
    facts: Facts,
    /// It was told to change something.
    began: bool,
}

impl Shared {
    /// Reaches all nodes that are asked for, or that hold the set already, and locks them. Nobody,
    /// where only this node is meant.
    ///
    /// # Errors
    /// [`Kind::Cant`] when one of them does not answer, or another run is at work there.
    pub(super) fn open(context: &Context, share: &Share, saved: Option<&Set>) -> Result<Shared> {
        let held: &[String] = saved.map(|s| s.nodes.as_slice()).unwrap_or_default();
        if !share.is_wanted() && held.is_empty() {
            return Ok(Shared::default());
        }
        let this = peer::this_node(&context.host)?;
        let targets = targets(context, share, held, &this)?;
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
        check_sets(&members, saved)?;
        let group = Group {
            id: group_of(context, &members)?,
            nodes,
            options: options(share, &targets),
        };
        let key = key::choose(&members, share.replace_authkey)?;
        Ok(Shared {
            members,
            group,
            key,
        })
    }

    /// Whether only this node is meant.
    pub(super) fn is_alone(&self) -> bool {
        self.members.is_empty()
    }

    /// What is taken on the other nodes.
    pub(super) fn elsewhere(&self) -> Elsewhere {
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

    /// The nodes of a set that is made with this.
    pub(super) fn nodes(&self) -> Vec<String> {
        self.group.nodes.clone()
    }

    /// Has every node check the set.
    ///
    /// # Errors
    /// What one of them has against it.
    pub(super) fn prepare(&mut self, set: &Set) -> Result<()> {
        let sends = set
            .remoted
            .bind_source()
            .is_some_and(std::path::Path::exists);
        self.tell(
            |_| {
                Request::Prepare(Box::new(Plan {
                    set: Some(set.clone()),
                    // What is there can be sent.
                    remoted: sends.then(Vec::new),
                    ..Plan::default()
                }))
            },
            Duration::from_secs(60),
        )
    }

    /// Writes down that something will be on the other nodes.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(super) fn announce(&self, state: &mut State) -> Result<()> {
        let peers = self.members.iter().map(|m| Undo::Peer {
            target: Target {
                program: m.facts.program.clone(),
                ..m.session.target.clone()
            },
            group: self.group.id.clone(),
        });
        state.journal.intend(peers)
    }

    /// Sees to it that this node has the key that all are to have.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn take_key(&mut self, state: &mut State) -> Result<()> {
        if self.is_alone() {
            return Ok(());
        }
        self.key.take(state)
    }

    /// Has every node carry it out while `here` does what is to be done on this one.
    ///
    /// # Errors
    /// The first failure, this node's first.
    pub(super) fn realise(
        &mut self,
        host: &Host,
        set: &Set,
        here: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        if self.is_alone() {
            return here();
        }
        let remoted = match &set.remoted {
            Remoted::Bound { path } if self.members.iter().any(|m| !m.facts.has_remoted) => {
                // Fetched only now, it is not there yet: they fetch it themselves.
                files::read_optional(path)?
            }
            _ => None,
        };
        let plan = Plan {
            group: self.group.clone(),
            key: self.key.for_others()?,
            set: Some(set.clone()),
            remoted,
            agent: None,
        };
        self.realise_plan(host, &plan, here, u64::from(set.spec.containers))
    }

    fn realise_plan(
        &mut self,
        host: &Host,
        plan: &Plan,
        here: impl FnOnce() -> Result<()>,
        containers: u64,
    ) -> Result<()> {
        let patience = Duration::from_secs(180 + containers);
        let members = &mut self.members;
        let (ours, theirs) = std::thread::scope(|scope| {
            let others = scope.spawn(move || {
                each(members, |member| {
                    let remoted = plan.remoted.clone().filter(|_| !member.facts.has_remoted);
                    let request = Request::Realise(Box::new(Plan {
                        remoted,
                        ..plan.clone()
                    }));
                    member.began = true;
                    done(&mut member.session, &request, patience)
                })
            });
            let ours = here();
            (ours, others.join())
        });
        let theirs = theirs.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        all_of(std::iter::once(ours).chain(theirs))?;
        host.check_interrupt()
    }

    /// The key alone, on all nodes.
    ///
    /// # Errors
    /// As [`Shared::realise`].
    pub(super) fn realise_key(&mut self, host: &Host) -> Result<()> {
        let plan = Plan {
            group: self.group.clone(),
            key: self.key.for_others()?,
            ..Plan::default()
        };
        self.realise_plan(host, &plan, || Ok(()), 0)
    }

    /// An agent, on all nodes.
    ///
    /// # Errors
    /// As [`Shared::realise`].
    pub(super) fn realise_agent(&mut self, host: &Host, agent: Vec<u8>) -> Result<()> {
        let plan = Plan {
            group: self.group.clone(),
            agent: Some(agent),
            ..Plan::default()
        };
        self.realise_plan(host, &plan, || Ok(()), 0)
    }

    /// Lets others use the nodes again; what was done can still be put back.
    ///
    /// # Errors
    /// When a connection is lost.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.tell(|_| Request::Settle, Duration::from_secs(30))
    }

    /// Has every node put back what it did in this session, and forgets those that have and of which
    /// nothing was known before. What one cannot is told with the cause.
    pub(super) fn put_back(&mut self, state: &mut State, cause: Error) -> Error {
        let why = cause.message().to_owned();
        // They let go of their locks then.
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
                    .filter(|(_, undo)| matches!(undo, Undo::Peer { target, .. } if target.node == node))
                    .map(|(seq, _)| seq)
                    .collect();
                // Kept when it cannot be written: another cleanup finds nothing there.
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

/// The first failure, with the others in its details.
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

/// Nodes that have a set of their own in the same place are not mixed up with.
fn check_sets(members: &[Member], saved: Option<&Set>) -> Result<()> {
    for member in members {
        let node = &member.session.target.node;
        let theirs = member.facts.set.as_ref();
        if let Some(theirs) = theirs.filter(|s| Some(s.mark()) != saved.map(Set::mark)) {
            return Err(Error::cant(format!(
                "{node}: there is another set in {}, with {} containers",
                theirs.state_dir.display(),
                theirs.spec.containers
            ))
            .mend(format!(
                "on {node}: lxc-autogen cleanup; or use another --state-dir and --prefix"
            )));
        }
    }
    Ok(())
}

/// The group that this node or another is of already, or a new one.
fn group_of(context: &Context, members: &[Member]) -> Result<String> {
    let ours = Journal::peek(&context.state_dir)?
        .into_iter()
        .find_map(|undo| match undo {
            Undo::Peer { group, .. } => Some(group),
            _ => None,
        });
    let mut id = ours;
    for member in members {
        match (&id, &member.facts.group) {
            (Some(id), Some(theirs)) if id != theirs => {
                let node = &member.session.target.node;
                return Err(Error::cant(format!(
                    "{node}: what is in {} there belongs with other nodes",
                    context.state_dir.display()
                ))
                .mend(format!("on {node}: lxc-autogen cleanup")));
            }
            (None, Some(theirs)) => id = Some(theirs.clone()),
            _ => {}
        }
    }
    match id {
        Some(id) => Ok(id),
        None => Ok(files::sha256(&files::random_bytes(32)?)[..16].to_owned()),
    }
}

fn done(session: &mut Session, request: &Request, patience: Duration) -> Result<()> {
    match session.ask(request, patience)? {
        Answer::Done => Ok(()),
        _ => Err(session.unexpected()),
    }
}

/// Whom to reach: those asked for, and those that hold the set already.
fn targets(context: &Context, share: &Share, held: &[String], this: &str) -> Result<Vec<Target>> {
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

fn options(share: &Share, targets: &[Target]) -> Vec<String> {
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
pub(super) fn answering(context: &Context, share: &Share, known: &[Target]) -> Result<Vec<Target>> {
    if !share.is_wanted() {
        return Ok(Vec::new());
    }
    let this = peer::this_node(&context.host)?;
    let mut targets = match targets(context, share, &[], &this) {
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

/// Has nodes undo what they have, of whatever group, side by side, and with [`Scope::All`] forget
/// each other. Gives back how many changes they undid, and what stays.
pub(super) fn undo_on(
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
pub(super) fn domains(context: &Context, set: &Set) -> (HashMap<String, String>, Vec<String>) {
    let (mut all, mut silent) = (HashMap::new(), Vec::new());
    let Ok(this) = peer::this_node(&context.host) else {
        return (all, silent);
    };
    let share = Share::default();
    let Ok(targets) = targets(context, &share, &set.nodes, &this) else {
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
