//! Where a lab's guest nodes run: their containers in its cluster nodes, as seen from this host.

use super::running::Running;
use super::{GUESTS_DIR, Lab, config};
use crate::context::Context;
use crate::error::Result;
use crate::host::inside::{self, Inside};
use crate::host::processes;
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::virsh::{self, DomainRow};
use crate::machine::enter::init_of;
use crate::plan::PROGRAM;

/// The cluster nodes that run, and what runs in those of them whose processes this host does not have.
#[derive(Debug)]
pub(crate) struct Guests<'a> {
    cluster: Vec<(String, &'a Inside, Vec<DomainRow>)>,
}

/// A guest node's container.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// Name of the guest node.
    name: String,
    /// Name of the cluster node that it runs in.
    pub(crate) node: &'a str,
    way: Way<'a>,
}

#[derive(Debug)]
enum Way<'a> {
    /// Its PID 1, as this host numbers it.
    Pid(u32),
    /// In a virtual machine.
    In { machine: &'a Inside, paused: bool },
}

impl<'a> Guests<'a> {
    /// Asks the cluster nodes that are virtual machines; one that does not answer has none.
    pub(crate) fn of(context: &Context, lab: &Lab, running: &'a Running) -> Guests<'a> {
        let ask = |(node, inside): (crate::plan::Machine, &'a Inside)| {
            let rows = match inside.pid() {
                // Of a container this host sees the processes.
                Some(_) => Vec::new(),
                None if lab.spec.containers == 0 => Vec::new(),
                None => virsh::domains_in(&inside.at(&context.host), &LXC).unwrap_or_default(),
            };
            (node.name, inside, rows)
        };
        Guests {
            cluster: running.cluster(lab).into_iter().map(ask).collect(),
        }
    }

    /// The guest node of this name, if it runs.
    pub(crate) fn find(&self, name: &str) -> Option<Place<'_>> {
        self.cluster.iter().find_map(|(node, inside, rows)| {
            let nested = || Some(Way::Pid(init_of(name, inside.pid()?)?));
            let listed = || {
                let row = rows.iter().find(|row| row.name == name)?;
                let paused = row.state == "paused";
                let runs = paused || row.state == "running";
                let machine = *inside;
                runs.then_some(Way::In { machine, paused })
            };
            Some(Place {
                name: name.to_owned(),
                node,
                way: nested().or_else(listed)?,
            })
        })
    }
}

impl Place<'_> {
    /// Whether it is paused.
    pub(crate) fn is_paused(&self) -> bool {
        match self.way {
            Way::Pid(pid) => inside::is_frozen(pid),
            Way::In { paused, .. } => paused,
        }
    }

    /// The guest node, to run programs in. In a virtual machine it is lxc-autogen there that enters it.
    ///
    /// # Errors
    /// When it has just ended.
    pub(crate) fn enter(&self, lab: &Lab) -> Result<Inside> {
        let environment = config::environment(lab);
        match self.way {
            Way::Pid(pid) => Inside::of(&self.name, pid, environment),
            Way::In { machine, .. } => {
                let through = [PROGRAM, "exec", "--state-dir", GUESTS_DIR, &self.name, "--"];
                Ok(machine.through(&self.name, &through, environment))
            }
        }
    }

    /// Ends it as a power cut does.
    ///
    /// # Errors
    /// When libvirt in a virtual machine does not end it.
    pub(crate) fn kill(&self, context: &Context) -> Result<()> {
        match self.way {
            Way::Pid(pid) => processes::kill_now(pid),
            Way::In { machine, .. } => {
                let destroy = machine.cmd("virsh").args(["-q", "-c", LXC.uri, "destroy"]);
                destroy.arg(&self.name).ok(&context.host)?;
            }
        }
        Ok(())
    }
}
