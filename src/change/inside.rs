//! Files in the state directory.

use super::allowed;
use super::kinds::{About, Kind, rank};
use super::lost;
use super::state_dir::is_own_file;
use super::traces::Traces;
use super::{Batch, Item, Outcome, Undoer};
use crate::error::{Error, Result};
use crate::host::{files, mounts};
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

rank! {
    /// Files and trees directly in the state directory.
    Inside: InState {
        /// A file that belongs to no container.
        StateFile,
        /// A container's tree.
        Container,
    }
}

impl InState {
    /// Name of the file or tree in the state directory.
    pub fn name(&self) -> &str {
        match self {
            InState::StateFile(it) => &it.name,
            InState::Container(it) => &it.name,
        }
    }
}

/// Remove a file or tree of ours directly in the state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFile {
    /// Name of the file or tree in the state directory.
    pub name: String,
}

impl StateFile {
    /// The record of the file of this name.
    pub fn named(name: impl Into<String>) -> Self {
        StateFile { name: name.into() }
    }

    fn remove(&self, dir: &Path, mounts: &[PathBuf]) -> Result<()> {
        let path = dir.join(&self.name);
        files::remove_file(&files::unfinished(&path))?;
        files::remove_tree(&path, mounts)
    }
}

impl Kind for StateFile {
    fn key(&self) -> String {
        format!("{} in the state directory", self.name)
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: None,
            scope: Scope::All,
            needs: None,
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        match is_own_file(&self.name) {
            true => Err(allowed::never(&self.name)),
            false => allowed::entry(&self.name),
        }
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(match traces.has_journal {
            true => Vec::new(),
            false => lost::files(traces.dir()),
        })
    }
}

/// Remove a container's tree in the state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Name of the container, which is the tree's name too.
    pub name: String,
}

impl Container {
    /// The record of the container of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Container { name: name.into() }
    }

    fn remove(&self, dir: &Path, mounts: &[PathBuf]) -> Result<()> {
        let tree = dir.join(&self.name);
        // A tree has a temporary name while it is being written.
        files::remove_tree(&files::temporary_name(&tree), mounts)?;
        files::remove_tree(&tree, mounts)
    }
}

impl Kind for Container {
    fn key(&self) -> String {
        format!("files of container {}", self.name)
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: Some(&self.name),
            scope: Scope::All,
            needs: None,
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        allowed::name(&self.name)
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(match traces.has_journal {
            true => Vec::new(),
            false => lost::trees(traces.dir(), traces.set()),
        })
    }
}

/// Removes files and trees. The tree of a container stays as long as its domain does: without its
/// XML, VirtualDomain says "stopped" and leaks the container.
pub(super) fn remove(undoer: &Undoer<'_>, items: &[Item<InState>], so_far: &Outcome) -> Batch {
    let mut batch = Batch::default();
    let mounts = match mounts::points() {
        Ok(mounts) => mounts,
        Err(e) => {
            batch.keep_all(items, &e);
            return batch;
        }
    };
    for item in items {
        let result = match &item.1 {
            // The file stays only because a change that stays needs it, and is not reported by
            // itself.
            InState::StateFile(it) if so_far.needs(&it.name) => continue,
            InState::StateFile(it) => it.remove(undoer.state_dir, &mounts),
            InState::Container(it) if so_far.domain_stays(&it.name) => {
                Err(Error::failed("its domain is still there"))
            }
            InState::Container(it) => it.remove(undoer.state_dir, &mounts),
        };
        batch.record(item, result);
    }
    batch
}
