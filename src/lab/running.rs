//! Which nodes of a lab run, as seen from the host; entering them.

use super::{Lab, config};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::{self, Inside};
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::virsh;
use crate::plan::Machine;
use std::collections::HashMap;

/// The containers that run, by node name; those that are paused can be asked nothing.
#[derive(Debug)]
pub(crate) struct Running {
    up: HashMap<String, Inside>,
    paused: Vec<String>,
}

impl Running {
    /// Looks which of a lab's nodes run.
    ///
    /// # Errors
    /// When virsh fails.
    pub(crate) fn of(context: &Context, lab: &Lab) -> Result<Running> {
        let names: Vec<String> = lab.nodes().into_iter().map(|n| n.name).collect();
        Running::of_names(context, lab, &names)
    }

    /// The same of these, which the lab may not have any more.
    ///
    /// # Errors
    /// When virsh fails.
    pub(crate) fn of_names(context: &Context, lab: &Lab, names: &[String]) -> Result<Running> {
        let environment = config::environment(lab);
        let pids = virsh::init_pids(&context.host, &LXC, names)?;
        let all: Vec<u32> = pids.iter().map(|(_, pid)| *pid).collect();
        let frozen = inside::frozen(&all);
        let (paused, up): (Vec<_>, Vec<_>) =
            pids.into_iter().partition(|(_, pid)| frozen.contains(pid));
        Ok(Running {
            // One that ends between the two looks does not run.
            up: up
                .into_iter()
                .filter_map(|(name, pid)| {
                    let inside = Inside::of(&name, pid, environment.clone()).ok()?;
                    Some((name, inside))
                })
                .collect(),
            paused: paused.into_iter().map(|(name, _)| name).collect(),
        })
    }

    /// A node, if it runs.
    pub(crate) fn get(&self, name: &str) -> Option<&Inside> {
        self.up.get(name)
    }

    /// Whether a node is paused.
    pub(crate) fn is_paused(&self, name: &str) -> bool {
        self.paused.iter().any(|p| p == name)
    }

    /// A running node by name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Cant`] when it does not run.
    pub(crate) fn need(&self, name: &str) -> Result<&Inside> {
        self.get(name).ok_or_else(|| {
            if self.is_paused(name) {
                return Error::cant(format!("{name} is paused")).mend(format!(
                    "virsh -c {} resume {name}, or lxc-autogen lab up",
                    LXC.uri
                ));
            }
            Error::cant(format!("{name} does not run")).mend(format!(
                "virsh -c {} start {name}, or lxc-autogen lab up",
                LXC.uri
            ))
        })
    }

    /// The running cluster nodes, in order.
    pub(crate) fn cluster<'a>(&'a self, lab: &Lab) -> Vec<(Machine, &'a Inside)> {
        lab.cluster_nodes()
            .into_iter()
            .filter_map(|n| {
                let inside = self.get(&n.name)?;
                Some((n, inside))
            })
            .collect()
    }
}
