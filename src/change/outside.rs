//! Files outside the state directory.

use super::kinds::rank;
use super::{Agent, Authkey, Batch, EmptyDir, File, HostsBlock, Item, Outcome, Undoer};
use crate::error::{Error, Result};
use crate::libvirt::hypervisor;
use crate::libvirt::virsh;
use std::collections::HashSet;

rank! {
    /// Files and directories outside the state directory.
    Outside: Outside {
        /// A file that containers' daemons leave.
        File,
        /// A directory that we made.
        EmptyDir,
        /// The set's block in /etc/hosts.
        HostsBlock,
        /// The authentication key.
        Authkey,
        /// The resource agent.
        Agent,
    }
}

impl Outside {
    fn container(&self) -> Option<&str> {
        match self {
            Outside::File(it) => it.container.as_deref(),
            Outside::EmptyDir(_)
            | Outside::HostsBlock(_)
            | Outside::Authkey(_)
            | Outside::Agent(_) => None,
        }
    }

    fn restore(&self, undoer: &Undoer<'_>) -> Result<()> {
        match self {
            Outside::File(it) => it.remove(),
            Outside::EmptyDir(it) => it.remove(),
            Outside::HostsBlock(it) => it.remove(),
            Outside::Authkey(it) => it.restore(undoer),
            Outside::Agent(it) => it.restore(undoer),
        }
    }
}

/// Restores files outside the state directory. Those of a container that runs stay: libvirtd needs
/// them to find it again, and by now a domain of that name may be somebody else's.
pub(super) fn restore(undoer: &Undoer<'_>, items: &[Item<Outside>], so_far: &Outcome) -> Batch {
    let of_containers = items.iter().any(|(_, it)| it.container().is_some());
    let asked = hypervisor::ALL
        .iter()
        .filter(|it| of_containers && it.has_domains());
    let running: Result<HashSet<String>> = asked
        .map(|hypervisor| {
            let all = virsh::domains(undoer.host, hypervisor)?;
            Ok(all.into_iter().map(|d| d.name).collect::<Vec<_>>())
        })
        .collect::<Result<Vec<_>>>()
        .map(|all| all.concat().into_iter().collect());
    Batch::of_each(items, |it| match (it.container(), &running) {
        (Some(name), _) if so_far.domain_stays(name) => {
            Err(Error::failed("its domain is still there"))
        }
        (Some(_), Err(e)) => Err(Error::failed(e.message())),
        // The domain that runs is not ours, or it would have been destroyed: the files are its own.
        (Some(name), Ok(running)) if running.contains(name) => Ok(()),
        _ => it.restore(undoer),
    })
}
