//! Loop devices of files in the state directory.

use super::Undoer;
use super::allowed;
use super::kinds::{About, Kind};
use super::traces::Traces;
use crate::error::Result;
use crate::host::loops;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Name of the directory in the state directory with the files that have loop devices.
pub const DISKS: &str = "disks";

/// Detach the loop device of a file. Its number is known only when it is attached, so the record
/// names the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopDevice {
    /// Path of the file, in [`DISKS`] of the state directory.
    pub file: PathBuf,
}

impl LoopDevice {
    pub(super) fn detach(&self, undoer: &Undoer<'_>) -> Result<()> {
        // A kernel without loop devices has none to detach.
        match loops::kernel_lacks() {
            Some(_) => Ok(()),
            None => loops::detach(undoer.host, &self.file),
        }
    }
}

impl Kind for LoopDevice {
    fn key(&self) -> String {
        format!("loop device of {}", self.file.display())
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: None,
            scope: Scope::Libvirt,
            needs: Some(DISKS),
        }
    }

    fn check(&self, state_dir: &Path) -> Result<()> {
        allowed::below(&self.file, &[&state_dir.join(DISKS)])
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        if loops::lacking().is_some() {
            return Ok(Vec::new());
        }
        let files = loops::below(traces.host(), &traces.dir().join(DISKS))?;
        Ok(files.into_iter().map(|file| LoopDevice { file }).collect())
    }
}
