//! Making what a set needs on this host: key, pacemaker-remoted, files, network.

use super::steps::{Phase, Step, Steps, is_complete};
use crate::change::{HostsBlock, StateFile, authkey as key_change, prestop};
use crate::error::{Error, Result};
use crate::host::{files, hosts, net, users};
use crate::libvirt::network;
use crate::look::Look;
use crate::machine::make::Making;
use crate::machine::network::{Raised, raise};
use crate::machine::{self, programs};
use crate::pacemaker::{authkey, config};
use crate::plan::{self, Blueprint, Machine, Made, Set};
use crate::rootfs::{self, UNPACKED};
use crate::spec::{Authkey, Form};
use crate::state::State;
use std::path::Path;

/// Carries out the steps of making a set. What is there already, as it should be, is left alone.
///
/// # Errors
/// When any of it fails; the journal knows what was done.
pub(crate) fn make(look: &Look<'_>, state: &mut State, set: &Set, steps: &Steps) -> Result<()> {
    state.save_set(set)?;
    steps
        .of_phase(Phase::Making)
        .try_for_each(|step| carry_out(look, state, set, step))
}

fn carry_out(look: &Look<'_>, state: &mut State, set: &Set, step: &Step) -> Result<()> {
    let report = &look.context.report;
    match step {
        Step::Key => {
            if key_change::make(&mut state.journal)? {
                report.line(format!("made {}", authkey::PATH));
            }
            Ok(())
        }
        Step::Fetch(version) => {
            report.line(format!("fetching pacemaker-remote {version}"));
            state.journal.intend([StateFile::named(UNPACKED)])?;
            rootfs::fetch(&look.context.host, &state.dir, version).map(drop)
        }
        Step::Machines(_) => {
            programs::copy(state, set.remoted.bind_source())?;
            let blueprint = |guest: &Machine| plan::blueprint(set, guest);
            machine::by_machinery(&set.guests())
                .into_iter()
                .try_for_each(|(machinery, guests)| {
                    let all: Vec<Blueprint> = guests.iter().map(blueprint).collect();
                    machinery.prepare(look.context, state, &all)
                })
        }
        Step::Files { .. } => make_containers(look, state, set),
        Step::Network { .. } => {
            state.write("network.xml", &network::network(set).render())?;
            raise_network(look, state, set)
        }
        Step::Hosts(_) => add_hosts(state, set),
        // Made when it was locked; and kept containers need nothing done.
        Step::StateDirectory(_) | Step::Keep(..) => Ok(()),
        // These steps are carried out in other phases.
        Step::Remove(_)
        | Step::Start(_)
        | Step::Join { .. }
        | Step::Clone
        | Step::Wait
        | Step::Change(..) => Ok(()),
    }
}

/// Refuses a key that pacemaker-remoted would not accept; a missing key is made later.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with what is wrong with it and its mend.
pub(crate) fn check_key(set: &Set) -> Result<()> {
    let path = Path::new(authkey::PATH);
    let haclient = users::haclient()?.as_raw();
    let wrong = if files::exists(path) {
        authkey::check(path, haclient)?
    } else {
        authkey::check_directory(Path::new(authkey::DIRECTORY), haclient)?
    };
    if let Some((what, mend)) = wrong {
        return Err(Error::cant(what).mend(mend));
    }
    if set.spec.authkey == Authkey::Bind {
        return Ok(());
    }
    let stale = authkey::stale_copies(set)?;
    if stale.is_empty() {
        return Ok(());
    }
    Err(Error::cant(format!(
        "{} changed since it was copied into {}",
        path.display(),
        stale.join(", ")
    ))
    .mend("lxc-autogen cleanup, then up again"))
}

fn make_containers(look: &Look<'_>, state: &mut State, set: &Set) -> Result<()> {
    let guests = set.guests();
    guests
        .iter()
        .try_for_each(|g| prestop::show(&set.state_dir, &g.name))?;
    let missing: Vec<Machine> = guests
        .into_iter()
        .filter(|g| !is_complete(set, &g.name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let key = match set.spec.authkey {
        Authkey::Copy => files::read_optional(Path::new(authkey::PATH))?,
        Authkey::Bind => None,
    };
    let mut stage = look.context.report.stage("rootfs", missing.len());
    for (machinery, missing) in machine::by_machinery(&missing) {
        let making = Making {
            machinery,
            layout: &set.layout,
            noun: set.spec.form().noun(),
        };
        let on_disk = key.iter().filter(|_| set.spec.form() == Form::Virtual);
        let mark = on_disk.map(|key| (authkey::MARK, files::sha256(key)));
        let made = |guest: &Machine| Made {
            blueprint: plan::blueprint(set, guest),
            root: plan::rootfs(set, guest, key.as_deref()),
            beside: [("primitive.xml", config::primitive_of(set, guest).render())]
                .into_iter()
                .chain(mark.clone())
                .collect(),
        };
        making.make(look.context, state, &missing, made, |count| stage.at(count))?;
    }
    stage.done();
    Ok(())
}

pub(crate) fn add_hosts(state: &mut State, set: &Set) -> Result<()> {
    let path = Path::new(hosts::PATH);
    let marker = &hosts::marker(&set.spec.prefix, &set.state_dir);
    state.journal.intend([HostsBlock {
        path: path.to_owned(),
        marker: marker.to_owned(),
    }])?;
    let lines: Vec<String> = set
        .guests()
        .iter()
        .map(|g| format!("{} {}", g.address, g.name))
        .collect();
    hosts::rewrite(path, |text| hosts::with_block(text, marker, &lines))
}

/// Defines the set's network and starts it.
fn raise_network(look: &Look<'_>, state: &mut State, set: &Set) -> Result<()> {
    let present = look.network(&set.network)?;
    if let Some(xml) = &present {
        let uuid = xml.find("uuid").map(|u| u.text.clone()).unwrap_or_default();
        if uuid != set.network_uuid() {
            return Err(Error::cant(format!(
                "there is a network {} that is not of this set (uuid {uuid})",
                set.network
            ))
            .mend("remove or rename it, or start over with lxc-autogen cleanup"));
        }
    }
    let network = Raised {
        name: &set.network,
        uuid: &set.network_uuid(),
        subnet: &set.subnet,
        forward: set.spec.forward,
        file: "network.xml",
        state_dir: &set.state_dir,
        present: present.is_some(),
    };
    raise(look, state, &network)?;
    // Where these settings fail the nodes join all the same, but more slowly, and fewer of them.
    let guests = set.guests().into_iter().map(|g| (g.address, g.mac));
    net::acknowledge_at_once(&look.context.host, &set.network, &set.subnet)
        .and_then(|()| {
            net::know_neighbours(
                &look.context.host,
                &set.network,
                &guests.collect::<Vec<_>>(),
            )
        })
        .or_else(|e| {
            look.context.report.warn(format!(
                "connections will be slower, and of many some may fail: {}",
                e.message()
            ));
            Ok(())
        })
}
