//! Starting the containers of a new lab's guest nodes while its cluster forms.
//!
//! The cluster would start them one after the other, each with an agent's run that looks, starts,
//! looks again, and has systemd read its units anew twice. A container that runs already costs one
//! look. So each cluster node starts its share, in turn, and the cluster is told where they are.

use super::wait;
use super::{Lab, nested};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::files;
use crate::host::inside::Inside;
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::virsh;
use crate::plan::Set;
use crate::state::State;
use std::path::PathBuf;

/// Name of the file with the nodes that the guests' containers are started on.
const PLACED: &str = "placed.json";

/// Makes the guests' network on every cluster node, and starts there each node's share of them. What
/// does not start the cluster starts itself, or says why not.
///
/// # Errors
/// When a node's libvirtd does not come up, or a network cannot be made.
pub(crate) fn start(context: &Context, state: &mut State, lab: &Lab) -> Result<()> {
    let Some(set) = nested::set(lab)? else {
        return Ok(());
    };
    let names: Vec<String> = lab.cluster_nodes().into_iter().map(|n| n.name).collect();
    let text = serde_json::to_string(&names).map_err(|e| Error::failed(e.to_string()))?;
    // A run that goes on after this one was killed must place them as they are.
    state.write(PLACED, &text)?;
    let nodes = (names.iter())
        .map(|name| wait::await_file(context, lab, name, nested::LIBVIRT_SOCKET))
        .collect::<Result<Vec<_>>>()?;
    let started = std::thread::scope(|scope| {
        let shares = nodes.iter().enumerate();
        let threads: Vec<_> = shares
            .map(|(place, inside)| {
                let files = share(&set, place, nodes.len());
                let (host, set) = (&context.host, &set);
                scope.spawn(move || start_on(host, inside, set, place == 0, &files))
            })
            .collect();
        let ended = threads.into_iter().map(|thread| {
            let ended = thread.join();
            ended.unwrap_or_else(|_| Err(Error::failed("a thread ended")))
        });
        ended.collect::<Vec<_>>()
    });
    for (name, ended) in names.iter().zip(started) {
        if let Some(e) = ended? {
            let said = e.message();
            let text = format!("{name}: guest nodes will be slower to come online: {said}");
            context.report.warn(text);
        }
    }
    Ok(())
}

/// The domain XML of those guests that are placed here.
fn share(set: &Set, place: usize, places: usize) -> Vec<PathBuf> {
    let guests = set.guests().into_iter().skip(place).step_by(places);
    guests.map(|g| set.domain_xml_path(&g.name)).collect()
}

/// The first node has the network, from making the guests' files. Gives back why containers did not
/// start.
fn start_on(
    host: &Host,
    inside: &Inside,
    set: &Set,
    is_first: bool,
    files: &[PathBuf],
) -> Result<Option<Error>> {
    if !is_first {
        nested::raise_network(host, inside, set)?;
    }
    Ok(virsh::create_all(&inside.at(host), &LXC, files, &mut |_| ()).err())
}

/// The nodes that guests were placed on before the cluster knew them; none where they were not.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn placed(lab: &Lab) -> Result<Vec<String>> {
    let path = lab.path(PLACED);
    let Some(bytes) = files::read_optional(&path)? else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&bytes).map_err(|e| Error::failed(format!("{}: {e}", path.display())))
}
