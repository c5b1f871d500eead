//! Undoing what libvirt, the kernel and the file system have.

use super::Undo;
use super::{Batch, Item, Undoer};
use crate::error::{Error, Result};
use crate::host::{cgroups, files, hosts};
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::virsh;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::tools;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// Destroys those domains that carry our mark; one of the same name without it is not ours.
pub(super) fn destroy_domains(undoer: &Undoer<'_>, items: &[Item]) -> Batch {
    let mut batch = Batch::default();
    if let Err(e) = try_destroy_domains(undoer, items, &mut batch) {
        batch.keep_all(items, &e);
    }
    batch
}

fn try_destroy_domains(undoer: &Undoer<'_>, items: &[Item], batch: &mut Batch) -> Result<()> {
    let wanted: HashSet<&str> = items
        .iter()
        .filter_map(|(_, undo)| undo.container())
        .collect();
    let ours: HashMap<String, bool> = virsh::marked_domains(undoer.host, &LXC, undoer.state_dir)?
        .into_iter()
        .filter(|(name, _)| wanted.contains(name.as_str()))
        .collect();
    let destroy: Vec<String> = ours
        .iter()
        .filter(|(_, mine)| **mine)
        .map(|(name, _)| name.clone())
        .collect();
    virsh::destroy_domains(undoer.host, &LXC, &destroy)?;
    for item in items {
        match item.1.container() {
            Some(name) if ours.get(name) == Some(&false) => {
                batch.keep(&item.1, "a domain of that name runs that we did not make");
            }
            Some(name) => batch.record(item, remove_container_cgroups(name)),
            None => batch.keep(&item.1, "no domain"),
        }
    }
    Ok(())
}

/// A container that was killed, or had a libvirtd in it, can leave its groups. Its processes have
/// been killed; the kernel may take a moment to be done with them.
fn remove_container_cgroups(name: &str) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let began = Instant::now();
    for hierarchy in cgroups::hierarchies()? {
        for group in cgroups::left_of_container(&hierarchy.join("machine"), name) {
            while !cgroups::remove(&group)? {
                if began.elapsed() > PATIENCE {
                    let text = format!("its control group {} is still in use", group.display());
                    return Err(Error::failed(text));
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
    Ok(())
}

/// Stops and undefines the network with our uuid.
pub(super) fn remove_network(undoer: &Undoer<'_>, undo: &Undo) -> Result<()> {
    let Undo::Network { name, uuid } = undo else {
        return Err(Error::failed("no network"));
    };
    let Some(xml) = virsh::dump_network(undoer.host, name)? else {
        return Ok(());
    };
    let has = xml
        .find("uuid")
        .map(|u| u.text.as_str())
        .unwrap_or_default();
    if has != uuid {
        return Err(Error::failed(format!(
            "it has uuid {has}, and ours had {uuid}"
        )));
    }
    virsh::remove_network(undoer.host, name)
}

/// Files and directories outside the state directory.
pub(super) fn restore_outside(undoer: &Undoer<'_>, undo: &Undo) -> Result<()> {
    match undo {
        // What a run killed in the middle of writing one of them left.
        Undo::HostsBlock { path, .. } | Undo::Authkey { path, .. } | Undo::Agent { path, .. } => {
            files::remove_file(&files::unfinished(path))?;
        }
        _ => {}
    }
    match undo {
        Undo::File { path, .. } => files::remove_file_or_empty_directory(path),
        // Somebody else uses it by now: then it stays, and is theirs.
        Undo::EmptyDir { path } => files::remove_empty_directory(path).map(drop),
        Undo::HostsBlock { path, marker } => {
            if !files::exists(path) {
                return Ok(());
            }
            hosts::rewrite(path, |text| hosts::without_block(text, marker))
        }
        Undo::Authkey {
            path,
            sha256,
            previous,
        } => remove_authkey(undoer, path, sha256, previous.as_deref()),
        Undo::Agent {
            path,
            sha256,
            previous,
        } => restore_agent(undoer, path, sha256, previous.as_deref()),
        other => Err(Error::failed(format!("{} is no file", other.key()))),
    }
}

/// The key goes when it is the one we made, and no other guest or remote node lives by it. One that
/// it replaced comes back.
fn remove_authkey(
    undoer: &Undoer<'_>,
    path: &Path,
    sha256: &str,
    previous: Option<&str>,
) -> Result<()> {
    let backup = previous.map(|name| undoer.state_dir.join(name));
    let was = backup.as_deref().map(files::read_optional).transpose()?;
    let was = was.flatten();
    let Some(bytes) = files::read_optional(path)? else {
        return match backup {
            Some(backup) if was.is_some() => files::copy_whole(&backup, path),
            _ => Ok(()),
        };
    };
    if was.as_ref() == Some(&bytes) {
        return Ok(());
    }
    if files::sha256(&bytes) != sha256 {
        return Err(Error::failed("it is not the one we made any more"));
    }
    let cib = tools::last_known(undoer.host);
    let mut others = cib.as_ref().map_or_else(Vec::new, Cib::remote_users);
    if !others.is_empty() {
        // Another set of ours has the record too, and takes the key away when it goes.
        let handed_on = cib
            .map(|cib| undoer.of_other_sets(&cib))
            .unwrap_or_default();
        let of_nobody_of_ours = |name: &String| !handed_on.contains(name);
        if previous.is_none() && !others.iter().any(of_nobody_of_ours) {
            return Ok(());
        }
        // One that took another's place stays known here: here is what comes back.
        if previous.is_none() {
            others.retain(of_nobody_of_ours);
        }
        return Err(Error::failed(format!(
            "other nodes use it: {}",
            others.join(", ")
        )));
    }
    match backup {
        Some(backup) if was.is_some() => files::copy_whole(&backup, path),
        Some(backup) => Err(Error::failed(format!(
            "{} with the previous one is gone",
            backup.display()
        ))),
        None => {
            crate::pacemaker::authkey::remember(&bytes);
            files::remove_file(path)
        }
    }
}

fn restore_agent(
    undoer: &Undoer<'_>,
    path: &Path,
    sha256: &[String],
    previous: Option<&str>,
) -> Result<()> {
    let now = files::read_optional(path)?;
    let backup = previous.map(|name| undoer.state_dir.join(name));
    let was = backup
        .as_deref()
        .map(files::read_optional)
        .transpose()?
        .flatten();
    if now.is_some() && now == was {
        return Ok(());
    }
    if let Some(bytes) = &now {
        if !sha256.contains(&files::sha256(bytes)) {
            return Err(Error::failed("it is not the one we installed any more"));
        }
    }
    match (&backup, was) {
        (Some(backup), Some(_)) => files::copy_whole(backup, path),
        (Some(backup), None) if now.is_some() => Err(Error::failed(format!(
            "{} with the previous one is gone",
            backup.display()
        ))),
        _ => files::remove_file(path),
    }
}
