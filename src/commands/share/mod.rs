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
use crate::host::Host;
use crate::journal::{Journal, Scope, Undo};
use crate::peer::{self, Answer, Facts, Group, Plan, Request, Session, Target, each};
use crate::plan::Set;
use crate::rootfs::Remoted;
use crate::state::State;
use crate::undo::peers::{ask, release};
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
        let this = this_node(context)?;
        let targets = targets(context, share, held, &this)?;
        let mut stage = context.report.stage("nodes", targets.len());
        let has_key =
            crate::host::files::exists(std::path::Path::new(crate::pacemaker::authkey::PATH));
        let opened = each(&targets, |target| {
            let mut session = peer::open(&context.host, target, &context.state_dir)?;
            let facts = session.look(!has_key)?;
            Ok(Member { session, facts })
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
        let group = Group {
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

    fn is_alone(&self) -> bool {
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
        for member in &self.members {
            if let Some(theirs) = member.facts.set.as_ref().filter(|s| s.mark() != set.mark()) {
                let node = &member.session.target.node;
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
                crate::host::files::read_optional(path)?
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
                    done(&mut member.session, &request, patience)
                })
            });
            let ours = here();
            (ours, others.join())
        });
        let theirs = theirs.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ours?;
        theirs.into_iter().collect::<Result<Vec<()>>>()?;
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

    /// Has every node put back what it did in this session. What one cannot is told with the cause.
    pub(super) fn put_back(&mut self, cause: Error) -> Error {
        let why = cause.message().to_owned();
        // They let go of their locks then: this node's journal may have them undo more.
        let results = each(std::mem::take(&mut self.members), |mut member| {
            // One that has ended, or never did anything, has nothing to put back.
            let request = Request::PutBack(why.clone());
            match done(&mut member.session, &request, Duration::from_secs(300)) {
                Err(e) if e.kind == Kind::LeftBehind => Some(e),
                _ => None,
            }
        });
        results.into_iter().flatten().fold(cause, |cause, left| {
            cause
                .detail(left.message().to_owned())
                .details(left.detail_lines().to_vec())
                .with_kind(Kind::LeftBehind)
        })
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
        results.into_iter().collect::<Result<Vec<()>>>().map(drop)
    }
}

fn done(session: &mut Session, request: &Request, patience: Duration) -> Result<()> {
    match session.ask(request, patience)? {
        Answer::Done => Ok(()),
        _ => Err(session.unexpected()),
    }
}

/// This node's name in the cluster, or its host name where no cluster runs.
///
/// # Errors
/// When it has neither.
pub(super) fn this_node(context: &Context) -> Result<String> {
    crate::pacemaker::tools::this_node(&context.host).or_else(|_| {
        nix::unistd::gethostname()
            .map(|name| name.to_string_lossy().into_owned())
            .map_err(|e| Error::failed(format!("find this node's name: {e}")))
    })
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
            Undo::Peer { target } if target.node == name => Some(target.clone()),
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
    let this = this_node(context)?;
    let mut targets = targets(context, share, &[], &this)?;
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

/// Has nodes undo what they have, side by side, and with [`Scope::All`] forget each other.
///
/// # Errors
/// [`Kind::LeftBehind`] with what stays.
pub(super) fn undo_on(
    context: &Context,
    scope: Scope,
    targets: &[Target],
    cluster_down: bool,
) -> Result<usize> {
    if scope == Scope::Cib {
        return Ok(0);
    }
    let request = Request::Undo {
        scope,
        force: cluster_down,
        forget: Vec::new(),
    };
    let asked = each(targets, |target| {
        ask(&context.host, &context.state_dir, target, &request)
    });
    let mut remains = Vec::new();
    let mut undone = 0;
    let mut sessions = Vec::new();
    for (target, result) in targets.iter().zip(asked) {
        match result {
            Ok(asked) => {
                undone += asked.undone;
                remains.extend(
                    asked
                        .remains
                        .iter()
                        .map(|r| format!("{}: {r}", target.node)),
                );
                sessions.push(asked.into_session());
            }
            Err(e) => remains.push(e.to_string().replace('\n', ";")),
        }
    }
    if remains.is_empty() && scope == Scope::All {
        for result in each(sessions, release) {
            remains.extend(result.err().map(|e| e.to_string().replace('\n', ";")));
        }
    }
    if remains.is_empty() {
        return Ok(undone);
    }
    Err(Error::new(Kind::LeftBehind, "something is left behind on other nodes").details(remains))
}

/// States of the set's domains on the other nodes, by domain; and what could not be asked.
pub(super) fn domains(context: &Context, set: &Set) -> std::collections::HashMap<String, String> {
    let mut all = std::collections::HashMap::new();
    let Ok(this) = this_node(context) else {
        return all;
    };
    let share = Share::default();
    let Ok(targets) = targets(context, &share, &set.nodes, &this) else {
        return all;
    };
    let answers = each(&targets, |target| {
        let mut session = peer::open(&context.host, target, &context.state_dir)?;
        match session.ask(&Request::Domains, Duration::from_secs(30))? {
            Answer::Domains(states) => Ok(states),
            _ => Err(session.unexpected()),
        }
    });
    for answer in answers {
        match answer {
            Ok(states) => all.extend(states),
            Err(e) => context.report.warn(e.message()),
        }
    }
    all
}
