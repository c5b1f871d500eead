//! Machines, which cluster nodes, guest nodes and remote nodes run on, and the network between
//! them.
//!
//! Sets and labs describe a machine as data ([`Made`]). They ask its [`Machinery`] for everything
//! that depends on its kind: a container, or something else. Only [`of`] says which machinery a
//! machine has.

mod container;
pub(crate) mod enter;
mod leaves;
pub(crate) mod make;
pub(crate) mod network;
pub(crate) mod programs;
#[cfg(test)]
pub(crate) mod recorder;
pub(crate) mod vm;

use crate::context::Context;
use crate::error::Result;
use crate::host::Host;
use crate::host::inside::Inside;
use crate::libvirt::hypervisor::Hypervisor;
use crate::libvirt::virsh::{self, DomainRow};
use crate::plan::{Blueprint, Form, Machine, Made};
use crate::rootfs::Writer;
use crate::spec::Subnet;
use crate::state::State;
use crate::xml::El;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub(crate) use leaves::{also_leaves, leaves};

/// The file with a machine's domain XML, in the directory of its files.
pub(crate) const DOMAIN: &str = "domain.xml";

/// How machines of one kind are made, started, entered, watched and unplugged.
pub(crate) trait Machinery: std::fmt::Debug + Sync {
    /// The hypervisor that runs the machines' domains.
    fn hypervisor(&self) -> &'static Hypervisor;

    /// The domain XML of a machine; pure.
    fn domain(&self, blueprint: &Blueprint) -> El;

    /// Makes what machines of this kind share, before their own files and before each start: `all` are
    /// the blueprints of those that there are to be. Does nothing for a kind that needs no such thing.
    ///
    /// # Errors
    /// When it cannot be made; the journal knows what was.
    fn prepare(&self, _: &Context, _: &mut State, _all: &[Blueprint]) -> Result<()> {
        Ok(())
    }

    /// Paths of files that appear on this host with a machine besides those that its hypervisor leaves of
    /// each ([`Hypervisor::leftovers`]).
    fn more_leftovers(&self, _: &Blueprint) -> Vec<PathBuf> {
        Vec::new()
    }

    /// The last lines that the machine, whose files are in this directory, has said on its console;
    /// none for a kind that has no console of its own.
    fn last_words(&self, _directory: &Path) -> Vec<String> {
        Vec::new()
    }

    /// Writes a machine's own root into the directory of its files, which exists and is empty.
    ///
    /// # Errors
    /// When a file cannot be written.
    fn write_root(
        &self,
        host: &Host,
        writer: &mut Writer,
        directory: &Path,
        made: &Made,
    ) -> Result<()>;

    /// Starts machines that do not run, from their domain XML; `seen` is told how many run so far.
    ///
    /// # Errors
    /// When a machine does not start, with libvirt's message.
    fn start(
        &self,
        host: &Host,
        wanted: &[(String, PathBuf)],
        lifetime: Lifetime,
        seen: &mut dyn FnMut(usize),
    ) -> Result<()> {
        let hypervisor = self.hypervisor();
        match lifetime {
            Lifetime::Transient => {
                let files: Vec<PathBuf> = wanted.iter().map(|(_, xml)| xml.clone()).collect();
                virsh::create_all(host, hypervisor, &files, seen)
            }
            Lifetime::Persistent => {
                virsh::define_and_start(host, hypervisor, wanted)?;
                seen(wanted.len());
                Ok(())
            }
        }
    }

    /// Gives defined domains a new definition, which they have from their next start on.
    ///
    /// # Errors
    /// When libvirt refuses a definition.
    fn redefine(&self, host: &Host, files: &[PathBuf]) -> Result<()> {
        virsh::define(host, self.hypervisor(), files)
    }

    /// Sets up the network of machines that were just started, so that the first packets are not
    /// delayed. Does nothing for a kind that needs no such thing.
    ///
    /// # Errors
    /// When it cannot be done; the machines join all the same, more slowly.
    fn settle(&self, host: &Host, machines: &[Machine], subnet: &Subnet) -> Result<()>;

    /// Gives a running machine another memory limit, in MiB.
    ///
    /// # Errors
    /// When libvirt or the kernel refuses it: more is used than that.
    fn give_memory(&self, host: &Host, name: &str, mib: u32) -> Result<()>;

    /// Gives a running machine's /dev/shm another size, in MiB.
    ///
    /// # Errors
    /// As [`Machinery::give_memory`].
    fn give_shm(&self, host: &Host, name: &str, seen: &Seen, mib: u32) -> Result<()>;

    /// The states of the machines with these names, as far as they are in libvirt's list `rows`.
    fn seen(&self, rows: &[DomainRow], names: &[String]) -> HashMap<String, Seen>;

    /// As [`Machinery::seen`], with a list that is read now.
    ///
    /// # Errors
    /// When libvirt does not answer.
    fn watch(&self, host: &Host, names: &[String]) -> Result<HashMap<String, Seen>> {
        let rows = virsh::domains(host, self.hypervisor())?;
        Ok(self.seen(&rows, names))
    }

    /// A running machine, whose files are in this directory, to run programs in with this environment
    /// and no variable of ours. `None` when it has ended meanwhile.
    fn enter(
        &self,
        name: &str,
        seen: &Seen,
        directory: &Path,
        environment: &[(String, String)],
    ) -> Option<Inside>;

    /// Ends machines as a power cut does, all at once; libvirt may take a moment to notice.
    ///
    /// # Errors
    /// When libvirt does not list its domains.
    fn unplug(&self, host: &Host, names: &[String]) -> Result<()>;

    /// Ends machines and removes their domains from libvirt.
    ///
    /// # Errors
    /// When libvirt still has one of the domains afterwards.
    fn destroy(&self, host: &Host, names: &[String]) -> Result<()> {
        virsh::destroy_domains(host, self.hypervisor(), names)
    }
}

/// Whether libvirt keeps the domain when the machine has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// libvirt forgets the domain: VirtualDomain starts its domains so.
    Transient,
    /// libvirt keeps the domain, so that a fence agent can start it again.
    Persistent,
}

/// The state of a machine that libvirt has in its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The state, as lxc-autogen tells them apart.
    pub doing: Doing,
    /// The state in virsh's words.
    pub said: String,
    /// The pid of the machine's process as this host numbers it; for a container that of its PID 1.
    pub pid: Option<u32>,
}

/// The states of a machine in libvirt's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It runs.
    Runs,
    /// It is paused, and no program can be run in it.
    Paused,
    /// It has died without libvirt noticing.
    Dead,
    /// It does not run: it is off, just starting or just ending.
    Rests,
}

/// The machineries of all kinds of machines.
pub(crate) static ALL: &[&dyn Machinery] = &[&container::Container, &vm::Vm];

/// The machinery of a machine.
pub(crate) fn of(machine: &Machine) -> &'static dyn Machinery {
    of_form(machine.form)
}

/// The machinery of machines of this form.
pub(crate) fn of_form(form: Form) -> &'static dyn Machinery {
    match form {
        Form::Container => &container::Container,
        Form::Virtual => &vm::Vm,
    }
}

/// Some machines, with the machinery that all of them have.
pub(crate) type Group = (&'static dyn Machinery, Vec<Machine>);

/// The machines grouped by their machinery; within a group they keep their order.
pub(crate) fn by_machinery<'a>(machines: impl IntoIterator<Item = &'a Machine>) -> Vec<Group> {
    grouped(machines, of)
}

fn grouped<'a>(
    machines: impl IntoIterator<Item = &'a Machine>,
    of: impl Fn(&Machine) -> &'static dyn Machinery,
) -> Vec<Group> {
    let mut all: Vec<Group> = Vec::new();
    for machine in machines {
        let machinery = of(machine);
        let uri = machinery.hypervisor().uri;
        match all.iter_mut().find(|(m, _)| m.hypervisor().uri == uri) {
            Some((_, group)) => group.push(machine.clone()),
            None => all.push((machinery, vec![machine.clone()])),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::plan::tests::sample;
    use recorder::Recorder;

    static RECORDER: Recorder = Recorder::new();

    #[test]
    fn machines_of_two_kinds_in_one_lab_are_each_their_own_machinerys() {
        let guests = sample(3).guests();
        let second_is_another = |machine: &Machine| -> &'static dyn Machinery {
            match machine.number {
                2 => &RECORDER,
                _ => of(machine),
            }
        };
        let groups = grouped(&guests, second_is_another);
        let shown: Vec<(&str, Vec<u32>)> = groups
            .iter()
            .map(|(machinery, machines)| {
                let numbers = machines.iter().map(|m| m.number).collect();
                (machinery.hypervisor().uri, numbers)
            })
            .collect();
        assert_eq!(shown, [("lxc:///", vec![1, 3]), ("recorded:///", vec![2])]);

        let [_, recorded] = <[Group; 2]>::try_from(groups).unwrap();
        let undone = leaves::of_group(recorded.clone(), Lifetime::Persistent);
        let keys: Vec<String> = undone.iter().map(Change::key).collect();
        for key in [
            "directory /var/log/libvirt/recorded",
            "directory /etc/libvirt/recorded",
            "file /var/log/libvirt/recorded/lxc2.log",
            "file /run/libvirt/recorded/lxc2.pid",
            "domain lxc2 of recorded:///",
        ] {
            assert!(keys.iter().any(|k| k == key), "{key}: {keys:?}");
        }
        let transient = leaves::of_group(recorded, Lifetime::Transient);
        assert_eq!(transient.len(), undone.len() - 1, "{transient:?}");
    }
}
