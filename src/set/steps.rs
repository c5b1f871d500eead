//! The steps of a command on a set: one value, which a dry run prints and a run carries out.

use super::resolve::Choice;
use crate::host::files;
use crate::pacemaker::authkey;
use crate::pacemaker::config::Part;
use crate::plan::Set;
use crate::report::{count, in_short};
use crate::spec::{Authkey, Form, KernelChoice, NodeKind};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// How far a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Files and network; then this part of the set, if any, is added to the CIB at once.
    Files(Option<Part>),
    /// Files, network and CIB, until every node is online.
    Online,
    /// A part of a set that was generated before, added to the CIB.
    Added(Part),
}

/// One step of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Stop these containers, take them out of the cluster, and remove them.
    Remove(Vec<String>),
    /// Make the state directory.
    StateDirectory(PathBuf),
    /// Leave this many containers or virtual machines as they are.
    Keep(u32, Form),
    /// Make the authentication key.
    Key,
    /// Fetch this version of pacemaker-remote.
    Fetch(String),
    /// Make what virtual machines boot and share, and start the daemon that libvirt needs for them.
    Machines(KernelChoice),
    /// Make the files of this many containers or virtual machines.
    Files {
        /// How many.
        containers: usize,
        /// Which of these they are.
        form: Form,
        /// How each gets the authentication key.
        authkey: Authkey,
    },
    /// Define and start the network, autostarted.
    Network {
        /// libvirt's name of the network.
        name: String,
        /// Its subnet, ADDR/PREFIX.
        subnet: String,
    },
    /// Add this many lines to /etc/hosts.
    Hosts(u32),
    /// Start the containers or virtual machines that do not run.
    Start(Form),
    /// Have this many nodes in the CIB.
    Join {
        /// How many nodes.
        containers: u32,
        /// Guest nodes or remote nodes.
        kind: NodeKind,
    },
    /// Add the promotable clone to the CIB.
    Clone,
    /// Wait until all nodes are online.
    Wait,
    /// Change what containers or virtual machines are like that are there: this, in words.
    Change(String, Form),
}

/// When a step is carried out, and on which nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The whole set, before anything is made: [`super::shrink`].
    Removal,
    /// Each node that holds the set, side by side: [`super::make`].
    Making,
    /// This node, for the cluster: [`super::push`], or [`super::batches`], which starts, joins and
    /// waits for some at a time.
    Joining,
}

impl Step {
    /// The phase in which this step is carried out.
    pub(crate) fn phase(&self) -> Phase {
        match self {
            Step::Remove(_) => Phase::Removal,
            Step::StateDirectory(_)
            | Step::Keep(..)
            | Step::Key
            | Step::Fetch(_)
            | Step::Machines(_)
            | Step::Files { .. }
            | Step::Network { .. }
            | Step::Hosts(_) => Phase::Making,
            Step::Start(_) | Step::Join { .. } | Step::Clone | Step::Wait | Step::Change(..) => {
                Phase::Joining
            }
        }
    }
}

/// The parts of a set that are there already.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Present<'a> {
    /// The set before this command, if there was one.
    pub before: Option<&'a Set>,
    /// Whether the authentication key is there.
    pub has_key: bool,
    /// Number of containers whose files are there.
    pub containers: usize,
}

impl<'a> Present<'a> {
    /// Looks at this host's files.
    pub(crate) fn of(set: &Set, before: Option<&'a Set>) -> Present<'a> {
        let guests = set.guests();
        let complete = guests.iter().filter(|g| is_complete(set, &g.name));
        Present {
            before,
            has_key: Path::new(authkey::PATH).exists(),
            containers: before.map_or(0, |_| complete.count()),
        }
    }
}

/// Whether a container's files are there. A tree gets its name only when it is complete. Its domain
/// XML may have been edited since, or be an older version's: a container that may be running is not
/// remade under it.
pub(crate) fn is_complete(set: &Set, container: &str) -> bool {
    files::exists(&set.domain_xml_path(container))
}

/// All steps of a command, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Steps(Vec<Step>);

impl Steps {
    /// The steps from what is there to the chosen set.
    pub(crate) fn of(choice: &Choice, goal: Goal, present: &Present<'_>) -> Steps {
        let set = &choice.set;
        let mut steps = match goal {
            Goal::Added(_) => Vec::new(),
            Goal::Files(_) | Goal::Online => making(choice, present),
        };
        if goal == Goal::Online && set.spec.kind == NodeKind::Remote {
            steps.push(Step::Start(set.spec.form()));
        }
        steps.extend(match goal {
            Goal::Files(None) => None,
            Goal::Online | Goal::Files(Some(Part::All)) | Goal::Added(Part::All) => {
                Some(Step::Join {
                    containers: set.spec.count(),
                    kind: set.spec.kind,
                })
            }
            Goal::Files(Some(Part::Clone)) | Goal::Added(Part::Clone) => Some(Step::Clone),
        });
        if goal == Goal::Online {
            steps.push(Step::Wait);
            if !set.former.is_empty() {
                steps.push(Step::Change(set.former.told(&set.spec), set.spec.form()));
            }
        }
        Steps(steps)
    }

    /// Every step.
    pub(crate) fn all(&self) -> &[Step] {
        &self.0
    }

    /// The steps of one phase.
    pub(crate) fn of_phase(&self, phase: Phase) -> impl Iterator<Item = &Step> {
        self.0.iter().filter(move |step| step.phase() == phase)
    }
}

fn making(choice: &Choice, present: &Present<'_>) -> Vec<Step> {
    let set = &choice.set;
    let wanted = set.spec.count();
    let mut steps = Vec::new();
    let gone = present.before.map(|before| gone(before, set));
    steps.extend(gone.filter(|gone| !gone.is_empty()).map(Step::Remove));
    steps.push(match present.before {
        None => Step::StateDirectory(set.state_dir.clone()),
        Some(before) => Step::Keep(before.spec.count().min(wanted), set.spec.form()),
    });
    if !present.has_key {
        steps.push(Step::Key);
    }
    steps.extend(choice.fetch.clone().map(Step::Fetch));
    let vms = set.spec.vms.iter();
    steps.extend(vms.map(|vms| Step::Machines(vms.kernel.clone())));
    let missing = (wanted as usize).saturating_sub(present.containers);
    if missing > 0 {
        steps.push(Step::Files {
            containers: missing,
            form: set.spec.form(),
            authkey: set.spec.authkey,
        });
    }
    steps.push(Step::Network {
        name: set.network.clone(),
        subnet: set.subnet.to_string(),
    });
    steps.extend(set.spec.hosts.then_some(Step::Hosts(wanted)));
    steps
}

/// Names of the containers that one set has and another has not.
fn gone(before: &Set, set: &Set) -> Vec<String> {
    let stay: BTreeSet<u32> = set.spec.numbers().collect();
    let gone = before.spec.numbers().filter(|n| !stay.contains(n));
    gone.map(|n| before.spec.prefix.node(n)).collect()
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Remove(names) if names.len() == 1 => write!(
                f,
                "stop {}, take it out of the cluster, and remove it",
                names[0]
            ),
            Step::Remove(names) => write!(
                f,
                "stop {}, take them out of the cluster, and remove them",
                in_short(names)
            ),
            Step::StateDirectory(path) => write!(f, "make {} (0700)", path.display()),
            Step::Keep(number, form) => write!(
                f,
                "keep what there is of {}",
                count(*number as usize, form.noun())
            ),
            Step::Key => write!(f, "make {} (0640 root:haclient)", authkey::PATH),
            Step::Fetch(version) => write!(
                f,
                "fetch pacemaker-remote {version} and unpack it, not install it"
            ),
            Step::Machines(kernel) => write!(
                f,
                "make what virtual machines boot (kernel {kernel}, an image of /usr), and have virtlogd run"
            ),
            Step::Files {
                containers,
                form,
                authkey,
            } => {
                let key = match authkey {
                    Authkey::Bind => "bind the key's directory",
                    Authkey::Copy => "copy the key",
                };
                let files = count(*containers, form.noun());
                write!(f, "make the files of {files}, {key}")
            }
            Step::Network { name, subnet } => {
                write!(
                    f,
                    "define and start network {name} on {subnet}, autostarted"
                )
            }
            Step::Hosts(number) => write!(
                f,
                "add {} to /etc/hosts, marked",
                count(*number as usize, "line")
            ),
            Step::Start(form) => write!(f, "start the {}s that do not run", form.noun()),
            Step::Join { containers, kind } => write!(
                f,
                "add {} to the CIB, in one change",
                count(*containers as usize, &kind.to_string())
            ),
            Step::Clone => f.write_str("add the promotable clone to the CIB"),
            Step::Change(what, Form::Container) => write!(f, "change {what}, while they run"),
            Step::Change(what, Form::Virtual) => write!(f, "change {what}"),
            Step::Wait => f.write_str("wait until all of them are online"),
        }
    }
}

#[cfg(test)]
mod tests;
