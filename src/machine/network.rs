//! The network between machines: raised, with what libvirt changes on the host for it.

use crate::change::{self, Change, Journal, Outside};
use crate::error::{Context as _, Result};
use crate::host::{cgroups, files, forwarding};
use crate::libvirt::{leftovers, marked_state_dir, virsh};
use crate::look::Look;
use crate::spec::{Forward, Subnet};
use crate::state::State;
use std::path::Path;

/// A network to raise, whose XML is in the state directory.
#[derive(Debug)]
pub(crate) struct Raised<'a> {
    /// Name.
    pub name: &'a str,
    /// Uuid, by which it is taken down again.
    pub uuid: &'a str,
    /// For messages.
    pub subnet: &'a Subnet,
    /// Where packets go.
    pub forward: Forward,
    /// Where its XML is.
    pub state_dir: &'a Path,
    /// Whether it is defined already.
    pub present: bool,
}

/// Defines, starts and sets the network to autostart. What libvirt changes on the host with it,
/// and with the first container, is journaled with it.
///
/// # Errors
/// When libvirt refuses.
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
    undos.extend(
        cgroups::machine_groups_to_come()?
            .into_iter()
            .map(|path| change::Cgroup { path }.into()),
    );
    if network.forward != Forward::Isolated {
        undos.extend(forwarding::before().map(|settings| change::Forwarding { settings }.into()));
    }
    undos.extend(records_of_other_sets(look, network.state_dir)?);
    state.journal.intend(undos)?;
    let xml = network.state_dir.join("network.xml");
    virsh::raise_network(&look.context.host, network.name, &xml, network.present).context(format!(
        "start network {} on {}",
        network.name, network.subnet
    ))
}

/// What another set of ours was the first to change and we come to use too: whoever is taken away
/// last takes it back.
fn records_of_other_sets(look: &Look<'_>, state_dir: &Path) -> Result<Vec<Change>> {
    let mut records = Vec::new();
    for name in look.networks()? {
        let xml = look.network(name)?;
        let other = xml.as_deref().and_then(marked_state_dir).map(Path::new);
        if let Some(other) = other.filter(|dir| *dir != state_dir) {
            let of_other = Journal::peek(other)?.into_iter();
            // A replaced key can only come back where the previous one is kept.
            let has_previous = |change: &Change| match change {
                Change::Outside(Outside::Authkey(key)) => key.previous.is_some(),
                _ => false,
            };
            records.extend(of_other.filter(|u| u.is_shared() && !has_previous(u)));
        }
    }
    Ok(records)
}
