//! Growing and shrinking a lab that is there.

use super::nodes::Running;
use super::{Context, up};
use crate::error::{Error, Result};
use crate::host::command::Cmd;
use crate::host::inside::Inside;
use crate::host::signals;
use crate::journal::Undo;
use crate::lab::{self, Kind, Lab, Node, config, root};
use crate::state::State;
use std::time::{Duration, Instant};

/// Takes those nodes out of the cluster that are not wanted any more, and removes them.
///
/// # Errors
/// When the cluster does not let go of one in time.
pub(super) fn shrink(context: &Context, state: &mut State, from: &Lab, to: &Lab) -> Result<()> {
    let wanted: Vec<String> = to.nodes().into_iter().map(|n| n.name).collect();
    let gone: Vec<Node> = from
        .nodes()
        .into_iter()
        .filter(|n| !wanted.contains(&n.name))
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = gone.iter().map(|n| n.name.as_str()).collect();
    context
        .report
        .line(format!("removing {}", names.join(", ")));
    let running = Running::of(context, from)?;
    let asked = to.cluster_nodes()[0].clone();
    let inside = running.need(&asked.name)?;
    // Stopped in good order, so that nobody fences it for leaving.
    for node in gone.iter().filter(|n| n.kind == Kind::Cluster) {
        if let Some(leaving) = running.get(&node.name) {
            leaving
                .cmd("kill")
                .args(["-TERM", "1"])
                .run(&context.host)?;
            await_gone(context, from, node)?;
        }
    }
    let remotes: Vec<&Node> = gone.iter().filter(|n| n.kind == Kind::Remote).collect();
    stop_remotes(context, inside, &remotes)?;
    let ours = |_: u64, undo: &Undo| undo.container().is_some_and(|c| names.contains(&c));
    let outcome = context.undoer(None).replay(&mut state.journal, ours)?;
    outcome.into_result()?;
    // What is left knows of the others only what is left.
    tell_of_nodes(context, to, &running)?;
    for node in &gone {
        forget(context, inside, node)?;
    }
    merge(context, inside, to)
}

/// Makes the cluster forget a node. A cluster node that has just left is kept in the controllers'
/// caches as lost when this comes too soon (Pacemaker 2.1.5), so it is said until it is so.
fn forget(context: &Context, inside: &Inside, node: &Node) -> Result<()> {
    for attempt in 0..20 {
        if attempt > 0 {
            signals::sleep(Duration::from_millis(500))?;
        }
        inside
            .cmd("crm_node")
            .args(["--force", "--remove", &node.name])
            .ok(&context.host)?;
        let list = inside.cmd("crm_node").arg("--list").ok(&context.host)?;
        if !list.split_whitespace().any(|w| w == node.name) {
            return Ok(());
        }
    }
    Err(Error::failed(format!(
        "the cluster does not forget {}",
        node.name
    )))
}

fn await_gone(context: &Context, lab: &Lab, node: &Node) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(300);
    while Running::of(context, lab)?.get(&node.name).is_some() {
        if Instant::now() > end {
            return Err(
                up::late(format!("{} has not stopped", node.name)).mend(format!(
                    "see lxc-autogen lab shell {}, then try again",
                    node.name
                )),
            );
        }
        signals::sleep(Duration::from_millis(200))?;
    }
    Ok(())
}

/// Stop, wait, delete: deleting a running remote node's resource would leave an orphan.
fn stop_remotes(context: &Context, inside: &Inside, remotes: &[&Node]) -> Result<()> {
    for node in remotes {
        let target = [
            "--meta",
            "--set-parameter",
            "target-role",
            "--parameter-value",
            "Stopped",
        ];
        inside
            .cmd("crm_resource")
            .args(["--resource", &node.name])
            .args(target)
            .ok(&context.host)?;
    }
    let end = Instant::now() + Duration::from_secs(120);
    for node in remotes {
        loop {
            let text = inside
                .cmd("crm_mon")
                .args(["--one-shot", "--output-as=xml"])
                .ok(&context.host)?;
            let view = crate::pacemaker::monitor::View::parse(&text)?;
            if !view.active.contains_key(&node.name) {
                break;
            }
            if Instant::now() > end {
                return Err(Error::failed(format!("{} does not stop", node.name))
                    .details(view.failures_of(&[&node.name])));
            }
            signals::sleep(Duration::from_millis(200))?;
        }
        let xpath = format!(
            "/cib/configuration/resources/primitive[@id='{}']",
            node.name
        );
        inside
            .cmd("cibadmin")
            .args(["--delete", "--force", "--xpath", &xpath])
            .ok(&context.host)?;
    }
    Ok(())
}

/// Tells the nodes that were there before of those that have come.
///
/// # Errors
/// When one of them does not take it.
pub(super) fn grow(context: &Context, from: &Lab, to: &Lab) -> Result<()> {
    let old = from.nodes().len();
    if to.nodes().len() <= old && to.cluster_nodes().len() <= from.cluster_nodes().len() {
        return Ok(());
    }
    let running = Running::of(context, from)?;
    tell_of_nodes(context, to, &running)?;
    let cluster = running.cluster(from);
    match cluster.first() {
        Some((_, inside)) => merge(context, inside, to),
        None => Ok(()),
    }
}

/// corosync.conf and the names, in every cluster node that runs; corosync takes the change over by
/// itself (corosync-cfgtool -R tells all nodes). Written from inside: a path of a container's is
/// not to be followed from here.
fn tell_of_nodes(context: &Context, lab: &Lab, running: &Running) -> Result<()> {
    let nodes = lab.nodes();
    let hosts = crate::plan::hosts(&config::known(&nodes));
    let cluster = running.cluster(lab);
    for (_, inside) in &cluster {
        write(
            context,
            inside,
            "/etc/corosync/corosync.conf",
            &config::corosync(lab),
        )?;
        write(context, inside, "/etc/hosts", &hosts)?;
        if lab.spec.ssh {
            let public = lab.path(lab::KEYS).join("ssh-host.pub");
            let public =
                std::fs::read_to_string(&public).map_err(|e| Error::io("read", &public, e))?;
            let text = root::known_hosts_of(lab, &public);
            write(context, inside, "/etc/ssh/ssh_known_hosts", &text)?;
        }
    }
    match cluster.first() {
        Some((_, inside)) => inside
            .cmd("corosync-cfgtool")
            .arg("-R")
            .ok(&context.host)
            .map(drop),
        None => Ok(()),
    }
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

/// The fence device's list of nodes, and remote nodes' resources.
fn merge(context: &Context, inside: &Inside, lab: &Lab) -> Result<()> {
    let modify: Cmd = inside
        .cmd("cibadmin")
        .args([
            "--modify",
            "--allow-create",
            "--scope",
            "configuration",
            "--xml-pipe",
        ])
        .stdin(lab::cib::additions(lab).render());
    modify.ok(&context.host).map(drop)
}
