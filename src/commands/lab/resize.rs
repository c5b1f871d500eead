//! A lab that is there, brought to what is wanted: by what is really there, so that a run that was
//! interrupted on the way is finished by the next.

use super::Context;
use super::nodes::{self, Running};
use super::up::late;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::host::signals;
use crate::journal::Undo;
use crate::lab::{self, Lab, config, root};
use crate::state::State;
use std::time::{Duration, Instant};

/// A property set that is in the CIB only while a lab changes; what a user has set in the usual one
/// counts more.
const CHANGING: &str = "lxc-autogen-changing";

/// Names of nodes that were made and are not wanted any more, the last ones first.
pub(super) fn gone(state: &State, lab: &Lab) -> Vec<String> {
    let wanted: Vec<String> = lab.nodes().into_iter().map(|n| n.name).collect();
    let made = state
        .journal
        .outstanding()
        .filter_map(|(_, undo)| match undo {
            Undo::Container { name } => Some(name.clone()),
            _ => None,
        });
    let mut gone: Vec<String> = made.filter(|name| !wanted.contains(name)).collect();
    gone.sort_by_key(|name| std::cmp::Reverse((name.len(), name.clone())));
    gone
}

/// Takes those nodes out that are not wanted, and tells those that stay of those that have come.
///
/// # Errors
/// When the cluster does not take it in time.
pub(super) fn reconcile(
    context: &Context,
    state: &mut State,
    lab: &Lab,
    gone: &[String],
) -> Result<()> {
    if gone.is_empty() && !is_behind(context, lab)? {
        return Ok(());
    }
    let inside = nodes::await_answer(context, lab)?;
    freeze(context, &inside)?;
    if !gone.is_empty() {
        context.report.line(format!("removing {}", gone.join(", ")));
    }
    let (cluster, remotes): (Vec<&String>, Vec<&String>) =
        gone.iter().partition(|name| is_cluster_node(lab, name));
    for name in remotes {
        stop_remote(context, &inside, name)?;
        remove(context, state, name)?;
        forget(context, &inside, name)?;
    }
    // One after the other, and the others told of each: so that none of them is more than half.
    for name in cluster {
        leave(context, lab, name)?;
        remove(context, state, name)?;
        tell(context, &without(lab, name), lab)?;
        forget(context, &inside, name)?;
    }
    tell(context, lab, lab)?;
    merge(context, &inside, lab)
}

/// Ends what [`reconcile`] has changed for the time of the change.
///
/// # Errors
/// When cibadmin fails.
pub(super) fn settle(context: &Context, lab: &Lab) -> Result<()> {
    let inside = nodes::await_answer(context, lab)?;
    let xpath = format!("//crm_config/cluster_property_set[@id='{CHANGING}']");
    let delete = inside.cmd("cibadmin").args(["--delete", "--xpath", &xpath]);
    let output = delete.run(&context.host)?;
    match output.code {
        0 | 105 => Ok(()),
        _ => Err(output.error()),
    }
}

/// While votes are counted anew there can be no quorum for a moment; what runs keeps running.
fn freeze(context: &Context, inside: &Inside) -> Result<()> {
    let xml = format!(
        "<cluster_property_set id=\"{CHANGING}\"><nvpair id=\"{CHANGING}-no-quorum-policy\" \
         name=\"no-quorum-policy\" value=\"freeze\"/></cluster_property_set>"
    );
    inside
        .cmd("cibadmin")
        .args([
            "--modify",
            "--allow-create",
            "--scope",
            "crm_config",
            "--xml-text",
            &xml,
        ])
        .ok(&context.host)
        .map(drop)
}

fn is_cluster_node(lab: &Lab, name: &str) -> bool {
    number_of(lab, name).is_some()
}

fn number_of(lab: &Lab, name: &str) -> Option<u32> {
    name.strip_prefix(&format!("{}-node", lab.spec.name))?
        .parse()
        .ok()
}

/// The lab as it is when the last cluster node has left, on the way to what is wanted.
fn without(lab: &Lab, name: &str) -> Lab {
    let mut rest = lab.clone();
    rest.spec.cluster_nodes = number_of(lab, name).unwrap_or(1) - 1;
    rest
}

/// Whether a running cluster node does not know of all the others, or the cluster not of a remote
/// node or of what can be fenced.
fn is_behind(context: &Context, lab: &Lab) -> Result<bool> {
    let running = Running::of(context, lab)?;
    let wanted = config::corosync(lab);
    for (_, inside) in running.cluster(lab) {
        if read(context, inside, COROSYNC)?.as_deref() != Some(wanted.as_str()) {
            return Ok(true);
        }
    }
    let Some((_, inside)) = running.cluster(lab).into_iter().next() else {
        return Ok(false);
    };
    let cib = inside.cmd("cibadmin").arg("--query").run(&context.host)?;
    let known = |name: &String| cib.stdout.contains(&format!("id=\"{name}\""));
    let remotes: Vec<String> = lab.remote_nodes().into_iter().map(|n| n.name).collect();
    // A cluster that is just starting has the CIB of its files, with all of it.
    Ok(cib.code == 0 && !remotes.iter().all(known))
}

const COROSYNC: &str = "/etc/corosync/corosync.conf";

/// In good order, so that nobody fences it for leaving.
fn leave(context: &Context, lab: &Lab, name: &str) -> Result<()> {
    let find = || Running::of_names(context, lab, &[name.to_owned()]);
    if let Some(leaving) = find()?.get(name) {
        leaving
            .cmd("kill")
            .args(["-TERM", "1"])
            .run(&context.host)?;
    }
    let end = Instant::now() + Duration::from_secs(300);
    while find()?.get(name).is_some() {
        if Instant::now() > end {
            return Err(late(format!("{name} has not stopped"))
                .mend(format!("see lxc-autogen lab shell {name}, then try again")));
        }
        signals::sleep(Duration::from_millis(200))?;
    }
    Ok(())
}

fn remove(context: &Context, state: &mut State, name: &str) -> Result<()> {
    let ours = |_: u64, undo: &Undo| undo.container() == Some(name);
    let outcome = context.undoer(None).replay(&mut state.journal, ours);
    outcome.into_result().map(drop)
}

/// Stop, wait, delete: deleting a running remote node's resource would leave an orphan. One that a
/// run before has deleted is fine.
fn stop_remote(context: &Context, inside: &Inside, name: &str) -> Result<()> {
    let target = [
        "--meta",
        "--set-parameter",
        "target-role",
        "--parameter-value",
        "Stopped",
    ];
    let stopped = inside
        .cmd("crm_resource")
        .args(["--resource", name])
        .args(target)
        .run(&context.host)?;
    // No such object (Pacemaker 2.1.5, CRM_EX_NOSUCH).
    if stopped.code == 105 {
        return Ok(());
    }
    if stopped.code != 0 {
        return Err(stopped.error());
    }
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let text = inside
            .cmd("crm_mon")
            .args(["--one-shot", "--output-as=xml"])
            .ok(&context.host)?;
        let view = crate::pacemaker::monitor::View::parse(&text)?;
        if !view.active.contains_key(name) {
            break;
        }
        if Instant::now() > end {
            return Err(
                Error::failed(format!("{name} does not stop")).details(view.failures_of(&[name]))
            );
        }
        signals::sleep(Duration::from_millis(200))?;
    }
    let xpath = format!("/cib/configuration/resources/primitive[@id='{name}']");
    inside
        .cmd("cibadmin")
        .args(["--delete", "--force", "--xpath", &xpath])
        .ok(&context.host)
        .map(drop)
}

/// Makes the cluster forget a node. A cluster node that has just left is kept in the controllers'
/// caches as lost when this comes too soon (Pacemaker 2.1.5), so it is said until it is so.
fn forget(context: &Context, inside: &Inside, name: &str) -> Result<()> {
    for attempt in 0..20 {
        if attempt > 0 {
            signals::sleep(Duration::from_millis(500))?;
        }
        inside
            .cmd("crm_node")
            .args(["--force", "--remove", name])
            .ok(&context.host)?;
        let list = inside.cmd("crm_node").arg("--list").ok(&context.host)?;
        if !list.split_whitespace().any(|w| w == name) {
            return Ok(());
        }
    }
    Err(Error::failed(format!("the cluster does not forget {name}")))
}

/// corosync.conf for the cluster nodes of `now`, and the names of all of `lab`, in every cluster
/// node that runs; corosync takes the change over by itself. Written from inside: a path of a
/// container's is not to be followed from here.
fn tell(context: &Context, now: &Lab, lab: &Lab) -> Result<()> {
    let nodes = lab.nodes();
    let hosts = crate::plan::hosts(&config::known(&nodes));
    let corosync = config::corosync(now);
    let running = Running::of(context, lab)?;
    let mut changed = Vec::new();
    for (_, inside) in running.cluster(lab) {
        if read(context, inside, COROSYNC)?.as_deref() != Some(corosync.as_str()) {
            write(context, inside, COROSYNC, &corosync)?;
            changed.push(inside);
        }
        write(context, inside, "/etc/hosts", &hosts)?;
        if lab.spec.ssh {
            let public = lab.path(lab::KEYS).join("ssh-host.pub");
            let public =
                std::fs::read_to_string(&public).map_err(|e| Error::io("read", &public, e))?;
            let text = root::known_hosts_of(lab, &public);
            write(context, inside, "/etc/ssh/ssh_known_hosts", &text)?;
        }
    }
    for inside in changed {
        // One that is just starting reads the new file anyway.
        inside
            .cmd("corosync-cfgtool")
            .arg("-R")
            .run(&context.host)?;
    }
    Ok(())
}

fn read(context: &Context, inside: &Inside, path: &str) -> Result<Option<String>> {
    let output = inside.cmd("cat").arg(path).run(&context.host)?;
    Ok((output.code == 0).then_some(output.stdout))
}

fn write(context: &Context, inside: &Inside, path: &str, text: &str) -> Result<()> {
    // Whole or not at all.
    let new = format!("{path}.new");
    inside.cmd("tee").arg(&new).stdin(text).ok(&context.host)?;
    inside
        .cmd("mv")
        .args([&new, path])
        .ok(&context.host)
        .map(drop)
}

/// The fence devices' list of nodes, and remote nodes' resources.
fn merge(context: &Context, inside: &Inside, lab: &Lab) -> Result<()> {
    inside
        .cmd("cibadmin")
        .args([
            "--modify",
            "--allow-create",
            "--scope",
            "configuration",
            "--xml-pipe",
        ])
        .stdin(lab::cib::additions(lab).render())
        .ok(&context.host)
        .map(drop)
}
