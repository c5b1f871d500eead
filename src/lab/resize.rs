//! A lab that is there, brought to what is wanted: by what is really there, so that a run that was
//! interrupted on the way is finished by the next.

use super::leave::{forget, leave, remove, stop_remote};
use super::running::Running;
use super::wait;
use crate::change::{Change, InState};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::lab::{self, Lab, cib, config, names, root};
use crate::pacemaker::tools;
use crate::plan::Kind;
use crate::state::State;
use crate::xml::El;
use std::time::Duration;

/// A property set that is in the CIB only while a lab changes; what a user has set in the usual one
/// counts more.
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

/// The lab with those nodes that are on their way out: until they have left they are fenced, and
/// fence, as all others.
pub(crate) fn with_gone(lab: &Lab, gone: &[String]) -> Lab {
    let mut all = lab.clone();
    for name in gone {
        if let Some(number) = names::number(&lab.spec.name, Kind::Cluster, name) {
            all.spec.cluster_nodes = all.spec.cluster_nodes.max(number);
        } else if let Some(number) = names::number(&lab.spec.name, Kind::Remote, name) {
            all.spec.remote_nodes = all.spec.remote_nodes.max(number);
        }
    }
    all
}

/// Takes those nodes out that are not wanted, and tells those that stay of those that have come.
///
/// # Errors
/// When the cluster does not take it in time.
pub(crate) fn reconcile(
    context: &Context,
    state: &mut State,
    lab: &Lab,
    gone: &[String],
    patience: Duration,
) -> Result<()> {
    // Those that are just starting have the CIB that they had, which can be older than this run.
    let inside = wait::await_answer(context, lab, patience)?;
    if gone.is_empty() && !is_behind(context, &inside, lab)? {
        return Ok(());
    }
    freeze(context, &inside)?;
    if !gone.is_empty() {
        context.report.line(format!("removing {}", gone.join(", ")));
    }
    let (cluster, remotes): (Vec<&String>, Vec<&String>) = gone
        .iter()
        .partition(|name| names::number(&lab.spec.name, Kind::Cluster, name).is_some());
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
    // Those that a run that was killed has removed, and no more.
    let known = tools::query(&inside.at(&context.host))?;
    for name in cib::strangers(lab, known.root()) {
        forget(context, &inside, &name)?;
    }
    // The fence devices' list of nodes, and remote nodes' resources.
    tools::merge(&inside.at(&context.host), &cib::additions(lab))
}

/// Ends what [`reconcile`] has changed for the time of the change.
///
/// # Errors
/// When cibadmin fails.
pub(crate) fn settle(context: &Context, lab: &Lab, patience: Duration) -> Result<()> {
    let inside = wait::await_answer(context, lab, patience)?;
    let xpath = format!("//crm_config/cluster_property_set[@id='{CHANGING}']");
    tools::replace_or_delete(&inside.at(&context.host), &xpath, None)
}

/// While votes are counted anew there can be no quorum for a moment; what runs keeps running.
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

/// The lab as it is when the last cluster node has left, on the way to what is wanted.
fn without(lab: &Lab, name: &str) -> Lab {
    let mut rest = lab.clone();
    rest.spec.cluster_nodes = names::number(&lab.spec.name, Kind::Cluster, name).unwrap_or(1) - 1;
    rest
}

/// Whether a running cluster node does not know of all the others, or the cluster not of a remote
/// node or of what can be fenced; or whether they know of nodes that are gone.
fn is_behind(context: &Context, inside: &Inside, lab: &Lab) -> Result<bool> {
    let running = Running::of(context, lab)?;
    let wanted = config::corosync(lab);
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

/// corosync.conf for the cluster nodes of `now`, and the names of all of `lab`, in every cluster
/// node that runs. Written from inside: a path of a container's is not to be followed from here.
/// Corosync is told also where the file is as it should be: a run that was killed may have written
/// it and no more.
fn tell(context: &Context, now: &Lab, lab: &Lab) -> Result<()> {
    let nodes = lab.nodes();
    let hosts = crate::plan::hosts(&config::known(&nodes));
    let corosync = config::corosync(now);
    let running = Running::of(context, lab)?;
    for (_, inside) in running.cluster(lab) {
        write(context, inside, COROSYNC, &corosync)?;
        write(context, inside, "/etc/hosts", &hosts)?;
        if lab.spec.ssh {
            let public = lab.path(lab::KEYS).join("ssh-host.pub");
            let public =
                std::fs::read_to_string(&public).map_err(|e| Error::io("read", &public, e))?;
            let text = root::known_hosts_of(lab, &public);
            write(context, inside, "/etc/ssh/ssh_known_hosts", &text)?;
        }
    }
    for (_, inside) in running.cluster(lab) {
        tools::reload(&inside.at(&context.host))?;
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
