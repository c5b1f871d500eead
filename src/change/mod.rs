//! The journal, backwards: undoing what is outstanding, in the order that things lean on each
//! other, going on past a failure and saying at the end what remains.

pub mod authkey;
mod cluster;
#[cfg(test)]
mod golden;
mod history;
mod host;
mod kernel;
pub(crate) mod peers;
pub(crate) mod prestop;
mod record;
mod state_dir;

pub use record::{Rank, Undo, covers};
pub use state_dir::{LOCK_FILE, SET_FILE, remove_empty_state};

/// The journal of our changes.
pub type Journal = journal::Journal<Undo>;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::{Host, files, mounts, processes};
use crate::journal;
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::virsh;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::config::Easing;
use crate::plan::Set;
use crate::report::Report;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What undoing needs to know.
#[derive(Debug)]
pub struct Undoer<'a> {
    /// The door to the host.
    pub host: &'a Host,
    /// Progress.
    pub report: &'a Report,
    /// The state directory.
    pub state_dir: &'a Path,
    /// The set's own mark in the CIB, when it is known: what has another is not ours.
    pub set_mark: Option<String>,
    /// The cluster is known to be down: what it keeps is reported, and the rest undone.
    pub cluster_down: bool,
    /// How long to wait for resources to stop.
    pub stop_timeout: Duration,
    /// The set's containers are guest nodes of this node alone.
    pub stays_here: bool,
    /// What makes it easier for the cluster to stop many, when the journal knows of it.
    pub easing: Option<Easing>,
    /// Other nodes that will not come back.
    pub forget: Vec<String>,
    /// How other nodes are reached, when not as they were before.
    pub ssh_options: Vec<String>,
}

/// An outstanding change and its number in the journal.
type Item = (u64, Undo);

/// What stays behind, one line each, and what was undone.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Why something stays, one line each.
    pub remains: Vec<String>,
    /// What stays.
    kept: Vec<Undo>,
    /// How many changes were undone.
    pub undone: usize,
}

impl Outcome {
    /// Adds what other nodes did and have left.
    pub fn add(&mut self, undone: usize, remains: Vec<String>) {
        self.undone += undone;
        self.remains.extend(remains);
    }

    /// The error that lists what stays, if anything does.
    ///
    /// # Errors
    /// [`crate::error::Kind::LeftBehind`] with the list.
    pub fn into_result(self) -> Result<usize> {
        if self.remains.is_empty() {
            return Ok(self.undone);
        }
        Err(
            Error::new(crate::error::Kind::LeftBehind, "something is left behind")
                .details(self.remains)
                .mend(
                    "mend what is named, then run lxc-autogen cleanup again: the journal remembers",
                ),
        )
    }
}

/// One batch's result: the numbers of what is undone, and why the rest is not.
#[derive(Debug, Default)]
struct Batch {
    undone: Vec<u64>,
    remains: Vec<String>,
    kept: Vec<Undo>,
}

impl Batch {
    fn keep(&mut self, undo: &Undo, why: impl std::fmt::Display) {
        self.remains.push(format!("{}: {why}", undo.key()));
        self.kept.push(undo.clone());
    }

    fn record(&mut self, item: &Item, result: Result<()>) {
        match result {
            Ok(()) => self.undone.push(item.0),
            Err(e) => self.keep(&item.1, e.to_string().replace('\n', ";")),
        }
    }

    fn keep_all(&mut self, items: &[Item], why: &Error) {
        for (_, undo) in items {
            self.keep(undo, why.message());
        }
    }
}

impl<'a> Undoer<'a> {
    /// For the state directory of this context, and the set in it where there is one.
    pub fn of(context: &'a Context, set: Option<&Set>) -> Undoer<'a> {
        Undoer {
            host: &context.host,
            report: &context.report,
            state_dir: &context.state_dir,
            set_mark: set.map(Set::mark),
            cluster_down: false,
            stop_timeout: Duration::from_secs(180),
            stays_here: set.is_some_and(Set::stays_here),
            easing: None,
            forget: Vec::new(),
            ssh_options: Vec::new(),
        }
    }
}

impl Undoer<'_> {
    /// Undoes every outstanding change that `select` picks.
    ///
    /// That the journal cannot be written, on a full disk for one, stops nothing either: what was
    /// undone is written down when it can be, and found undone by the next run if not.
    pub fn replay(&self, journal: &mut Journal, select: impl Fn(u64, &Undo) -> bool) -> Outcome {
        let mut items: Vec<Item> = journal
            .outstanding()
            .filter(|(seq, undo)| select(*seq, undo))
            .map(|(seq, undo)| (seq, undo.clone()))
            .collect();
        // Within a rank the newest goes first.
        items.sort_by_key(|(seq, undo)| (undo.rank(), std::cmp::Reverse(*seq)));
        let mut outcome = Outcome::default();
        let mut unwritten = Vec::new();
        for batch in items.chunk_by(|a, b| a.1.rank() == b.1.rank()) {
            let done = self.batch(batch, &outcome);
            outcome.undone += done.undone.len();
            outcome.remains.extend(done.remains);
            outcome.kept.extend(done.kept);
            if batch[0].1.rank() == Rank::StateDir && !done.undone.is_empty() {
                // The journal went with its directory.
                unwritten.clear();
                continue;
            }
            unwritten.extend(done.undone);
            if journal.undone(&unwritten).is_ok() {
                unwritten.clear();
            }
            if batch[0].1.rank() == Rank::Cib && !outcome.remains.is_empty() && !self.cluster_down {
                // Taking the containers from under resources that still run would only make the
                // cluster recover them.
                outcome
                    .remains
                    .push("the containers, their network and files, until then".into());
                break;
            }
        }
        if let Err(e) = journal.undone(&unwritten) {
            outcome.remains.push(e.message().to_owned());
        }
        outcome
    }

    fn of_other_sets(&self, cib: &Cib) -> HashSet<String> {
        let mark = self.set_mark.as_deref();
        mark.map(|mark| cib.of_other_sets(mark)).unwrap_or_default()
    }

    fn batch(&self, items: &[Item], so_far: &Outcome) -> Batch {
        match items[0].1.rank() {
            Rank::Cib => cluster::remove_from_cib(self, items),
            Rank::Nodes => cluster::forget_nodes(self, items),
            Rank::Properties => self.each(items, |undo| cluster::restore_property(self, undo)),
            Rank::Peers => peers::undo(self, items),
            Rank::Daemons => self.each(items, |undo| match undo {
                Undo::Daemon {
                    program,
                    configuration,
                } => processes::end(program, configuration),
                other => Err(Error::failed(format!("{} is no daemon", other.key()))),
            }),
            Rank::Domains => host::destroy_domains(self, items),
            Rank::Network => self.each(items, |undo| host::remove_network(self, undo)),
            Rank::Kernel => self.each(items, |undo| {
                kernel::restore(self, undo, so_far.remains.is_empty())
            }),
            Rank::Outside => self.outside(items, so_far),
            Rank::Inside => self.inside(items, so_far),
            Rank::StateDir => self.state_dir(items, so_far),
        }
    }

    fn each(&self, items: &[Item], undo: impl Fn(&Undo) -> Result<()>) -> Batch {
        let mut batch = Batch::default();
        for item in items {
            batch.record(item, undo(&item.1));
        }
        batch
    }

    /// Files outside the state directory. Those of a container that runs stay: libvirtd finds it
    /// again by them, and a domain of that name may be somebody else's by now.
    fn outside(&self, items: &[Item], so_far: &Outcome) -> Batch {
        let of_containers = items.iter().any(|(_, undo)| undo.container().is_some());
        let running = if of_containers {
            virsh::domains(self.host, &LXC).map(|all| all.into_iter().map(|d| d.name).collect())
        } else {
            Ok(HashSet::new())
        };
        let mut batch = Batch::default();
        for item in items {
            let result = match (item.1.container(), &running) {
                (Some(name), _) if stays(name, so_far) => {
                    Err(Error::failed("its domain is still there"))
                }
                (Some(_), Err(e)) => Err(Error::failed(e.message())),
                // Not our domain, or it would have been destroyed: its files are its own.
                (Some(name), Ok(running)) if running.contains(name) => Ok(()),
                _ => host::restore_outside(self, &item.1),
            };
            batch.record(item, result);
        }
        batch
    }

    /// Files in the state directory. Those of a container whose domain stays must stay too:
    /// VirtualDomain without its XML says "stopped" and leaks the container.
    fn inside(&self, items: &[Item], so_far: &Outcome) -> Batch {
        let mut batch = Batch::default();
        let mounts = match mounts::points() {
            Ok(mounts) => mounts,
            Err(e) => {
                batch.keep_all(items, &e);
                return batch;
            }
        };
        for item in items {
            let result = match &item.1 {
                // Not a thing that stays of itself: it goes with what needs it.
                Undo::StateFile { name } if so_far.kept.iter().any(|k| needs(k, name)) => continue,
                Undo::Container { name } if stays(name, so_far) => {
                    Err(Error::failed("its domain is still there"))
                }
                Undo::Container { name } => self.remove_container(name, &mounts),
                Undo::StateFile { name } => {
                    let path = self.state_dir.join(name);
                    files::remove_file(&files::unfinished(&path))
                        .and_then(|()| files::remove_tree(&path, &mounts))
                }
                other => Err(Error::failed(format!(
                    "{} is not a file of ours",
                    other.key()
                ))),
            };
            batch.record(item, result);
        }
        batch
    }

    fn remove_container(&self, name: &str, mounts: &[PathBuf]) -> Result<()> {
        let tree = self.state_dir.join(name);
        // While being written it has a temporary name.
        files::remove_tree(&files::temporary_name(&tree), mounts)?;
        files::remove_tree(&tree, mounts)
    }

    /// The state directory itself, when everything else is undone and nothing foreign is in it.
    fn state_dir(&self, items: &[Item], so_far: &Outcome) -> Batch {
        let mut batch = Batch::default();
        for item in items {
            if so_far.remains.is_empty() {
                batch.record(item, state_dir::remove_state_dir(&item.1));
            }
        }
        batch
    }
}

/// Whether this container's domain was left.
fn stays(name: &str, so_far: &Outcome) -> bool {
    let its = |kept: &Undo| matches!(kept, Undo::Domain { name: of } if of == name);
    so_far.kept.iter().any(its)
}

/// Whether undoing it later takes this file of the state directory: what is in the CIB is told from
/// another set's by the set's mark.
fn needs(kept: &Undo, file: &str) -> bool {
    match kept {
        Undo::Agent { previous, .. } | Undo::Authkey { previous, .. } => {
            previous.as_deref() == Some(file)
        }
        other => matches!(other.rank(), Rank::Cib | Rank::Nodes | Rank::Peers) && file == SET_FILE,
    }
}
