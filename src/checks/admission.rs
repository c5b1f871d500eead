//! Whether the cluster and this host can take a set; asked before anything is made.

use super::daemons;
use crate::error::{Error, Result};
use crate::host::files;
use crate::libvirt::hypervisor::QEMU;
use crate::libvirt::virsh;
use crate::look::Look;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::{authkey, config};
use crate::plan::Set;
use crate::resolve;
use crate::spec::{Form, NodeKind};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Checks whether the cluster can take the set, before anything is made.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with what is in the way and its mend.
pub(crate) fn check(look: &Look<'_>, set: &Set) -> Result<()> {
    let cib = look.cib()?;
    if !cib.has_dc() {
        return Err(Error::cant("the cluster has elected no controller yet")
            .mend("wait until crm_mon shows a DC, then try again"));
    }
    check_willing(&cib)?;
    check_names(look, set, &cib)?;
    if !files::exists(Path::new(authkey::PATH)) && !cib.remote_users().is_empty() {
        return Err(Error::cant(format!(
            "the cluster has guest or remote nodes, and this host has no {}",
            authkey::PATH
        ))
        .mend("copy it from another cluster node, with owner and mode"));
    }
    if set.spec.kind == NodeKind::Remote && cib.fencing_enabled() {
        look.context.report.warn(
            "fencing is enabled: a remote node that is lost must be fenced before it can come back, so \
             a fence device has to know it (a guest node is fenced by the cluster itself)",
        );
    }
    if set.spec.kind == NodeKind::Guest && agent_path().is_none() {
        return Err(no_agent());
    }
    for line in daemons::too_little(set.spec.containers) {
        look.context.report.warn(line);
    }
    Ok(())
}

/// The error where the VirtualDomain agent is missing.
pub(crate) fn no_agent() -> Error {
    Error::cant("the resource agent ocf:heartbeat:VirtualDomain is not installed")
        .mend(crate::host::packages::mend_for_tool("VirtualDomain"))
}

/// Refuses names that other people's domains on this host have.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the domain of that name.
pub(crate) fn check_domains(look: &Look<'_>, set: &Set) -> Result<()> {
    let foreign = foreign_domains(look, set.spec.form())?;
    match set.guests().iter().find(|g| foreign.contains(&g.name)) {
        None => Ok(()),
        Some(guest) => Err(foreign_domain(&guest.name)),
    }
}

fn foreign_domains(look: &Look<'_>, form: Form) -> Result<HashSet<String>> {
    let context = look.context;
    let marked = match form {
        Form::Container => look.marked_domains()?.to_vec(),
        Form::Virtual => virsh::marked_domains(&context.host, &QEMU, &context.state_dir)?,
    };
    let foreign = marked.into_iter().filter(|(_, ours)| !ours);
    Ok(foreign.map(|(name, _)| name).collect())
}

fn foreign_domain(name: &str) -> Error {
    Error::cant(format!("{name} is a domain of libvirt that is not ours"))
        .mend("choose another --prefix")
}

/// Path of the VirtualDomain agent, if it is installed.
pub(crate) fn agent_path() -> Option<PathBuf> {
    let root = std::env::var_os("OCF_ROOT").unwrap_or_else(|| "/usr/lib/ocf".into());
    let path = Path::new(&root).join("resource.d/heartbeat/VirtualDomain");
    path.exists().then_some(path)
}

/// Refuses a cluster with properties that keep it from starting anything, where waiting for nodes
/// would be in vain.
pub(crate) fn check_willing(cib: &Cib) -> Result<()> {
    let off = |what: &str, mend: &str| {
        Err(Error::cant(format!("the cluster would start nothing: {what}")).mend(mend))
    };
    if cib.flag("maintenance-mode", false) {
        return off(
            "maintenance-mode is true",
            "crm_attribute -n maintenance-mode -v false",
        );
    }
    if cib.flag("stop-all-resources", false) {
        return off(
            "stop-all-resources is true",
            "crm_attribute -n stop-all-resources -v false",
        );
    }
    if cib.fencing_enabled() && !cib.can_fence() {
        return off(
            "stonith-enabled is true and there is no fence device",
            "configure fencing, or for a test cluster: crm_attribute -n stonith-enabled -v false",
        );
    }
    let policy = cib.property("no-quorum-policy").unwrap_or("stop");
    if !cib.has_quorum() && policy != "ignore" {
        return off(
            "it has no quorum",
            "start the other cluster nodes, or for a test cluster: crm_attribute -n no-quorum-policy -v ignore",
        );
    }
    Ok(())
}

/// Refuses names that are taken in the cluster: Pacemaker silently ignores a guest node with such a
/// name.
fn check_names(look: &Look<'_>, set: &Set, cib: &Cib) -> Result<()> {
    let ours: HashSet<&str> = cib.of_set(&set.tag()).into_iter().collect();
    if let Some(whose) = cib.description(&set.tag()) {
        if !whose.ends_with(&format!(", set {}", set.mark())) {
            return Err(Error::cant(format!(
                "guest nodes with these names are there already: {whose}"
            ))
            .mend("choose another --prefix, or clean up there"));
        }
    }
    if let (None, Some(taken)) = (cib.description(&set.tag()), taken_by_others(set, cib)) {
        return Err(Error::cant(format!(
            "{taken}, as the set's own would be called, is the id of something else in the CIB"
        ))
        .mend("choose another --prefix, or remove it: pcs tag remove, crm configure delete"));
    }
    if cib.is_of_a_template(&set.tag()) {
        return Err(Error::cant(format!(
            "the primitives of {} are made from a template, as version 0.1.0 made them",
            set.tag()
        ))
        .mend("lxc-autogen cleanup, then this again"));
    }
    let foreign_guests: HashSet<&str> = cib
        .guest_nodes()
        .into_iter()
        .filter(|(_, primitive)| !ours.contains(primitive))
        .map(|(node, _)| node)
        .collect();
    let ids = cib.ids();
    let resources = cib.ids_in("resources");
    let nodes: HashSet<&str> = cib.node_names().into_iter().collect();
    // Pacemaker takes LXC1 and lxc1 for the same node.
    let in_other_letters = |name: &str| {
        nodes
            .iter()
            .any(|n| *n != name && n.eq_ignore_ascii_case(name))
    };
    // A node whose entry has its name as id is no clash by that id; its name is checked.
    let taken = |id: &str, name: &str| match id == name && nodes.contains(name) {
        true => resources.contains(id),
        false => ids.contains(id),
    };
    for guest in set.guests() {
        let (name, resource) = (guest.name.as_str(), guest.resource.as_str());
        // With our primitive in the CIB, its node entry and resource id are ours.
        let joined = ours.contains(resource);
        let clash = if in_other_letters(name) {
            Some(format!(
                "{name} is a node of the cluster already, in other letters"
            ))
        } else if foreign_guests.contains(name) {
            Some(format!("{name} is a guest node already"))
        } else if !joined && nodes.contains(name) && !known_as_ours(cib, set, name) {
            Some(format!("{name} is a node of the cluster already"))
        } else {
            let new = [resource, name].into_iter().filter(|_| !joined);
            new.into_iter()
                .find(|id| taken(id, name))
                .map(|id| format!("{id} is the id of something else in the CIB"))
        };
        if let Some(clash) = clash {
            return Err(Error::cant(clash).mend("choose another --prefix"));
        }
    }
    check_domains(look, set)?;
    check_clone_name(set, cib)
}

/// The id of a marker or a tag that is somebody else's, where the set is new to the CIB: its own would
/// be merged into that.
fn taken_by_others(set: &Set, cib: &Cib) -> Option<String> {
    let ours = [set.tag(), config::containers_tag(&set.tag())];
    ours.into_iter().find(|id| cib.has_id(id))
}

/// Whether a node entry has our mark, left by an interrupted run.
fn known_as_ours(cib: &Cib, set: &Set, name: &str) -> bool {
    cib.node_mark(name) == Some(set.spec.prefix.as_str())
}

fn check_clone_name(set: &Set, cib: &Cib) -> Result<()> {
    let (id, inner) = (config::clone_id(set), config::clone_primitive_id(set));
    let ours = cib.has_id(&config::clone_constraint_id(&set.tag()));
    if set.spec.clone && !ours {
        if let Some(taken) = [id, inner].into_iter().find(|id| cib.has_id(id)) {
            return Err(
                Error::cant(format!("{taken} is the id of something else in the CIB"))
                    .mend("choose another --prefix, or leave -C out"),
            );
        }
    }
    Ok(())
}

/// The mend for daemons of two versions.
pub(crate) const VERSION_MEND: &str = "install the same version of both, or give the daemon with \
     --remoted; for containers made before an upgrade: lxc-autogen cleanup, then up again";

/// Refuses a pacemaker-remoted of another version than the cluster's, before it fails to join.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when the versions differ.
pub(crate) fn check_version(look: &Look<'_>, set: &Set) -> Result<()> {
    match resolve::version_mismatch(look, &set.remoted, &set.layout.base)? {
        None => Ok(()),
        Some(what) => Err(Error::cant(what).mend(VERSION_MEND)),
    }
}
