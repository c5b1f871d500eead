//! `lab up`: from nothing to a cluster with every node online; on a lab that is there, only the
//! difference.

use crate::context::Context;
use crate::error::{Kind, Result};
use crate::host::{files, users};
use crate::lab::COMPLETE;
use crate::lab::directory::{load, of_lab};
use crate::lab::raise::{patience, summary, up};
use crate::lab::resolve::{choose, completed, name_of};
use crate::lab::steps::{Present, Steps};
use crate::lab::{Lab, Wanted, changes, checks, cib, config, corosync, domain, held, hosts};
use crate::look::Look;
use crate::machine;
use crate::pacemaker::hint::Tool;
use crate::plan::Machine;
use crate::report::{json, result};
use crate::state::{State, turn};
use std::path::Path;
use std::slice::from_ref;
use std::time::Duration;

/// # Errors
/// An objection, before anything is changed; a failure, after the changes were undone; or
/// [`Kind::NotOnline`]. Gives back the name of the lab.
pub(in crate::commands) fn run(
    context: &Context,
    wanted: &Wanted,
    file: Option<&Path>,
) -> Result<String> {
    let wanted = completed(wanted, file)?;
    let name = name_of(&wanted).to_owned();
    let context = &of_lab(context, &name)?;
    if context.options.dry_run {
        return preview(context, &wanted).map(|()| name);
    }
    users::require_root("lab up")?;
    let host_lock = turn::host(context, from_ref(&context.state_dir))?;
    let state = State::open(&context.state_dir)?;
    let saved = load(&context.state_dir)?;
    let look = Look::new(context);
    let choice = choose(&look, &wanted, saved.as_ref())?;
    checks::check(&look, &choice.lab, saved.as_ref())?;
    let mut state = match state {
        Some(state) => state,
        None => State::open_or_make(&context.state_dir)?,
    };
    if saved.is_some() && !files::exists(&context.state_dir.join(COMPLETE)) {
        context.report.line(format!(
            "lab {name} was never completed; going on with it (lxc-autogen lab down --name {name} \
             takes it away)"
        ));
    }
    let timeout = Duration::from_secs(wanted.timeout.unwrap_or_else(|| patience(&choice.lab)));
    let made = Steps::of(
        &choice,
        &Present::by_journal(&state, saved.as_ref(), &choice.lab),
    )
    .and_then(|steps| up(&look, &mut state, &choice.lab, &steps, host_lock, timeout))
    .and_then(|()| state.write(COMPLETE, ""));
    match made {
        Ok(()) => {
            // The lab is up, whether the cluster says more of it or not.
            let off = held::tell(context, &choice.lab).unwrap_or_else(|e| {
                context.report.warn(e.message());
                0
            });
            context.report.line(summary(&choice.lab, off));
            if saved.is_none() && choice.lab.spec.containers > 0 {
                context.report.line(of_guests(&choice.lab));
            }
            Ok(name)
        }
        // The nodes stay, so that the reason can be looked for.
        Err(e) if e.kind == Kind::NotOnline => Err(e),
        // A lab that ran before keeps running as far as it does.
        Err(e) if saved.is_some() => Err(e.detail(format!(
            "the lab is left as it is; lxc-autogen lab up --name {name} tries again, lab down \
             --name {name} takes it away"
        ))),
        Err(e) => Err(state.put_back(context, e)),
    }
}

/// What surprises in a lab with guest nodes: a first resource may be on one of them, where virsh on
/// this host does not see it.
fn of_guests(lab: &Lab) -> String {
    let node = &lab.cluster_nodes()[0].name;
    format!(
        "the guest nodes take resources, too; what is to run on cluster nodes only: lxc-autogen lab \
         exec {node} -- {}",
        Tool::here().keep_off_all("NAME")
    )
}

fn preview(context: &Context, wanted: &Wanted) -> Result<()> {
    let saved = load(&context.state_dir)?;
    let choice = choose(&Look::new(context), wanted, saved.as_ref())?;
    let steps = Steps::of(&choice, &Present::by_file(saved.as_ref(), &choice.lab))?;
    let lab = choice.lab;
    if context.options.json {
        return json(&serde_json::json!({
            "lab": lab,
            "nodes": lab.nodes().iter().map(Machine::json).collect::<Vec<_>>(),
        }));
    }
    let mut text = "would:\n".to_owned();
    for step in changes::told(&lab, saved.as_ref(), &steps) {
        text.push_str(&format!("  {step}\n"));
    }
    text.push('\n');
    if !lab.spec.bare {
        text.push_str(&format!("corosync.conf:\n{}\n", corosync::conf(&lab)));
        text.push_str(&format!("cib.xml:\n{}\n", cib::first(&lab).render()));
    }
    if lab.spec.fencing {
        text.push_str(&format!(
            "fence_virt.conf:\n{}{}\n",
            config::fence_virtd(&lab),
            config::fence_groups(&lab)
        ));
    }
    if lab.spec.hosts {
        let lines = hosts::lines(&lab).join("\n");
        text.push_str(&format!("/etc/hosts:\n{lines}\n\n"));
    }
    for node in lab.nodes() {
        let xml = machine::of(&node)
            .domain(&domain::blueprint(&lab, &node))
            .render();
        text.push_str(&format!("{}/domain.xml:\n{xml}\n", node.name));
    }
    result(text);
    Ok(())
}
