//! The resource agent that was installed.

use super::Undoer;
use super::allowed;
use super::kinds::{About, Kind};
use super::traces::Traces;
use crate::error::{Error, Result};
use crate::host::files;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Put the previous resource agent back, or remove ours where there was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Path that the agent is installed at.
    pub path: PathBuf,
    /// SHA-256 of each agent that we installed there.
    pub sha256: Vec<String>,
    /// Name of the previous agent in the state directory; `None` where there was none.
    pub previous: Option<String>,
}

impl Agent {
    pub(super) fn restore(&self, undoer: &Undoer<'_>) -> Result<()> {
        // The temporary file of a run that was killed while it wrote the agent.
        files::remove_file(&files::unfinished(&self.path))?;
        let now = files::read_optional(&self.path)?;
        let previous = self.previous.as_ref();
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
            if !self.sha256.contains(&files::sha256(bytes)) {
                return Err(Error::failed("it is not the one we installed any more"));
            }
        }
        match (&backup, was) {
            (Some(backup), Some(_)) => files::copy_whole(backup, &self.path),
            (Some(backup), None) if now.is_some() => Err(Error::failed(format!(
                "{} with the previous one is gone",
                backup.display()
            ))),
            _ => files::remove_file(&self.path),
        }
    }
}

impl Kind for Agent {
    fn key(&self) -> String {
        format!("resource agent {}", self.path.display())
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: true,
            is_shared: false,
            container: None,
            scope: Scope::All,
            needs: self.previous.as_deref(),
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        allowed::backup(self.previous.as_deref())?;
        allowed::below(&self.path, &[Path::new("/")])?;
        match self.path.ends_with("resource.d/heartbeat/VirtualDomain") {
            true => Ok(()),
            false => Err(allowed::never(self.path.display())),
        }
    }

    /// An installed agent carries no mark: it is as its makers wrote it.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}
