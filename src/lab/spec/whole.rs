//! What takes nodes that are machines, with systemd and a system of their own.

use super::{LabSpec, share};
use crate::error::{Error, Result};
use crate::lab::{Init, Root};

/// Refuses a build over a /usr that is no node's own.
pub(super) fn check_overlay(spec: &LabSpec) -> Result<()> {
    let Some(path) = &spec.overlay else {
        return Ok(());
    };
    let bad = |why: &str| Error::usage(format!("--overlay {}: {why}", path.display()));
    share::check_path(path, bad)?;
    match (spec.init, spec.root) {
        (Init::Systemd, Root::Full) => Ok(()),
        _ => Err(bad("it lies over the /usr of nodes that are machines, and these are none")
            .mend("leave out --init own and --root lean; lxc-autogen lab verify says what machines take")),
    }
}

/// Refuses what takes a cluster where none is configured, and nodes in which pcs and crmsh could
/// configure none.
pub(super) fn check_bare(spec: &LabSpec) -> Result<()> {
    if !spec.bare {
        return Ok(());
    }
    for (number, option) in [
        (spec.remote_nodes, "--remote-nodes"),
        (spec.remote_vms, "--remote-vms"),
        (spec.containers, "--containers"),
    ] {
        if number > 0 {
            let why = format!("--bare: {option} {number} takes a cluster, and there is none");
            return Err(Error::usage(why).mend(
                "leave it out; when the cluster is there, add them in a node: lxc-autogen lab \
                 exec node1 -- lxc-autogen up -c 2",
            ));
        }
    }
    let takes = |what: &str| {
        let why = format!("--bare takes {what}, by which pcs and crmsh start a cluster");
        Err(Error::usage(why).mend("leave the other option out, or leave out --bare"))
    };
    match (spec.init, spec.root, spec.ssh) {
        (Init::Systemd, Root::Full, true) => Ok(()),
        (Init::Own, ..) => takes("--init systemd"),
        (_, Root::Lean, _) => takes("--root full"),
        (.., false) => takes("--ssh"),
    }
}
