//! Daemons on this host that we started.

use super::allowed;
use super::kinds::{About, Kind, rank};
use super::traces::Traces;
use super::{Batch, Item, SharedDaemon, Undoer};
use crate::error::Result;
use crate::host::processes;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

rank! {
    /// Daemons on this host.
    Daemons: Daemons {
        /// One for a set or lab alone.
        Daemon,
        /// One for several.
        SharedDaemon,
    }
}

/// End a daemon of ours, known by the configuration file it was started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// The program's name.
    pub program: String,
    /// Path of that configuration file.
    pub configuration: PathBuf,
}

impl Kind for Daemon {
    fn key(&self) -> String {
        format!("{} with {}", self.program, self.configuration.display())
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

    fn check(&self, state_dir: &Path) -> Result<()> {
        let name = allowed::name(&self.program);
        name.and_then(|()| allowed::below(&self.configuration, &[state_dir]))
    }

    /// Only a lab starts daemons, and it knows by itself which ones, with which files.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}

pub(super) fn end(undoer: &Undoer<'_>, items: &[Item<Daemons>]) -> Batch {
    Batch::of_each(items, |it| match it {
        Daemons::Daemon(it) => processes::end(&it.program, &it.configuration),
        Daemons::SharedDaemon(it) => it.leave(undoer.state_dir),
    })
}
