//! Which nodes of a lab run, as seen from this host, and entering them.

use super::{Lab, config};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::inside::Inside;
use crate::machine::{self, Doing, Machinery, Seen};
use crate::plan::Machine;
use std::collections::HashMap;

/// The nodes that libvirt knows, by name; those that run can be entered.
#[derive(Debug, Default)]
pub(crate) struct Running {
    up: HashMap<String, Inside>,
    seen: HashMap<String, Seen>,
}

impl Running {
    /// Looks which of a lab's nodes run.
    ///
    /// # Errors
    /// When libvirt does not answer.
    pub(crate) fn of(context: &Context, lab: &Lab) -> Result<Running> {
        let names: Vec<String> = lab.nodes().into_iter().map(|n| n.name).collect();
        Running::of_names(context, lab, &names)
    }

    /// The same for nodes of these names, which the lab may not have any more: they are looked for
    /// among machines of all kinds.
    ///
    /// # Errors
    /// When libvirt does not answer.
    pub(crate) fn of_names(context: &Context, lab: &Lab, names: &[String]) -> Result<Running> {
        let mut running = Running::default();
        for form in lab.forms(names) {
            running.look(machine::of_form(form), &context.host, lab, names)?;
        }
        Ok(running)
    }

    fn look(
        &mut self,
        machinery: &dyn Machinery,
        host: &Host,
        lab: &Lab,
        names: &[String],
    ) -> Result<()> {
        let environment = config::environment(lab);
        for (name, seen) in machinery.watch(host, names)? {
            // A node that ends between the two looks does not run.
            let inside = (seen.doing == Doing::Runs)
                .then(|| machinery.enter(&name, &seen, &lab.path(&name), &environment))
                .flatten();
            self.up.extend(inside.map(|inside| (name.clone(), inside)));
            self.seen.insert(name, seen);
        }
        Ok(())
    }

    /// A node, if it runs.
    pub(crate) fn get(&self, name: &str) -> Option<&Inside> {
        self.up.get(name)
    }

    /// Whether a node is paused.
    pub(crate) fn is_paused(&self, name: &str) -> bool {
        let seen = self.seen.get(name);
        seen.is_some_and(|seen| seen.doing == Doing::Paused)
    }

    /// libvirt's word for the state of a node that it knows.
    pub(crate) fn said(&self, name: &str) -> Option<&str> {
        self.seen.get(name).map(|seen| seen.said.as_str())
    }

    /// A node, refused if it does not run.
    ///
    /// # Errors
    /// [`crate::error::Kind::Cant`] when it does not run.
    pub(crate) fn need(&self, lab: &Lab, node: &Machine) -> Result<&Inside> {
        let (name, uri) = (&node.name, machine::of(node).hypervisor().uri);
        self.get(name).ok_or_else(|| {
            let (state, verb) = match self.is_paused(name) {
                true => ("is paused", "resume"),
                false => ("does not run", "start"),
            };
            Error::cant(format!("{name} {state}")).mend(format!(
                "virsh -c {uri} {verb} {name}, or lxc-autogen lab up --name {}",
                lab.spec.name
            ))
        })
    }

    /// The running cluster nodes, in order.
    pub(crate) fn cluster<'a>(&'a self, lab: &Lab) -> Vec<(Machine, &'a Inside)> {
        self.those(lab.cluster_nodes())
    }

    /// The running nodes in which an init runs daemons, in order.
    pub(crate) fn systems<'a>(&'a self, lab: &Lab) -> Vec<(Machine, &'a Inside)> {
        self.those(lab.systems())
    }

    fn those(&self, nodes: Vec<Machine>) -> Vec<(Machine, &Inside)> {
        let running = |n: Machine| {
            let inside = self.get(&n.name)?;
            Some((n, inside))
        };
        nodes.into_iter().filter_map(running).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::recorder::{Recorder, seen};

    #[test]
    fn nodes_of_any_kind_are_entered_while_they_run() {
        let lab = crate::lab::tests::sample(3, 1);
        let nodes = lab.nodes();
        let all = [
            seen(Doing::Runs, "running"),
            seen(Doing::Paused, "paused"),
            seen(Doing::Dead, "dead"),
        ];
        let names = nodes.iter().map(|n| n.name.clone());
        let recorder = Recorder {
            seen: names.zip(all).collect(),
            ..Recorder::default()
        };
        let mut running = Running::default();
        let names: Vec<String> = nodes.iter().map(|n| n.name.clone()).collect();
        running
            .look(&recorder, &Host::new(false), &lab, &names)
            .unwrap();
        let [first, second, third, remote] = &nodes[..] else {
            panic!("{nodes:?}");
        };
        assert_eq!(
            running.need(&lab, first).unwrap().pid(),
            Some(std::process::id())
        );
        assert_eq!(running.cluster(&lab).len(), 1);
        for (node, what) in [
            (second, "lab-node2 is paused"),
            (third, "lab-node3 does not run"),
            (remote, "lab-remote1 does not run"),
        ] {
            assert_eq!(running.need(&lab, node).unwrap_err().message(), what);
        }
        let said = nodes.iter().map(|n| running.said(&n.name));
        let said: Vec<Option<&str>> = said.collect();
        assert_eq!(said, [Some("running"), Some("paused"), Some("dead"), None]);
        let mend = running.need(&lab, second).unwrap_err();
        let mend = mend.mend_text().unwrap();
        assert_eq!(
            mend,
            "virsh -c lxc:/// resume lab-node2, or lxc-autogen lab up --name lab"
        );
    }
}
