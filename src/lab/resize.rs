//! Bringing a lab that is there to the wanted size. What is done follows from the nodes that really
//! are there, so that the next run finishes one that was interrupted.

use super::leave::{forget, leave, remove, stop_remote};
use super::running::Running;
use super::{resting, vote, wait};
use crate::change::{Change, InState};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::lab::{self, Lab, cib, corosync, names, pcs};
use crate::pacemaker::tools;
use crate::plan::{Form, Kind};
use crate::state::State;
use crate::xml::El;
use std::time::Duration;

/// Id of a property set that is in the CIB only while a lab changes. The user's settings, in the
/// usual set, count more.
const CHANGING: &str = "lxc-autogen-changing";

/// Names of nodes that were made and are not wanted any more, the last ones first.
pub(crate) fn gone(state: &State, lab: &Lab) -> Vec<String> {
    let wanted: Vec<String> = lab.nodes().into_iter().map(|n| n.name).collect();
    let made = state
        .journal
        .outstanding()
        .filter_map(|(_, change)| match change {
            Change::Inside(InState::Container(tree)) => Some(tree.name.clone()),
            _ => None,
        });
    let mut gone: Vec<String> = made.filter(|name| !wanted.contains(name)).collect();
    gone.sort_by_key(|name| std::cmp::Reverse((name.len(), name.clone())));
    gone
}

/// The lab with the nodes that are to leave: until they have left they are fenced, and fence, like
/// all others.
pub(crate) fn with_gone(lab: &Lab, gone: &[String]) -> Lab {
    let mut all = lab.clone();
    for name in gone {
        if let Some((count, number)) = count_of(&mut all, name) {
            *count = number.max(*count);
        }
    }
    all
}

/// How many nodes a lab has of the kind and form of the node of this name, and that node's number.
fn count_of<'a>(lab: &'a mut Lab, name: &str) -> Option<(&'a mut u32, u32)> {
    let (kind, form, number) = names::read(&lab.spec.name, name)?;
    let count = match (kind, form) {
        (Kind::Cluster, Form::Container) => &mut lab.spec.cluster_nodes,
        (Kind::Cluster, Form::Virtual) => &mut lab.spec.cluster_vms,
        (Kind::Remote, Form::Container) => &mut lab.spec.remote_nodes,
        (Kind::Remote, Form::Virtual) => &mut lab.spec.remote_vms,
        (Kind::Qnetd | Kind::Guest, _) => return None,
    };
    Some((count, number))
}

/// Takes unwanted nodes out of the lab, and tells the remaining ones about new ones.
///
/// # Errors
/// When the cluster does not accept the change in time.
pub(crate) fn reconcile(
    context: &Context,
    state: &mut State,
    lab: &Lab,
    gone: &[String],
    patience: Duration,
) -> Result<()> {
    if lab.spec.bare {
        return reconcile_bare(context, state, lab, gone);
    }
    // Nodes that are just starting have the CIB of their last run, which can be older than this
    // one.
    let inside = wait::await_answer(context, lab, patience)?;
    resting::let_all_on(context, &inside)?;
    if gone.is_empty() && !is_behind(context, &inside, lab)? {
        return Ok(());
    }
    freeze(context, &inside)?;
    if !gone.is_empty() {
        context.report.line(format!("removing {}", gone.join(", ")));
    }
    let (cluster, remotes): (Vec<&String>, Vec<&String>) = gone.iter().partition(|name| {
        let node = names::read(&lab.spec.name, name);
        node.is_some_and(|(kind, ..)| kind == Kind::Cluster)
    });
    for name in remotes {
        stop_remote(context, &inside, name)?;
        remove(context, state, name)?;
        forget(context, &inside, name)?;
    }
    // One node after the other, and the remaining ones are told each time: so no step takes away
    // more than half of the votes.
    if !cluster.is_empty() && lab.spec.qnetd {
        let all = with_gone(lab, gone);
        tell(context, &without_device(&all), &all)?;
    }
    for name in cluster {
        leave(context, lab, name)?;
        remove(context, state, name)?;
        tell(context, &without_device(&without(lab, name)), lab)?;
        forget(context, &inside, name)?;
    }
    tell(context, lab, lab)?;
    // Nodes that a killed run has removed from this host, but not from the cluster.
    let known = tools::query(&inside.at(&context.host))?;
    for name in cib::strangers(lab, known.root()) {
        forget(context, &inside, &name)?;
    }
    // Updates the fence devices' lists of nodes, and adds remote nodes' resources.
    tools::merge(&inside.at(&context.host), &cib::additions(lab))
}

/// Takes unwanted nodes away where the lab has configured no cluster, and tells the others' names
/// anew. A cluster that people have made of them is theirs, and their tools change it.
fn reconcile_bare(context: &Context, state: &mut State, lab: &Lab, gone: &[String]) -> Result<()> {
    if !gone.is_empty() {
        context.report.line(format!("removing {}", gone.join(", ")));
    }
    for name in gone {
        leave(context, lab, name)?;
        remove(context, state, name)?;
    }
    tell(context, lab, lab)
}

/// Ends the setting that [`reconcile`] makes for the time of the change.
///
/// # Errors
/// When cibadmin fails.
pub(crate) fn settle(context: &Context, lab: &Lab, patience: Duration) -> Result<()> {
    if lab.spec.bare {
        return Ok(());
    }
    let inside = wait::await_answer(context, lab, patience)?;
    let xpath = format!("//crm_config/cluster_property_set[@id='{CHANGING}']");
    tools::replace_or_delete(&inside.at(&context.host), &xpath, None)
}

/// Lets resources run on without quorum: while votes are counted anew, there can be none for a
/// moment.
fn freeze(context: &Context, inside: &Inside) -> Result<()> {
    let policy = El::new("nvpair")
        .attr("id", format!("{CHANGING}-no-quorum-policy"))
        .attr("name", "no-quorum-policy")
        .attr("value", "freeze");
    let set = El::new("cluster_property_set")
        .attr("id", CHANGING)
        .child(policy);
    let configuration = El::new("configuration").child(El::new("crm_config").child(set));
    tools::merge(&inside.at(&context.host), &configuration)
}

/// The lab after the last cluster node `name` has left, on the way to the wanted number.
fn without(lab: &Lab, name: &str) -> Lab {
    let mut rest = lab.clone();
    if let Some((count, number)) = count_of(&mut rest, name) {
        *count = number.saturating_sub(1);
    }
    rest
}

/// The lab without its quorum device, which rests while nodes leave: with each of them it would have
/// another number of votes, and another algorithm.
fn without_device(lab: &Lab) -> Lab {
    let mut rest = lab.clone();
    rest.spec.qnetd = false;
    rest
}

/// Whether a running cluster node's corosync.conf does not have just the lab's cluster nodes, or
/// the CIB not just its remote nodes and the nodes to fence.
fn is_behind(context: &Context, inside: &Inside, lab: &Lab) -> Result<bool> {
    let running = Running::of(context, lab)?;
    let wanted = corosync::conf(lab);
    for (_, inside) in running.cluster(lab) {
        if read(context, inside, COROSYNC)?.as_deref() != Some(wanted.as_str()) {
            return Ok(true);
        }
    }
    let known = tools::query(&inside.at(&context.host))?;
    let known = known.root();
    Ok(!cib::knows(lab, known) || !cib::strangers(lab, known).is_empty())
}

const COROSYNC: &str = "/etc/corosync/corosync.conf";

/// Writes corosync.conf for the cluster nodes of `now` in each of them that runs, and the names of all
/// nodes of `lab` in every node with an init. The files are written from inside: a path in a container
/// must not be followed from this host. Corosync is told to reload even where the file is right
/// already: a run may have been killed after writing it. Where `now` has a quorum device, its vote counts in
/// the cluster nodes of `lab` when this returns.
fn tell(context: &Context, now: &Lab, lab: &Lab) -> Result<()> {
    let conf = corosync::conf(now);
    let running = Running::of(context, lab)?;
    vote::stop_asking(context, lab, &running)?;
    for (node, inside) in running.systems(lab) {
        if !lab.spec.bare && node.kind == Kind::Cluster {
            write(context, inside, COROSYNC, &conf)?;
        }
        tell_names(context, lab, inside)?;
        if lab.runs_pcsd(&node) && !lab.spec.bare {
            let token = lab.path(lab::KEYS).join(lab::PCS_TOKEN);
            let token =
                std::fs::read_to_string(&token).map_err(|e| Error::io("read", &token, e))?;
            let text = pcs::known_hosts(lab, token.trim());
            write(context, inside, pcs::KNOWN_HOSTS, &text)?;
        }
    }
    let told = running.cluster(lab).into_iter();
    for (_, inside) in told.filter(|_| !lab.spec.bare) {
        tools::reload(&inside.at(&context.host))?;
    }
    if !now.spec.qnetd {
        return Ok(());
    }
    vote::ask_again(context, lab, &running)?;
    vote::await_all(context, lab, PATIENCE_FOR_VOTE)
}

/// How long the quorum device's vote may take when its clients have just been started, and
/// the first try to reach it was too early.
const PATIENCE_FOR_VOTE: Duration = Duration::from_secs(60);

/// Writes the names of all nodes of `lab` in a node.
fn tell_names(context: &Context, lab: &Lab, inside: &Inside) -> Result<()> {
    let hosts = crate::plan::hosts(&names::known(&lab.nodes()));
    write(context, inside, "/etc/hosts", &hosts)?;
    if lab.spec.ssh {
        let public = lab.path(lab::KEYS).join("ssh-host.pub");
        let public = std::fs::read_to_string(&public).map_err(|e| Error::io("read", &public, e))?;
        let text = names::known_hosts(lab, &public);
        write(context, inside, "/etc/ssh/ssh_known_hosts", &text)?;
    }
    Ok(())
}

fn read(context: &Context, inside: &Inside, path: &str) -> Result<Option<String>> {
    let output = inside.cmd("cat").arg(path).run(&context.host)?;
    Ok((output.code == 0).then_some(output.stdout))
}

fn write(context: &Context, inside: &Inside, path: &str, text: &str) -> Result<()> {
    // A file is replaced as a whole or not at all, and those with a key are root's alone.
    let new = format!("{path}.new");
    let mode = match path {
        pcs::KNOWN_HOSTS => "--mode=0600",
        _ => "--mode=0644",
    };
    let install = inside.cmd("install").args([mode, "/dev/stdin", &new]);
    install.stdin(text).ok(&context.host)?;
    inside
        .cmd("mv")
        .args([&new, path])
        .ok(&context.host)
        .map(drop)
}
