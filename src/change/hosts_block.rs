//! The set's block in /etc/hosts.

use super::allowed;
use super::kinds::{About, Kind};
use super::traces::Traces;
use crate::error::Result;
use crate::host::{files, hosts};
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Take our block out of /etc/hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostsBlock {
    /// Path of the hosts file.
    pub path: PathBuf,
    /// The name in the block's markers.
    pub marker: String,
}

impl HostsBlock {
    pub(super) fn remove(&self) -> Result<()> {
        // The temporary file of a run that was killed while it wrote the hosts file.
        files::remove_file(&files::unfinished(&self.path))?;
        if !files::exists(&self.path) {
            return Ok(());
        }
        hosts::rewrite(&self.path, |text| hosts::without_block(text, &self.marker))
    }
}

impl Kind for HostsBlock {
    fn key(&self) -> String {
        format!("block {} of {}", self.marker, self.path.display())
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: None,
            scope: Scope::Libvirt,
            needs: None,
        }
    }

    fn check(&self, state_dir: &Path) -> Result<()> {
        allowed::is(&self.path, Path::new(hosts::PATH))?;
        let own = format!(" in {}", state_dir.display());
        match self.marker.ends_with(&own) && !self.marker.contains(char::is_control) {
            true => Ok(()),
            false => Err(allowed::never(format!("{:?}", self.marker))),
        }
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        let path = Path::new(hosts::PATH);
        let bytes = files::read_optional(path)?.unwrap_or_default();
        let markers = hosts::markers_of(&String::from_utf8_lossy(&bytes), traces.dir());
        let block = |marker| HostsBlock {
            path: path.to_owned(),
            marker,
        };
        Ok(markers.into_iter().map(block).collect())
    }
}
