//! Files and directories that the daemons of containers make outside the state directory.

use super::kinds::{About, Kind};
use super::traces::Traces;
use crate::error::Result;
use crate::host::files;
use crate::libvirt::hypervisor;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Remove a file or empty directory that our containers' daemons make outside the state directory,
/// and that was not there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Path of the file or directory.
    pub path: PathBuf,
    /// The container that the file belongs to, if it belongs to one.
    pub container: Option<String>,
}

impl File {
    pub(super) fn remove(&self) -> Result<()> {
        files::remove_file_or_empty_directory(&self.path)
    }
}

impl Kind for File {
    fn key(&self) -> String {
        format!("file {}", self.path.display())
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: self.container.is_none(),
            container: self.container.as_deref(),
            scope: Scope::Libvirt,
            needs: None,
        }
    }

    /// Files that the containers left under /run; only where the journal is lost, since a journal
    /// knows which files were there before. The log stays then: another domain of that name may
    /// have written it.
    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        if traces.has_journal {
            return Ok(Vec::new());
        }
        let of_container = |name: &String| {
            let all = hypervisor::ALL.iter().flat_map(|it| it.leftovers(name));
            let mut left: Vec<PathBuf> = all
                .filter(|path| path.starts_with("/run") && files::exists(path))
                .collect();
            left.sort();
            left.dedup();
            let container = Some(name.clone());
            left.into_iter().map(move |path| File {
                path,
                container: container.clone(),
            })
        };
        Ok(traces.domains().iter().flat_map(of_container).collect())
    }
}

/// Remove a directory that we made, once it is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmptyDir {
    /// Path of the directory.
    pub path: PathBuf,
}

impl EmptyDir {
    /// Removes the directory. Where somebody else has put files into it, it stays, and is theirs.
    pub(super) fn remove(&self) -> Result<()> {
        files::remove_empty_directory(&self.path).map(drop)
    }
}

impl Kind for EmptyDir {
    fn key(&self) -> String {
        format!("directory {}", self.path.display())
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: true,
            container: None,
            scope: Scope::All,
            needs: None,
        }
    }

    /// A directory carries no mark.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}
