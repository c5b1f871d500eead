//! The network of a set or a lab.

use super::allowed;
use super::kinds::{About, Kind};
use super::traces::Traces;
use super::{Batch, Item, Undoer};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::libvirt::{marked_state_dir, virsh};
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Stop and undefine the network with this uuid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Name of the network in libvirt.
    pub name: String,
    /// The uuid that libvirt has for the network: one of the same name with another uuid is not
    /// ours.
    pub uuid: String,
}

impl Network {
    fn remove(&self, undoer: &Undoer<'_>) -> Result<()> {
        let Some(xml) = virsh::dump_network(undoer.host, &self.name)? else {
            return Ok(());
        };
        let has = xml
            .find("uuid")
            .map(|u| u.text.as_str())
            .unwrap_or_default();
        let ours = &self.uuid;
        if has != ours {
            return Err(Error::failed(format!(
                "it has uuid {has}, and ours had {ours}"
            )));
        }
        virsh::remove_network(undoer.host, &self.name)?;
        match virsh::dump_network(undoer.host, &self.name)? {
            None => Ok(()),
            Some(_) => Err(Error::failed(
                "virsh says that it is removed, and it is there",
            )),
        }
    }

    /// Networks that carry the mark of this state directory.
    pub(super) fn marked(host: &Host, dir: &Path) -> Result<Vec<Network>> {
        let mut found = Vec::new();
        for name in virsh::networks(host)? {
            let Some(xml) = virsh::dump_network(host, &name)? else {
                continue;
            };
            if marked_state_dir(&xml) == Some(&*dir.to_string_lossy()) {
                let uuid = xml.find("uuid").map(|u| u.text.clone()).unwrap_or_default();
                found.push(Network { name, uuid });
            }
        }
        Ok(found)
    }
}

impl Kind for Network {
    fn key(&self) -> String {
        format!("network {}", self.name)
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: true,
            is_shared: false,
            container: None,
            scope: Scope::Libvirt,
            needs: None,
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        allowed::name(&self.name)
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(traces.networks.clone())
    }
}

pub(super) fn remove(undoer: &Undoer<'_>, items: &[Item<Network>]) -> Batch {
    Batch::of_each(items, |it| it.remove(undoer))
}
