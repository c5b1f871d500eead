//! Ending containers while the cluster stops their primitives, which makes each stop cheap.

use super::Undoer;
use crate::error::{Error, Result};
use crate::host::files;
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::virsh;
use crate::pacemaker::{connections, tools};
use crate::plan::domain_xml;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Containers of this host that are destroyed as soon as the cluster has closed its connection to
/// them, many at a time. Their domain XML is renamed, out of the agent's sight, for as long as this
/// lives.
///
/// Without the XML the agent takes a container for stopped (resource-agents 4.12,
/// heartbeat/VirtualDomain, VirtualDomain_validate_all) and asks libvirt nothing, which is most of
/// the cost of a stop. The cluster would believe it even of a container that it must stop because a
/// resource on the node has failed to stop. So the XML is renamed ahead of the end only where the
/// cluster runs nothing on the node.
#[derive(Debug)]
pub(super) struct Ahead<'a> {
    undoer: &'a Undoer<'a>,
    /// Containers not ended yet, in the order of the CIB, in which the cluster stops them.
    left: Vec<String>,
    /// Containers whose XML may be renamed before they have ended.
    idle: HashSet<String>,
    hidden: HashSet<String>,
    ended: Instant,
}

/// Closed containers are ended together when there are this many, or when [`PAUSE`] has passed.
const MANY: usize = 20;
const PAUSE: Duration = Duration::from_secs(1);
/// The XML is renamed for this many containers before their connections close. A monitor without
/// the XML would fail, so it is not renamed for all.
const NEXT: usize = 40;

impl<'a> Ahead<'a> {
    /// The containers of these primitives that carry our mark and run on this host, in the order of
    /// their stops.
    pub(super) fn of(
        undoer: &'a Undoer<'a>,
        primitives: &[String],
        containers: &HashMap<String, String>,
    ) -> Ahead<'a> {
        let names = primitives.iter().filter_map(|id| containers.get(id));
        for name in names.clone() {
            // A run that was killed may have left the XML renamed. If it cannot be renamed back it
            // is missing, and up mends that.
            let _ = show(undoer.state_dir, name);
        }
        // Ending them here only saves time: without libvirt's answer the cluster does it.
        let ours = virsh::domains_of(undoer.host, &LXC, undoer.state_dir).unwrap_or_default();
        let ours: HashSet<String> = ours.into_iter().collect();
        let here = names.filter(|name| ours.contains(*name));
        let left: Vec<String> = here.cloned().collect();
        let idle = match undoer.stays_here && !left.is_empty() {
            true => idle(undoer, &left),
            false => HashSet::new(),
        };
        Ahead {
            undoer,
            left,
            idle,
            hidden: HashSet::new(),
            ended: Instant::now(),
        }
    }

    /// Whether no container is left to end.
    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Ends the containers whose connection is closed by now.
    pub(super) fn end_disconnected(&mut self) {
        if self.left.is_empty() {
            return;
        }
        let Ok(down) = connections::disconnected(self.undoer.host) else {
            return;
        };
        let all = self.left.iter().cloned();
        let (closed, left): (Vec<String>, Vec<String>) = all.partition(|name| down.contains(name));
        let turn = closed.iter().chain(left.iter().take(NEXT));
        let turn = turn.filter(|name| self.idle.contains(*name));
        for name in turn.cloned().collect::<Vec<_>>() {
            self.hide(&name);
        }
        // Ending many at a time is cheaper where connections close one by one.
        let worth_it = left.is_empty() || closed.len() >= MANY || self.ended.elapsed() >= PAUSE;
        if !closed.is_empty() && worth_it {
            self.left = left;
            self.end(&closed);
        }
    }

    /// Ends the remaining containers, once the cluster takes all of them for stopped.
    pub(super) fn finish(mut self) {
        let left = std::mem::take(&mut self.left);
        if !left.is_empty() {
            self.end(&left);
        }
    }

    fn end(&mut self, names: &[String]) {
        // Whether the containers have ended is looked at below, and by the run that removes what
        // stays.
        let _ = virsh::end_all(self.undoer.host, &LXC, names);
        self.ended = Instant::now();
        let Ok(domains) = virsh::domains(self.undoer.host, &LXC) else {
            return;
        };
        let there: HashSet<&str> = domains.iter().map(|d| d.name.as_str()).collect();
        for name in names.iter().filter(|name| !there.contains(name.as_str())) {
            self.hide(name);
        }
    }

    fn hide(&mut self, name: &str) {
        if self.hidden.contains(name) {
            return;
        }
        let path = domain_xml(self.undoer.state_dir, name);
        if std::fs::rename(&path, hidden(&path)).is_ok() {
            self.hidden.insert(name.to_owned());
        }
    }
}

/// Guest nodes among these on which the cluster runs nothing.
fn idle(undoer: &Undoer<'_>, guests: &[String]) -> HashSet<String> {
    let Ok(view) = tools::view(undoer.host) else {
        return HashSet::new();
    };
    let places = view.active.values().flatten();
    let busy: HashSet<&String> = places.flat_map(|a| &a.nodes).collect();
    let idle = guests.iter().filter(|name| !busy.contains(name));
    idle.cloned().collect()
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        for name in &self.hidden {
            if let Err(e) = show(self.undoer.state_dir, name) {
                self.undoer.report.warn(e.message());
            }
        }
    }
}

fn hidden(path: &Path) -> PathBuf {
    path.with_extension("xml.ended")
}

/// Renames a container's domain XML back, which a run that was killed left renamed.
///
/// # Errors
/// When it cannot be renamed.
pub(crate) fn show(state_dir: &Path, name: &str) -> Result<()> {
    let path = domain_xml(state_dir, name);
    let hidden = hidden(&path);
    if !files::exists(&hidden) || files::exists(&path) {
        return Ok(());
    }
    std::fs::rename(&hidden, &path).map_err(|e| Error::io("rename", &hidden, e))
}
