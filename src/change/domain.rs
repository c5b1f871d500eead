//! Domains: what the containers are to libvirt.

use super::find::Traces;
use super::kinds::{About, Kind};
use super::{Batch, Item, Undoer};
use crate::error::{Error, Result};
use crate::host::cgroups;
use crate::libvirt::virsh;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Destroy (and undefine) a container's domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Domain name.
    pub name: String,
}

impl Domain {
    /// The one of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Domain { name: name.into() }
    }
}

impl Kind for Domain {
    fn key(&self) -> String {
        format!("domain {}", self.name)
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: Some(&self.name),
            scope: Scope::Libvirt,
            needs: None,
        }
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(traces.domains().into_iter().map(Domain::named).collect())
    }
}

/// Destroys those domains that carry our mark; one of the same name without it is not ours.
pub(super) fn destroy(undoer: &Undoer<'_>, items: &[Item<Domain>]) -> Batch {
    let mut batch = Batch::default();
    if let Err(e) = try_destroy(undoer, items, &mut batch) {
        batch.keep_all(items, &e);
    }
    batch
}

fn try_destroy(undoer: &Undoer<'_>, items: &[Item<Domain>], batch: &mut Batch) -> Result<()> {
    let wanted: HashSet<&str> = items.iter().map(|(_, it)| it.name.as_str()).collect();
    let ours: HashMap<String, bool> = virsh::marked_domains(undoer.host, undoer.state_dir)?
        .into_iter()
        .filter(|(name, _)| wanted.contains(name.as_str()))
        .collect();
    let destroy: Vec<String> = ours
        .iter()
        .filter(|(_, mine)| **mine)
        .map(|(name, _)| name.clone())
        .collect();
    virsh::destroy_domains(undoer.host, &destroy)?;
    for item in items {
        let name = &item.1.name;
        if ours.get(name) == Some(&false) {
            batch.keep(&item.1, "a domain of that name runs that we did not make");
        } else {
            batch.record(item, remove_container_cgroups(name));
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
