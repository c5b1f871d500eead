//! Undoing what libvirt changed of the kernel's state.

use super::Undo;
use super::Undoer;
use crate::error::{Error, Result};
use crate::host::{cgroups, files, forwarding};
use crate::libvirt::virsh;
use std::path::PathBuf;

/// Forwarding and control groups. `all_gone` says that nothing of ours is left that uses them.
pub(super) fn restore(undoer: &Undoer<'_>, undo: &Undo, all_gone: bool) -> Result<()> {
    match undo {
        Undo::Forwarding { settings } => restore_forwarding(undoer, settings),
        Undo::Cgroup { path } => {
            // In use by somebody else's container: then it is theirs now.
            if cgroups::remove_if_empty(path)? || all_gone {
                return Ok(());
            }
            Err(Error::failed("a container of ours is still in it"))
        }
        other => Err(Error::failed(format!(
            "{} is no kernel setting",
            other.key()
        ))),
    }
}

/// Puts forwarding back, unless somebody switched it off since, or came to need it: another
/// network of libvirt's that is active now, or an interface that forwards and was not there.
fn restore_forwarding(undoer: &Undoer<'_>, settings: &[(PathBuf, String)]) -> Result<()> {
    if files::read_trimmed(forwarding::SWITCH).as_deref() != Some("1") {
        return Ok(());
    }
    let mut needed_by = forwarding::interfaces_since(settings);
    for name in virsh::active_networks(undoer.host)? {
        let forwards = virsh::dump_network(undoer.host, &name)?
            .is_some_and(|xml| xml.find("forward").is_some());
        if forwards {
            needed_by.push(format!("network {name}"));
        }
    }
    if needed_by.is_empty() {
        return forwarding::restore(settings);
    }
    undoer.report.line(format!(
        "IPv4 forwarding stays on: {} may need it",
        needed_by.join(", ")
    ));
    Ok(())
}
