//! The network between machines: defined and started, with a record of what libvirt changes on the
//! host for it.

use crate::change::{self, Change, Journal, Kernel, Outside};
use crate::error::{Context as _, Result};
use crate::host::{cgroups, files, forwarding};
use crate::libvirt::{leftovers, marked_state_dir, virsh};
use crate::look::Look;
use crate::spec::{Forward, Subnet};
use crate::state::State;
use std::path::{Path, PathBuf};

/// A network that is to be started; its XML is in the state directory.
#[derive(Debug)]
pub(crate) struct Raised<'a> {
    /// Name of the network and its bridge.
    pub name: &'a str,
    /// The network's uuid, by which undoing knows it.
    pub uuid: &'a str,
    /// The network's subnet, for messages.
    pub subnet: &'a Subnet,
    /// Whether and how the host forwards the network's packets.
    pub forward: Forward,
    /// The state directory.
    pub state_dir: &'a Path,
    /// Name of the file there with the network's XML.
    pub file: &'a str,
    /// Whether the network is defined already.
    pub present: bool,
}

/// Defines and starts the network and sets it to autostart. The journal first gets records of what
/// libvirt changes on the host with it and with the first container.
///
/// # Errors
/// When libvirt refuses, or the journal cannot be written.
pub(crate) fn raise(look: &Look<'_>, state: &mut State, network: &Raised<'_>) -> Result<()> {
    let mut undos: Vec<Change> = leftovers::network_directories()
        .filter(|p| !files::exists(p))
        .map(|path| change::EmptyDir { path }.into())
        .collect();
    let ours = change::Network {
        name: network.name.to_owned(),
        uuid: network.uuid.to_owned(),
    };
    undos.push(ours.into());
    let groups = cgroups::machine_groups_to_come()?;
    let of_group = |path: &PathBuf| change::Cgroup { path: path.clone() }.into();
    undos.extend(groups.iter().map(of_group));
    if network.forward != Forward::Isolated {
        undos.extend(forwarding::before().map(|settings| change::Forwarding { settings }.into()));
    }
    undos.extend(records_of_other_sets(look, network.state_dir)?);
    state.journal.intend(undos)?;
    // Those of an earlier run, too, which can have been killed in the middle of it.
    let ours = state.journal.outstanding();
    let groups = ours.filter_map(|(_, change)| match change {
        Change::Kernel(Kernel::Cgroup(group)) => Some(group.path.clone()),
        _ => None,
    });
    cgroups::make_machine_cpuset(&groups.collect::<Vec<_>>())?;
    let xml = network.state_dir.join(network.file);
    virsh::raise_network(&look.context.host, network.name, &xml, network.present).context(format!(
        "start network {} on {}",
        network.name, network.subnet
    ))
}

/// Records of shared changes that another set of ours made first, and that this set now uses too:
/// the set that is removed last undoes them.
fn records_of_other_sets(look: &Look<'_>, state_dir: &Path) -> Result<Vec<Change>> {
    let mut records = Vec::new();
    for name in look.networks()? {
        let xml = look.network(name)?;
        let other = xml.as_deref().and_then(marked_state_dir).map(Path::new);
        if let Some(other) = other.filter(|dir| *dir != state_dir) {
            let of_other = Journal::peek(other)?.into_iter();
            // Without the record of a replaced key: only the set that keeps the previous key can
            // put it back.
            let has_previous = |change: &Change| match change {
                Change::Outside(Outside::Authkey(key)) => key.previous.is_some(),
                _ => false,
            };
            records.extend(of_other.filter(|u| u.is_shared() && !has_previous(u)));
        }
    }
    Ok(records)
}
