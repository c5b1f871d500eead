//! Starting the containers of a new lab's guest nodes while its cluster forms.
//!
//! The cluster would start them one after the other, each with an agent's run that looks, starts,
//! looks again, and has systemd read its units anew twice. A container that runs already costs one
//! look. So each cluster node starts its share, in turn, and the cluster is told where they are.

use super::wait;
use super::{Lab, nested};
use crate::context::Context;
use crate::error::{Error, Result};
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
    let nodes = (names.iter())
        .map(|name| wait::await_file(context, lab, name, nested::LIBVIRT_SOCKET))
        .collect::<Result<Vec<_>>>()?;
    let host = &context.host;
    // The first node has it, from making the guests' files.
    on_each(&nodes[1..], |_, inside| {
        nested::raise_network(host, inside, &set)
    })
    .into_iter()
    .collect::<Result<Vec<()>>>()?;
    // Where there is the file, there are the networks. A run that goes on after this one was killed
    // must place the guests as they are.
    let text = serde_json::to_string(&names).map_err(|e| Error::failed(e.to_string()))?;
    state.write(PLACED, &text)?;
    let started = on_each(&nodes, |place, inside| {
        let files = share(&set, place, nodes.len());
        virsh::create_all(&inside.at(host), &LXC, &files, &mut |_| ())
    });
    for (name, started) in names.iter().zip(started) {
        if let Err(e) = started {
            let said = e.message();
            let text = format!("{name}: guest nodes will be slower to come online: {said}");
            context.report.warn(text);
        }
    }
    Ok(())
}

/// Does the same in several nodes side by side; their number goes with each.
fn on_each(
    nodes: &[Inside],
    each: impl Fn(usize, &Inside) -> Result<()> + Sync,
) -> Vec<Result<()>> {
    let each = &each;
    std::thread::scope(|scope| {
        let numbered = nodes.iter().enumerate();
        let threads: Vec<_> = numbered
            .map(|(number, inside)| scope.spawn(move || each(number, inside)))
            .collect();
        let ended = threads.into_iter().map(|thread| {
            let ended = thread.join();
            ended.unwrap_or_else(|_| Err(Error::failed("a thread ended")))
        });
        ended.collect()
    })
}

/// The domain XML of those guests that are placed here.
fn share(set: &Set, place: usize, places: usize) -> Vec<PathBuf> {
    let guests = set.guests().into_iter().skip(place).step_by(places);
    guests.map(|g| set.domain_xml_path(&g.name)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::MOST_CLUSTER_NODES;
    use crate::pacemaker::config::passing_ids;

    #[test]
    fn each_guest_is_in_one_share_and_each_node_can_have_one() {
        let set = crate::plan::tests::sample(5);
        let names = |place| -> Vec<String> {
            let files = share(&set, place, 3).into_iter();
            files
                .map(|f| {
                    f.parent()
                        .unwrap()
                        .file_name()
                        .unwrap()
                        .to_string_lossy()
                        .into_owned()
                })
                .collect()
        };
        assert_eq!(names(0), ["lxc1", "lxc4"]);
        assert_eq!(names(1), ["lxc2", "lxc5"]);
        assert_eq!(names(2), ["lxc3"]);
        // Besides the one that is of no node.
        assert_eq!(passing_ids("tag").len(), 1 + MOST_CLUSTER_NODES as usize);
    }
}
