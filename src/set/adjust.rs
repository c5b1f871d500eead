//! Changing what containers are like that are there already: memory and /dev/shm while they run,
//! monitors in the CIB. The set keeps what was before until all of them have been changed, so that
//! the next run finishes one that was interrupted.

use super::{single, wait};
use crate::error::{Error, Result};
use crate::host::files::{self, Attributes, Existing};
use crate::libvirt::changed::{with_memory, with_shm};
use crate::look::Look;
use crate::machine::{self, DOMAIN, Doing};
use crate::pacemaker::{config, tools};
use crate::plan::{Form, Machine, Set};
use crate::spec::Former;
use crate::state::State;
use crate::xml;
use std::time::Instant;

/// Refuses to change a set that other cluster nodes hold too: each has files of its own.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with what would be changed.
pub(crate) fn refuse_shared(set: &Set) -> Result<()> {
    if set.nodes.is_empty() || set.former.is_empty() {
        return Ok(());
    }
    Err(Error::cant(format!(
        "the set is on {}, and is not changed there: {}",
        set.nodes.join(", "),
        set.former.told(&set.spec)
    ))
    .mend("leave the option out, or lxc-autogen cleanup and up again with it"))
}

/// Refuses to change a set that is there by a command that does not look at what runs.
///
/// # Errors
/// [`crate::error::Kind::Usage`] with what would be changed.
pub(crate) fn refuse_but_by_up(set: &Set) -> Result<()> {
    if set.former.is_empty() {
        return Ok(());
    }
    let what = set.former.told(&set.spec);
    Err(Error::usage(format!("the set is there already: {what}"))
        .mend("lxc-autogen up changes it, with the same option"))
}

/// Changes the containers that are not as the set says. Containers of this host are changed while
/// they run; one that the cluster runs on another node is restarted by the cluster, one after the
/// other, those that run nothing first.
///
/// # Errors
/// When a container cannot be changed; what was before stays written down.
pub(crate) fn adjust(
    look: &Look<'_>,
    state: &mut State,
    set: &Set,
    timeout: Option<u64>,
) -> Result<()> {
    if set.former.is_empty() {
        return Ok(());
    }
    let mut kept = Vec::new();
    let ours = of_machines(look, set, &mut kept)?;
    elsewhere(look, set, ours, timeout)?;
    monitors(look, set, &mut kept)?;
    let report = &look.context.report;
    report.line(format!("changed {}", set.former.told(&set.spec)));
    if !kept.is_empty() {
        report.line(format!("left as somebody made them: {}", kept.join(", ")));
    }
    let done = Set {
        former: Former::default(),
        ..set.clone()
    };
    state.save_set(&done)
}

/// Changes containers that run on this host, and the files of all. Gives back those that do not run
/// here and have files that were changed.
fn of_machines(look: &Look<'_>, set: &Set, kept: &mut Vec<String>) -> Result<Vec<Machine>> {
    let (spec, former) = (&set.spec, &set.former);
    let host = &look.context.host;
    let mut away = Vec::new();
    if former.memory_mib.is_empty() && former.shm_mib.is_empty() {
        return Ok(away);
    }
    for (machinery, guests) in machine::by_machinery(&set.guests()) {
        let names: Vec<String> = guests.iter().map(|g| g.name.clone()).collect();
        let seen = machinery.watch(host, &names)?;
        for guest in guests {
            host.check_interrupt()?;
            let name = &guest.name;
            let path = set.domain_xml_path(name);
            let Some(text) = files::read_optional(&path)? else {
                continue;
            };
            let text = String::from_utf8_lossy(&text).into_owned();
            let mut domain = xml::parse(&text, DOMAIN)?;
            let is_ours = |former: &[u32], now: bool, what: &str, kept: &mut Vec<String>| {
                if !former.is_empty() && !now {
                    kept.push(format!("{name} ({what})"));
                }
                !former.is_empty() && now
            };
            let now = with_memory(&mut domain, &former.memory_mib, spec.memory_mib);
            let memory = is_ours(&former.memory_mib, now, "memory", kept);
            let now = with_shm(&mut domain, &former.shm_mib, spec.shm_mib);
            let shm = is_ours(&former.shm_mib, now, "/dev/shm", kept);
            let here = seen
                .get(name)
                .filter(|it| matches!(it.doing, Doing::Runs | Doing::Paused));
            if let Some(seen) = here {
                // A virtual machine has it from its next start on, by the file.
                if memory && guest.form == Form::Container {
                    machinery.give_memory(host, name, spec.memory_mib)?;
                }
                if shm {
                    machinery.give_shm(host, name, seen, spec.shm_mib)?;
                }
            }
            // The file says what the container has, and not what it was to have.
            let rendered = domain.render();
            if rendered != text {
                let attributes = Attributes::root(0o644);
                files::write_atomic(&path, rendered.as_bytes(), attributes, Existing::Replace)?;
            }
            if here.is_none() && (memory || shm) {
                away.push(guest);
            }
        }
    }
    Ok(away)
}

/// Restarts those that the cluster runs on another node, with the files that this node has changed.
fn elsewhere(look: &Look<'_>, set: &Set, away: Vec<Machine>, timeout: Option<u64>) -> Result<()> {
    if away.is_empty() || !set.spec.anywhere {
        return Ok(());
    }
    let host = &look.context.host;
    look.cib_has_changed();
    let connected = look.cib()?.connected();
    let view = tools::view(host)?;
    let busy = |name: &str| {
        let mut active = view.active.values().flatten();
        active.any(|it| it.nodes.iter().any(|node| node == name))
    };
    let mut away = away;
    away.retain(|guest| connected.contains(&guest.name));
    away.sort_by_key(|guest| (busy(&guest.name), guest.number));
    for guest in &away {
        host.check_interrupt()?;
        let line = format!("restarting {}, which runs on another node", guest.name);
        look.context.report.line(line);
        single::stop_and_start(host, guest, || Ok(()))?;
        let mut stage = look.context.report.stage(&guest.name, 1);
        let patience = wait::patience(set, timeout);
        let one = std::slice::from_ref(guest);
        wait::online(look.context, one, &mut stage, Instant::now(), patience)?;
        stage.done();
    }
    Ok(())
}

/// Changes the monitors in the CIB, in one change, and what the files say of them.
fn monitors(look: &Look<'_>, set: &Set, kept: &mut Vec<String>) -> Result<()> {
    let former = &set.former.monitor_s;
    if former.is_empty() {
        return Ok(());
    }
    look.cib_has_changed();
    let (changed, theirs) = config::other_monitors(&*look.cib()?, set);
    kept.extend(theirs.into_iter().map(|name| format!("{name} (monitor)")));
    if let Some(changed) = changed {
        tools::merge(&look.context.host, &changed)?;
        look.cib_has_changed();
    }
    for guest in set.guests() {
        let path = set.container_dir(&guest.name).join("primitive.xml");
        if files::exists(&path) {
            let text = config::primitive_of(set, &guest).render();
            let attributes = Attributes::root(0o644);
            files::write_atomic(&path, text.as_bytes(), attributes, Existing::Replace)?;
        }
    }
    Ok(())
}
