//! `lab up`: from nothing to a cluster with every node online; on a lab that is there, only the
//! difference.

use super::choose::{Choice, choose, name_of, shape_of};
use super::{Context, check, fence, groups, guests, load, make, nodes, of_lab, resize, status};
use crate::cli::LabShape;
use crate::error::{Error, Kind, Result};
use crate::host::inside::Inside;
use crate::host::lock::{self, Lock};
use crate::host::{files, signals, users};
use crate::lab::{Lab, config};
use crate::report::{count, result};
use crate::state::State;
use std::time::{Duration, Instant};

/// # Errors
/// What is missing, before anything is touched; what failed, after it was put back; or
/// [`Kind::NotOnline`].
pub(super) fn run(context: &Context, shape: &LabShape) -> Result<()> {
    let shape = shape_of(shape)?;
    let context = &of_lab(context, name_of(&shape))?;
    if context.common.dry_run {
        return preview(context, &shape);
    }
    users::require_root("lab up")?;
    let host_lock = lock::host()?;
    let state = State::open(&context.state_dir)?;
    let saved = load(&context.state_dir)?;
    let choice = choose(context, &shape, saved.as_ref())?;
    check::check(context, &choice.lab, saved.as_ref())?;
    let mut state = match state {
        Some(state) => state,
        None => State::open_or_make(&context.state_dir)?,
    };
    if saved.is_some() && !files::exists(&context.state_dir.join(COMPLETE)) {
        let name = &choice.lab.spec.name;
        context.report.line(format!(
            "lab {name} was never completed; going on with it (lxc-autogen lab down --name {name} \
             takes it away)"
        ));
    }
    let timeout = Duration::from_secs(shape.timeout.unwrap_or_else(|| patience(&choice.lab)));
    let is_new = saved.is_none();
    let made = up(context, &mut state, &choice, is_new, host_lock, timeout)
        .and_then(|()| state.write(COMPLETE, ""));
    match made {
        Ok(()) => {
            context.report.line(summary(&choice.lab));
            if context.common.json {
                return status::run(context, Some(&choice.lab.spec.name));
            }
            Ok(())
        }
        // For a look at what keeps them.
        Err(e) if e.kind == Kind::NotOnline => Err(e),
        // A lab that ran before keeps running as far as it does.
        Err(e) if saved.is_some() => {
            let name = &choice.lab.spec.name;
            Err(e.detail(format!(
                "the lab is left as it is; lxc-autogen lab up --name {name} tries again, lab down \
                 --name {name} takes it away"
            )))
        }
        Err(e) => Err(context.put_back(&mut state, e)),
    }
}

/// A file that is there when all nodes of a lab have been online once.
const COMPLETE: &str = "complete";

/// How long nodes may take to come online when nothing else is said.
fn patience(lab: &Lab) -> u64 {
    let others = u64::from(lab.spec.remote_nodes) + u64::from(lab.spec.containers);
    90 + 10 * u64::from(lab.spec.cluster_nodes) + 2 * others
}

fn up(
    context: &Context,
    state: &mut State,
    choice: &Choice,
    is_new: bool,
    host_lock: Lock,
    timeout: Duration,
) -> Result<()> {
    let lab = &choice.lab;
    let gone = resize::gone(state, lab);
    make::make(context, state, choice)?;
    context.host.check_interrupt()?;
    make::network(context, state, lab)?;
    fence::start(context, state, &resize::with_gone(lab, &gone))?;
    groups::start(context, state, lab)?;
    make::start(context, state, lab)?;
    // Names, subnet and what they leave behind are taken and journaled: others may go on.
    drop(host_lock);
    if !is_new {
        revive(context, lab)?;
        resize::reconcile(context, state, lab, &gone, timeout)?;
        // Those that have left are nobody's any more.
        fence::start(context, state, lab)?;
    }
    // While corosync and Pacemaker find each other.
    guests::generate(context, lab)?;
    nodes::await_online(context, lab, timeout)?;
    if !is_new {
        resize::settle(context, lab, timeout)?;
    }
    context.host.check_interrupt()?;
    guests::up(context, lab, timeout)
}

/// Daemons in nodes that have died are started again.
fn revive(context: &Context, lab: &Lab) -> Result<()> {
    let running = nodes::Running::of(context, lab)?;
    for (node, inside) in running.cluster(lab) {
        let dead: Vec<String> = nodes::daemons(context, inside)
            .into_iter()
            .filter(|d| !d.is_well() && d.state != "starting" && d.state != "waiting")
            .map(|d| d.name)
            .collect();
        if !dead.is_empty() {
            context
                .report
                .line(format!("{}: starting {} again", node.name, dead.join(", ")));
            inside.cmd("kill").args(["-HUP", "1"]).ok(&context.host)?;
            await_daemons(context, &node.name, inside)?;
        }
    }
    Ok(())
}

fn await_daemons(context: &Context, name: &str, inside: &Inside) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        signals::sleep(Duration::from_millis(100))?;
        let daemons = nodes::daemons(context, inside);
        if !daemons.is_empty() && daemons.iter().all(crate::supervisor::Report::is_well) {
            return Ok(());
        }
        if Instant::now() > end {
            let sick = daemons.iter().filter(|d| !d.is_well());
            return Err(late(format!("{name} has daemons that do not start"))
                .details(sick.map(|d| format!("{} {}", d.name, d.state)))
                .mend(format!(
                    "see /var/log/*.out there: lxc-autogen lab shell {name}"
                )));
        }
    }
}

fn summary(lab: &Lab) -> String {
    let spec = &lab.spec;
    let mut parts = vec![count(spec.cluster_nodes as usize, "cluster node")];
    for (number, what) in [
        (spec.remote_nodes, "remote node"),
        (spec.containers, "guest node"),
    ] {
        if number > 0 {
            parts.push(count(number as usize, what));
        }
    }
    format!(
        "lab {}: {} online; network {} on {}",
        spec.name,
        parts.join(", "),
        lab.network(),
        lab.subnet
    )
}

fn preview(context: &Context, shape: &LabShape) -> Result<()> {
    let saved = load(&context.state_dir)?;
    let lab = choose(context, shape, saved.as_ref())?.lab;
    if context.common.json {
        return super::super::preview::print_value(&serde_json::json!({
            "lab": lab, "nodes": lab.nodes(),
        }));
    }
    let mut text = format!("would bring up {}\n", summary(&lab));
    text.push_str(&format!("in {}\n\n", lab.dir.display()));
    text.push_str(&format!("corosync.conf:\n{}\n", config::corosync(&lab)));
    text.push_str(&format!(
        "cib.xml:\n{}\n",
        crate::lab::cib::first(&lab).render()
    ));
    if lab.spec.fencing {
        text.push_str(&format!(
            "fence_virt.conf:\n{}{}\n",
            config::fence_virtd(&lab),
            config::fence_groups(&lab)
        ));
    }
    for node in lab.nodes() {
        let xml = crate::lab::domain::domain(&lab, &node).render();
        text.push_str(&format!("{}/domain.xml:\n{xml}\n", node.name));
    }
    result(text);
    Ok(())
}

/// An error of the kind that a timeout is.
pub(super) fn late(what: String) -> Error {
    Error::new(Kind::NotOnline, what)
}
