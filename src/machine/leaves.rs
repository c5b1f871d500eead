//! What machines leave on this host when they run here, as the changes that undo it.

use super::{Group, Lifetime, by_machinery, of};
use crate::change::{Change, Domain, EmptyDir, File};
use crate::host::files;
use crate::libvirt::leftovers;
use crate::plan::{Blueprint, Machine};
use std::path::PathBuf;

/// Changes that undo what these machines leave on this host when they run here: files and
/// directories that do not exist yet, and the domains.
pub(crate) fn leaves(machines: &[Machine], lifetime: Lifetime) -> Vec<Change> {
    let groups = by_machinery(machines).into_iter();
    groups.flat_map(|group| of_group(group, lifetime)).collect()
}

/// As [`leaves`], of files that this machine alone has.
pub(crate) fn also_leaves(blueprint: &Blueprint) -> Vec<Change> {
    let files = of(&blueprint.machine).more_leftovers(blueprint).into_iter();
    let absent = files.filter(|path| !files::exists(path));
    let container = Some(blueprint.machine.name.clone());
    absent
        .map(|path| {
            let container = container.clone();
            Change::from(File { path, container })
        })
        .collect()
}

pub(super) fn of_group((machinery, machines): Group, lifetime: Lifetime) -> Vec<Change> {
    let absent = |path: &PathBuf| !files::exists(path);
    let hypervisor = machinery.hypervisor();
    let defined = (lifetime == Lifetime::Persistent).then(|| PathBuf::from(hypervisor.defined));
    let mut changes: Vec<Change> = leftovers::directories(hypervisor)
        .chain(defined)
        .filter(absent)
        .map(|path| EmptyDir { path }.into())
        .collect();
    for Machine { name, .. } in machines {
        let files = hypervisor.leftovers(&name).into_iter().filter(absent);
        let container = Some(name.clone());
        changes.extend(files.map(|path| {
            let container = container.clone();
            Change::from(File { path, container })
        }));
        changes.push(Domain::at(hypervisor, name).into());
    }
    changes
}
