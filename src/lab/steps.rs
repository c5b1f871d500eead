//! The steps of `lab up`: one value, which a dry run prints and a run carries out.

use super::resolve::Choice;
use super::{Lab, hosts, limits, maintenance, make, nested, resize};
use crate::change::{Change, Outside};
use crate::error::Result;
use crate::host::{cgroups, files};
use crate::report::count;
use crate::state::State;
use std::fmt;
use std::path::PathBuf;

/// What there is of a lab before the command.
#[derive(Debug, Clone, Default)]
pub(crate) struct Present {
    /// Whether there is one.
    pub lab: bool,
    /// Nodes that were made and are not wanted any more, the last ones first.
    pub gone: Vec<String>,
    /// Whether names of its nodes are in /etc/hosts of this host.
    pub names: bool,
    /// Whether its fencing is switched off for a while.
    pub unfenced: bool,
    /// Whether nodes that run may have another memory limit.
    pub memory: bool,
}

impl Present {
    /// By the journal, which knows what an interrupted run has left as well.
    pub(crate) fn by_journal(state: &State, saved: Option<&Lab>, lab: &Lab) -> Present {
        let is_names = |change: &Change| matches!(change, Change::Outside(Outside::HostsBlock(_)));
        let mut changes = state.journal.outstanding();
        Present {
            lab: saved.is_some(),
            gone: resize::gone(state, lab),
            names: changes.any(|(_, change)| is_names(change)),
            unfenced: maintenance::is_off(lab),
            memory: limits::differ(lab, saved),
        }
    }

    /// By the lab's file alone, for a plan.
    pub(crate) fn by_file(saved: Option<&Lab>, lab: &Lab) -> Present {
        let wanted: Vec<String> = lab.nodes().into_iter().map(|n| n.name).collect();
        let made = saved.map(Lab::nodes).unwrap_or_default().into_iter();
        let gone = made.map(|n| n.name).filter(|name| !wanted.contains(name));
        Present {
            lab: saved.is_some(),
            gone: gone.collect(),
            names: saved.is_some_and(|lab| lab.spec.hosts),
            unfenced: maintenance::is_off(lab),
            memory: limits::differ(lab, saved),
        }
    }
}

/// One step of `lab up`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Make the lab's directory.
    Directory(PathBuf),
    /// Fetch this version of pacemaker-remote.
    Fetch(String),
    /// Make the files of these nodes, where they are not there; programs and keys are looked after
    /// each time.
    Files(Vec<String>),
    /// Define and start the network of each link, by libvirt's name and subnet, autostarted.
    Networks(Vec<(String, String)>),
    /// Have this many lines in /etc/hosts, or none of this lab's.
    Hosts(usize),
    /// Have fence_virtd run for this many nodes.
    Fencing(usize),
    /// Have the daemon run that cgroup v2 alone takes (`groups`).
    Groups,
    /// Start the nodes that do not run.
    Start {
        /// The quorum device's among them. In a new lab it comes last: corosync's wait_for_all counts
        /// votes, the device's among them, and not nodes, so that a node that is a little late would
        /// be fenced for it.
        device: bool,
    },
    /// Give the nodes that run the memory that they are to have.
    Memory,
    /// Start daemons again that have died.
    Revive,
    /// Take these nodes out of the cluster and remove them, and tell the others who is there.
    Reconcile(Vec<String>),
    /// Make the files of this many guest nodes.
    GuestFiles(u32),
    /// Start the containers of this many guest nodes, before the cluster knows them.
    GuestContainers(u32),
    /// Wait until all cluster nodes are online, also without quorum.
    Form,
    /// Wait until all cluster and remote nodes are online, or have started.
    Wait,
    /// Have the quorum device of this name vote.
    Device(String),
    /// Switch fencing on again.
    Refence,
    /// End what the cluster was told for the time of the change.
    Settle,
    /// Have this many guest nodes online.
    Guests(u32),
}

/// All steps of a run, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Steps(Vec<Step>);

impl Steps {
    /// The steps from what there is to the chosen lab.
    ///
    /// # Errors
    /// When the guests' set cannot be read.
    pub(crate) fn of(choice: &Choice, present: &Present) -> Result<Steps> {
        let lab = &choice.lab;
        let mut steps = Vec::new();
        if !present.lab {
            steps.push(Step::Directory(lab.dir.clone()));
        }
        steps.extend(choice.fetch.clone().map(Step::Fetch));
        steps.extend([Step::Files(missing(lab)), networks(lab)]);
        if lab.spec.hosts {
            steps.push(Step::Hosts(hosts::lines(lab).len()));
        } else if present.names {
            steps.push(Step::Hosts(0));
        }
        if lab.spec.fencing {
            steps.push(Step::Fencing(lab.members().len()));
        }
        steps.extend(cgroups::only_v2().then_some(Step::Groups));
        steps.push(Step::Start {
            device: present.lab,
        });
        steps.extend(present.memory.then_some(Step::Memory));
        if present.lab {
            steps.extend([Step::Revive, Step::Reconcile(present.gone.clone())]);
        }
        let has_guests = nested::set(lab)?.is_some();
        if lab.spec.containers > 0 && !has_guests {
            steps.push(Step::GuestFiles(lab.spec.containers));
            if !present.lab {
                steps.push(Step::GuestContainers(lab.spec.containers));
            }
        }
        // Without the device's vote a new cluster can lack quorum, and connects to no remote node then.
        match lab.qnetd_node() {
            Some(node) if lab.spec.all_remote_nodes() > 0 => {
                steps.extend([Step::Form, Step::Device(node.name), Step::Wait]);
            }
            Some(node) => steps.extend([Step::Wait, Step::Device(node.name)]),
            None => steps.push(Step::Wait),
        }
        // When all are online, lest one is fenced that comes back anyway.
        steps.extend(present.unfenced.then_some(Step::Refence));
        // Where no cluster is configured it was told nothing.
        steps.extend((present.lab && !lab.spec.bare).then_some(Step::Settle));
        if lab.spec.containers > 0 || has_guests {
            steps.push(Step::Guests(lab.spec.containers));
        }
        Ok(Steps(steps))
    }

    /// The nodes that leave.
    pub(crate) fn gone(&self) -> &[String] {
        let leave = self.0.iter().find_map(|step| match step {
            Step::Reconcile(gone) => Some(gone.as_slice()),
            _ => None,
        });
        leave.unwrap_or_default()
    }

    /// Every step.
    pub(crate) fn all(&self) -> &[Step] {
        &self.0
    }
}

/// The nodes whose files are not there; the domain XML comes last.
fn missing(lab: &Lab) -> Vec<String> {
    let mut nodes = lab.nodes();
    nodes.retain(|node| !files::exists(&make::domain_xml(lab, node)));
    nodes.into_iter().map(|node| node.name).collect()
}

fn networks(lab: &Lab) -> Step {
    let links = lab.links().into_iter();
    Step::Networks(links.map(|l| (l.name, l.subnet.to_string())).collect())
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Directory(path) => write!(f, "make {} (0700)", path.display()),
            Step::Fetch(version) => write!(
                f,
                "fetch pacemaker-remote {version} and unpack it, not install it"
            ),
            Step::Files(nodes) if nodes.is_empty() => {
                f.write_str("keep the files of its nodes, with this lxc-autogen in them")
            }
            Step::Files(nodes) => write!(f, "make the files of {}", nodes.join(", ")),
            Step::Networks(networks) => {
                let each = |(name, subnet): &(String, String)| format!("{name} on {subnet}");
                let all: Vec<String> = networks.iter().map(each).collect();
                let noun = if all.len() == 1 {
                    "network"
                } else {
                    "networks"
                };
                let all = all.join(" and ");
                write!(f, "define and start {noun} {all}, autostarted")
            }
            Step::Hosts(0) => f.write_str("take the names of its nodes out of /etc/hosts"),
            Step::Hosts(lines) => {
                let lines = count(*lines, "line");
                write!(f, "have {lines} in /etc/hosts, marked")
            }
            Step::Fencing(nodes) => {
                write!(f, "have fence_virtd run for {}", count(*nodes, "node"))
            }
            Step::Groups => f.write_str("have lxc-autogen node-groups run, for cgroup v2"),
            Step::Start { .. } => f.write_str("start the nodes that do not run"),
            Step::Memory => f.write_str("give the nodes their memory, while they run"),
            Step::Revive => f.write_str("start daemons in the nodes again that have died"),
            Step::Reconcile(gone) if gone.is_empty() => {
                f.write_str("tell the nodes of each other, where they do not know all")
            }
            Step::Reconcile(gone) => write!(
                f,
                "take {} out of the cluster, remove them, and tell the other nodes",
                gone.join(", ")
            ),
            Step::GuestFiles(guests) => {
                let files = count(*guests as usize, "guest node");
                write!(f, "make the files of {files}, in the first cluster node")
            }
            Step::GuestContainers(guests) => write!(
                f,
                "start {}, each cluster node its share",
                count(*guests as usize, "container")
            ),
            Step::Form => f.write_str("wait until all cluster nodes are online"),
            Step::Wait => f.write_str("wait until all cluster and remote nodes are online"),
            Step::Device(name) => {
                write!(
                    f,
                    "wait until the vote of {name} counts in all cluster nodes"
                )
            }
            Step::Refence => f.write_str("switch fencing on again"),
            Step::Settle => {
                f.write_str("let the cluster stop what it runs without quorum, as before")
            }
            Step::Guests(0) => {
                f.write_str("take the guest nodes out of the cluster and remove them")
            }
            Step::Guests(guests) => {
                let guests = count(*guests as usize, "guest node");
                write!(f, "have {guests} online")
            }
        }
    }
}

#[cfg(test)]
mod tests;
