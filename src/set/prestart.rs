//! Starting containers before the cluster knows them.
//!
//! Starting many containers with one virsh costs a third of the time that the agent takes for each,
//! and the cluster's start of a container that runs already ends at once (VirtualDomain: "already
//! running"). Containers are started so only where the cluster is sure to want them on this node,
//! since it would find them nowhere else.

use super::cib;
use crate::context::Context;
use crate::error::{Context as _, Result};
use crate::libvirt::leftovers;
use crate::look::Look;
use crate::machine::{self, Doing, Lifetime, Machinery, Seen};
use crate::pacemaker::cib::Cib;
use crate::pacemaker::tools;
use crate::plan::{Machine, Set};
use crate::spec::NodeKind;
use std::collections::HashMap;
use std::path::Path;

/// The containers that can be started before the cluster knows them: guest nodes that are new to
/// the CIB and must run on this node; and all remote nodes that do not run, since the cluster
/// starts none of these.
///
/// # Errors
/// When cluster or libvirt do not answer.
pub(crate) fn of(look: &Look<'_>, set: &Set, cib: &Cib) -> Result<Vec<Machine>> {
    if set.spec.kind == NodeKind::Remote {
        return to_run(look, set);
    }
    let ids = cib.ids();
    let guests = set.guests().into_iter();
    let new: Vec<Machine> = guests
        .filter(|g| !ids.contains(g.resource.as_str()))
        .collect();
    if new.is_empty() || set.spec.anywhere || !is_home(look, set)? {
        return Ok(Vec::new());
    }
    let there = seen(look.context, &new)?;
    let new = new.into_iter().filter(|g| !there.contains_key(&g.name));
    Ok(new.skip(usize::from(the_agent_begins())).collect())
}

/// State of those containers that libvirt knows by now. The earlier look at all domains is too old:
/// a run that was killed may have left a virsh that goes on starting containers.
fn seen(context: &Context, guests: &[Machine]) -> Result<HashMap<String, Seen>> {
    let mut all = HashMap::new();
    for (machinery, guests) in machine::by_machinery(guests) {
        all.extend(machinery.watch(&context.host, &names_of(&guests))?);
    }
    Ok(all)
}

fn names_of(guests: &[Machine]) -> Vec<String> {
    guests.iter().map(|g| g.name.clone()).collect()
}

fn destroy<'a>(context: &Context, guests: impl IntoIterator<Item = &'a Machine>) -> Result<()> {
    machine::by_machinery(guests)
        .into_iter()
        .try_for_each(|(machinery, guests)| machinery.destroy(&context.host, &names_of(&guests)))
}

/// The remote nodes that do not run, which the cluster does not start. A container whose end
/// libvirt has not noticed is destroyed first.
fn to_run(look: &Look<'_>, set: &Set) -> Result<Vec<Machine>> {
    let guests = set.guests();
    let seen = seen(look.context, &guests)?;
    let is_dead = |g: &Machine| seen.get(&g.name).is_some_and(|s| s.doing == Doing::Dead);
    let there = |g: &Machine| seen.contains_key(&g.name) && !is_dead(g);
    let left: Vec<Machine> = guests.into_iter().filter(|g| !there(g)).collect();
    destroy(look.context, left.iter().filter(|g| is_dead(g)))?;
    Ok(left)
}

/// Whether the agent has yet to tell systemd that libvirt is to outlive the cluster at a shutdown.
/// It does so when it starts a container that does not run, so one container is left to it then.
/// Without that the host's shutdown hangs, the cluster trying to stop containers without libvirtd
/// (seen on a virtual machine; resource-agents 4.16, VirtualDomain_start). /run/systemd/system:
/// sd_booted(3).
fn the_agent_begins() -> bool {
    let systemd = Path::new("/run/systemd/system").is_dir();
    systemd && !leftovers::drop_ins().all(|path| path.exists())
}

/// Whether this node is the one that the containers must run on, and the cluster lets it run
/// resources.
fn is_home(look: &Look<'_>, set: &Set) -> Result<bool> {
    let here = look.node()?.to_owned();
    if here != cib::home(look, set)? {
        return Ok(false);
    }
    let view = tools::view(&look.context.host)?;
    let node = view.nodes.get(&here);
    Ok(node.is_some_and(|node| node.online && node.note.is_none()))
}

/// Starts these containers.
///
/// # Errors
/// When a container does not start: libvirt's error.
pub(crate) fn start(look: &Look<'_>, set: &Set, guests: &[Machine]) -> Result<()> {
    if guests.is_empty() {
        return Ok(());
    }
    let mut stage = look.context.report.stage("containers", guests.len());
    for (machinery, guests) in machine::by_machinery(guests) {
        start_by(machinery, look.context, set, &guests, &mut |count| {
            stage.at(count)
        })?;
    }
    stage.done();
    Ok(())
}

fn start_by(
    machinery: &dyn Machinery,
    context: &Context,
    set: &Set,
    guests: &[Machine],
    seen: &mut dyn FnMut(usize),
) -> Result<()> {
    let with_xml = |g: &Machine| (g.name.clone(), set.domain_xml_path(&g.name));
    let wanted: Vec<_> = guests.iter().map(with_xml).collect();
    machinery
        .start(&context.host, &wanted, Lifetime::Transient, seen)
        .context("start the containers")?;
    // Where it fails the nodes join all the same, but more slowly.
    let settled = machinery.settle(&context.host, guests, &set.subnet);
    settled.or_else(|e| {
        let text = format!("connections will be slower: {}", e.message());
        context.report.warn(text);
        Ok(())
    })
}

/// Destroys those of this node's containers that the cluster runs on another node all the same,
/// because of a user's constraint for instance, so that no container runs twice.
///
/// # Errors
/// When the cluster does not say where they run.
pub(crate) fn end_strays(look: &Look<'_>, guests: &[&Machine]) -> Result<()> {
    if guests.is_empty() {
        return Ok(());
    }
    let here = look.node()?.to_owned();
    let view = tools::view(&look.context.host)?;
    let elsewhere = |g: &&&Machine| {
        let active = view.active.get(&g.resource).into_iter().flatten();
        let mut nodes = active.flat_map(|a| &a.nodes).peekable();
        nodes.peek().is_some() && nodes.all(|node| *node != here)
    };
    let strays: Vec<&Machine> = guests.iter().filter(elsewhere).copied().collect();
    if strays.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = strays.iter().map(|g| g.name.as_str()).collect();
    look.context.report.warn(format!(
        "the cluster runs these on another node, and they are ended here: {}",
        names.join(", ")
    ));
    destroy(look.context, strays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Options;
    use crate::machine::recorder::Recorder;

    #[test]
    fn machines_of_any_kind_are_started_then_settled_and_the_latter_may_fail() {
        let context = Context::new(Options::default(), "/nonexistent".into());
        let set = crate::plan::tests::sample(2);
        let mut count = 0;
        let mut start = |recorder: &Recorder| {
            let guests = set.guests();
            start_by(recorder, &context, &set, &guests, &mut |n| count = n)
        };
        let recorder = Recorder {
            fails: Some("settle"),
            ..Recorder::default()
        };
        start(&recorder).unwrap();
        assert_eq!(
            recorder.calls(),
            ["start-transient lxc1 lxc2", "settle lxc1 lxc2"]
        );
        let recorder = Recorder {
            fails: Some("start-transient"),
            ..Recorder::default()
        };
        let said = start(&recorder).unwrap_err().to_string();
        assert!(said.contains("start the containers"), "{said}");
        assert_eq!(recorder.calls().len(), 1);
        assert_eq!(count, 2);
    }
}
