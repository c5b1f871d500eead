//! Single nodes of a set: finding the ones that people name, where they run, and restarting them.

use super::{held, wait};
use crate::checks::places;
use crate::error::{Error, Result};
use crate::host::at::At;
use crate::host::inside::{self, Inside};
use crate::host::poll::{Poll, Seen};
use crate::libvirt::hypervisor::{Hypervisor, LXC};
use crate::look::Look;
use crate::machine::{self, Doing, Lifetime, enter};
use crate::pacemaker::{config, tools};
use crate::plan::{self, Form, Machine, Set};
use crate::spec::NodeKind;
use glob::Pattern;
use std::time::{Duration, Instant};

/// Whether a name stands for several nodes.
pub(crate) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// The nodes of a set that these names and patterns (glob(7)) mean, each once.
///
/// # Errors
/// A usage error for a pattern that is none, and [`crate::error::Kind::Cant`] for a name that no node
/// has.
pub(crate) fn named(set: &Set, wanted: &[String]) -> Result<Vec<Machine>> {
    let guests = set.guests();
    let mut met = vec![false; guests.len()];
    for name in wanted {
        let pattern =
            Pattern::new(name).map_err(|e| Error::usage(format!("{name:?} is no pattern: {e}")))?;
        let mut any = false;
        for (guest, met) in guests.iter().zip(&mut met) {
            let meets = pattern.matches(&guest.name);
            *met |= meets;
            any |= meets;
        }
        if !any {
            return Err(no_such(&guests, name));
        }
    }
    let chosen = guests.into_iter().zip(met).filter(|(_, met)| *met);
    Ok(chosen.map(|(guest, _)| guest).collect())
}

fn no_such(guests: &[Machine], name: &str) -> Error {
    let names: Vec<&str> = guests.iter().map(|g| g.name.as_str()).collect();
    let nodes = match names.as_slice() {
        [first, .., last] if names.len() > 4 => format!("{first} to {last}"),
        few => few.join(", "),
    };
    Error::cant(format!("no node of the set is called {name}")).mend(format!(
        "its nodes are {nodes}; for a lab's nodes there are lab exec, lab shell and lab restart"
    ))
}

/// The container of a node, to run commands in.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when it does not run here, with the place where it does.
pub(crate) fn inside(look: &Look<'_>, set: &Set, guest: &Machine) -> Result<Inside> {
    let name = &guest.name;
    if guest.form == Form::Virtual {
        return inside_vm(look, set, guest);
    }
    match enter::init_of(name, std::process::id()) {
        Some(pid) if inside::is_frozen(pid) => Err(paused(name, &LXC)),
        Some(pid) => Inside::of(name, pid, plan::environment(set)),
        None => Err(not_here(look, guest)),
    }
}

/// Containers are found by their processes, which is faster; a virtual machine is asked for.
fn inside_vm(look: &Look<'_>, set: &Set, guest: &Machine) -> Result<Inside> {
    let (name, machinery) = (&guest.name, machine::of(guest));
    let all = machinery.watch(&look.context.host, std::slice::from_ref(name))?;
    let seen = all.get(name).ok_or_else(|| not_here(look, guest))?;
    if seen.doing == Doing::Paused {
        return Err(paused(name, machinery.hypervisor()));
    }
    let directory = set.container_dir(name);
    let inside = (seen.doing == Doing::Runs)
        .then(|| machinery.enter(name, seen, &directory, &plan::environment(set)));
    inside.flatten().ok_or_else(|| not_here(look, guest))
}

fn paused(name: &str, hypervisor: &Hypervisor) -> Error {
    Error::cant(format!("{name} is paused"))
        .mend(format!("virsh -c {} resume {name}", hypervisor.uri))
}

fn not_here(look: &Look<'_>, guest: &Machine) -> Error {
    let name = &guest.name;
    let view = tools::view(&look.context.host).unwrap_or_default();
    let places = view.active.get(&guest.resource).into_iter().flatten();
    match places.flat_map(|place| &place.nodes).next() {
        Some(node) if look.node().is_ok_and(|here| here != node) => {
            Error::cant(format!("{name} runs on {node}"))
                .mend(format!("ssh {node} lxc-autogen exec {name} -- COMMAND"))
        }
        _ => Error::cant(format!("{name} does not run")).mend("lxc-autogen status shows why"),
    }
}

/// Refuses to restart nodes that somebody holds, which would run afterwards, and nodes that the
/// cluster would not stop or start.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the first of them, or with what keeps the cluster from it.
pub(crate) fn check_restart(look: &Look<'_>, set: &Set, guests: &[Machine]) -> Result<()> {
    let held = held::of(look, set)?;
    let mut held = held.iter();
    match held.find(|it| guests.iter().any(|guest| guest.name == it.node)) {
        None => places::check_restart(look, set),
        Some(held) => Err(Error::cant(format!("{} is left as it is", held.in_short()))
            .mend(format!("lxc-autogen up --enable {} undoes that", held.node))),
    }
}

/// Stops nodes in good order and starts them again, one after the other, each online before the next
/// one; what runs on one moves meanwhile as the cluster wants it.
///
/// # Errors
/// When the cluster or libvirt refuses it, or [`crate::error::Kind::NotOnline`].
pub(crate) fn restart(look: &Look<'_>, set: &Set, guests: &[Machine]) -> Result<()> {
    let host = &look.context.host;
    let mut stage = look.context.report.stage("restarted", guests.len());
    for (n, guest) in guests.iter().enumerate() {
        look.context.host.check_interrupt()?;
        stop_and_start(host, guest, || match set.spec.kind {
            NodeKind::Remote => restart_container(look, set, guest),
            NodeKind::Guest => Ok(()),
        })?;
        let one = std::slice::from_ref(guest);
        let mut quiet = look.context.report.stage("online", 1);
        let patience = match guest.form {
            Form::Container => PATIENCE,
            Form::Virtual => VM_PATIENCE,
        };
        wait::online(look.context, one, &mut quiet, Instant::now(), patience)?;
        stage.at(n + 1);
    }
    stage.done();
    Ok(())
}

/// How long one node may take to be online again.
const PATIENCE: Duration = Duration::from_secs(120);

/// The same of a virtual machine, which the cluster tries to reach for 180 s.
const VM_PATIENCE: Duration = Duration::from_secs(240);

/// Has the cluster stop a node's resource, and start it again after what is to be done `between`, also
/// where that fails or a signal comes. A restart that is killed leaves the mark of a removal, by which
/// the next `up` starts the node: `crm_resource --restart` would leave a node that looks as if somebody
/// had disabled it.
///
/// # Errors
/// When the cluster refuses it, or does not stop the resource in time.
pub(crate) fn stop_and_start(
    at: &dyn At,
    guest: &Machine,
    between: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let ids = std::slice::from_ref(&guest.resource);
    tools::merge(at, &config::stop(ids, &[], None))?;
    let stopped = await_stopped(at, guest).and_then(|()| between());
    let started = ["target-role", config::NODE_ATTRIBUTE]
        .into_iter()
        .try_for_each(|name| tools::delete_meta(at, &guest.resource, name));
    stopped.and(started)
}

fn await_stopped(at: &dyn At, guest: &Machine) -> Result<()> {
    let stopped = |_: &mut Poll| {
        let view = tools::view(at)?;
        Ok(Seen::ready_if(
            !view.active.contains_key(&guest.resource),
            view,
        ))
    };
    Poll::every(Duration::from_millis(200), PATIENCE).until(stopped, |view| {
        let names = [guest.name.as_str(), guest.resource.as_str()];
        Error::failed(format!("{} has not stopped", guest.name))
            .details(view.failures_of(&names))
            .mend("see crm_mon -1rf; it is to run again")
    })
}

/// The cluster only connects to a remote node, and has let go of it.
fn restart_container(look: &Look<'_>, set: &Set, guest: &Machine) -> Result<()> {
    let host = &look.context.host;
    for (machinery, machines) in machine::by_machinery(std::slice::from_ref(guest)) {
        let names: Vec<String> = machines.iter().map(|m| m.name.clone()).collect();
        machinery.destroy(host, &names)?;
        let wanted = [(guest.name.clone(), set.domain_xml_path(&guest.name))];
        machinery.start(host, &wanted, Lifetime::Transient, &mut |_| {})?;
        machinery.settle(host, &machines, &set.subnet)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;

    #[test]
    fn nodes_by_name_and_pattern() {
        let set = sample(12);
        let of = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|w| (*w).to_owned()).collect();
            let named = named(&set, &wanted);
            named.map(|all| all.iter().map(|g| g.number).collect::<Vec<_>>())
        };
        assert_eq!(of(&["lxc2", "lxc1?", "lxc2"]).unwrap(), [2, 10, 11, 12]);
        let said = of(&["lxc1", "lxc13"]).unwrap_err().to_string();
        assert!(
            said.contains("called lxc13") && said.contains("lxc1 to lxc12"),
            "{said}"
        );
        assert!(
            of(&["lxc["])
                .unwrap_err()
                .to_string()
                .contains("no pattern")
        );
    }
}
