//! Ending containers while the cluster stops them, which makes its part of it cheap.

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

/// Containers of this host that are ended as soon as the connection to each is closed, many at a
/// time; and their domain XML out of the agent's sight as long as this lives.
///
/// Without it the agent takes a container for stopped (resource-agents 4.12, heartbeat/VirtualDomain,
/// VirtualDomain_validate_all), and asks libvirt nothing, which is most of what a stop costs. Since
/// the cluster would then believe so of one that must be stopped for its node's sake, because
/// something on it cannot be, that is done ahead only of nodes on which the cluster runs nothing.
#[derive(Debug)]
pub(super) struct Ahead<'a> {
    undoer: &'a Undoer<'a>,
    /// Not ended yet, in the order of the CIB, which is that of the stops.
    left: Vec<String>,
    /// Those of which the XML may go before they have ended.
    idle: HashSet<String>,
    hidden: HashSet<String>,
    ended: Instant,
}

/// So many are ended at once, and fewer after this time.
const MANY: usize = 20;
const PAUSE: Duration = Duration::from_secs(1);
/// Of so many the XML goes before their turn: a monitor without it would fail, so not of all.
const NEXT: usize = 40;

impl<'a> Ahead<'a> {
    /// Those of ours that run here, of these primitives' containers, in the order of their stops.
    pub(super) fn of(
        undoer: &'a Undoer<'a>,
        primitives: &[String],
        containers: &HashMap<String, String>,
    ) -> Ahead<'a> {
        let names = primitives.iter().filter_map(|id| containers.get(id));
        for name in names.clone() {
            // Of a run that was killed. If it cannot be, it is missing, which up mends.
            let _ = show(undoer.state_dir, name);
        }
        // Only to be faster: without an answer it is the cluster's to do.
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

    /// Whether all have been ended that can be.
    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Ends those whose connection is closed by now.
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
        // Many at a time, where they come one by one.
        let worth_it = left.is_empty() || closed.len() >= MANY || self.ended.elapsed() >= PAUSE;
        if !closed.is_empty() && worth_it {
            self.left = left;
            self.end(&closed);
        }
    }

    /// Ends the others, when the cluster takes all of them for stopped.
    pub(super) fn finish(mut self) {
        let left = std::mem::take(&mut self.left);
        if !left.is_empty() {
            self.end(&left);
        }
    }

    fn end(&mut self, names: &[String]) {
        // Whether they have ended is looked at below, and by whoever takes away what is left.
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

/// Guest nodes on which the cluster runs nothing.
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

/// Gives a container back the domain XML that a run was killed over.
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
