//! Changes of the kernel's state: those that libvirt makes, and loop devices.

use super::allowed;
use super::kinds::{About, Kind, rank};
use super::traces::Traces;
use super::{Batch, Change, Item, Journal, LoopDevice, Undoer};
use crate::error::{Error, Result};
use crate::host::{cgroups, files, forwarding};
use crate::libvirt::{marked_state_dir, virsh};
use crate::spec::Scope;
use crate::xml::El;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

rank! {
    /// Changes of the kernel's state.
    Kernel: Kernel {
        /// IPv4 forwarding.
        Forwarding,
        /// A control group.
        Cgroup,
        /// A loop device.
        LoopDevice,
    }
}

/// Another set may use forwarding or a control group too by now.
const ABOUT: About<'static> = About {
    has_identity: false,
    is_shared: true,
    container: None,
    scope: Scope::Libvirt,
    needs: None,
};

/// Put forwarding back as it was before libvirt switched it on with the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarding {
    /// Files under /proc/sys/net/ipv4 and what was in them, in the order to write them:
    /// `ip_forward` first, since it overwrites the others.
    pub settings: Vec<(PathBuf, String)>,
}

impl Forwarding {
    /// Puts forwarding back, unless somebody switched it off since, or came to need it: another
    /// network of libvirt's that is active now, or an interface that forwards and was not there. Sets
    /// and labs of ours that have this record too put it back when the last of them goes, and
    /// nothing is said of them.
    fn restore(&self, undoer: &Undoer<'_>) -> Result<()> {
        if files::read_trimmed(forwarding::SWITCH).as_deref() != Some("1") {
            return Ok(());
        }
        let mut needed_by = forwarding::interfaces_since(&self.settings);
        let mut heirs = Vec::new();
        for name in virsh::active_networks(undoer.host)? {
            let xml = virsh::dump_network(undoer.host, &name)?;
            match xml.filter(|xml| xml.find("forward").is_some()) {
                // It could not be removed, and takes forwarding for as long as it is there.
                Some(xml) if marked_state_dir(&xml) == undoer.state_dir.to_str() => {
                    return Err(Error::failed(format!("network {name} is still there")));
                }
                Some(xml) if is_heir(&xml) => heirs.extend(bridge_of(&xml)),
                Some(_) => needed_by.push(format!("network {name}")),
                None => {}
            }
        }
        if needed_by.is_empty() && heirs.is_empty() {
            return forwarding::restore(&self.settings);
        }
        let is_heirs = |name: &String| {
            heirs.contains(name) || forwarding::bridge(name).is_some_and(|b| heirs.contains(&b))
        };
        needed_by.retain(|name| !is_heirs(name));
        if needed_by.is_empty() {
            return Ok(());
        }
        undoer.report.line(format!(
            "IPv4 forwarding stays on: {} may need it",
            needed_by.join(", ")
        ));
        Ok(())
    }
}

/// Whether a network is of a set or lab of ours that has a record of forwarding itself.
fn is_heir(network: &El) -> bool {
    let changes = marked_state_dir(network).map(|dir| Journal::peek(Path::new(dir)));
    let is_record = |change: &Change| matches!(change, Change::Kernel(Kernel::Forwarding(_)));
    matches!(changes, Some(Ok(changes)) if changes.iter().any(is_record))
}

fn bridge_of(network: &El) -> Option<String> {
    let bridge = network.find("bridge")?;
    bridge.get("name").map(str::to_owned)
}

impl Kind for Forwarding {
    fn key(&self) -> String {
        "the kernel's IPv4 forwarding".to_owned()
    }

    fn about(&self) -> About<'_> {
        ABOUT
    }

    fn check(&self, _: &Path) -> Result<()> {
        let mut settings = self.settings.iter();
        settings.try_for_each(|(path, value)| match forwarding::is_setting(path, value) {
            true => Ok(()),
            false => Err(allowed::never(format!("{}={value:?}", path.display()))),
        })
    }

    /// The settings from before cannot be known.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

/// Remove a control group that libvirt makes with the first container, when it is unused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    /// Path of the group in the file system of its hierarchy.
    pub path: PathBuf,
}

impl Cgroup {
    fn remove(&self, all_gone: bool) -> Result<()> {
        // Somebody else's container uses the group: it is theirs now.
        if cgroups::remove_if_empty(&self.path)? || all_gone {
            return Ok(());
        }
        Err(Error::failed("a container of ours is still in it"))
    }
}

impl Kind for Cgroup {
    fn key(&self) -> String {
        format!("control group {}", self.path.display())
    }

    fn about(&self) -> About<'_> {
        ABOUT
    }

    fn check(&self, _: &Path) -> Result<()> {
        let mut hierarchies = cgroups::hierarchies()?;
        hierarchies.push("/sys/fs/cgroup".into());
        let hierarchies: Vec<&Path> = hierarchies.iter().map(PathBuf::as_path).collect();
        allowed::below(&self.path, &hierarchies)?;
        match self.path.ends_with(cgroups::MACHINE) {
            true => Ok(()),
            false => Err(allowed::never(self.path.display())),
        }
    }

    /// Whoever started the first container made the group, and that cannot be known.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

/// Restores forwarding and control groups, and detaches loop devices. `all_gone`: nothing of ours is
/// left that uses them.
pub(super) fn restore(undoer: &Undoer<'_>, items: &[Item<Kernel>], all_gone: bool) -> Batch {
    Batch::of_each(items, |it| match it {
        Kernel::Forwarding(it) => it.restore(undoer),
        Kernel::Cgroup(it) => it.remove(all_gone),
        Kernel::LoopDevice(it) => it.detach(undoer),
    })
}
