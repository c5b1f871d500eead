//! Questions that need files of this host besides its tools, and so can be asked only here.

use super::cibadmin::{merging, query};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::forecast::Forecast;
use crate::xml::El;
use std::path::Path;

/// The CIB of the running cluster. Where no cluster runs: the CIB on this node's disk, which is the
/// last one it had.
pub fn last_known(host: &Host) -> Option<Cib> {
    const ON_DISK: &str = "/var/lib/pacemaker/cib/cib.xml";
    query(host)
        .ok()
        .or_else(|| Cib::parse(&std::fs::read_to_string(ON_DISK).ok()?).ok())
}

/// Tries a merge on a copy of this CIB and has crm_verify judge the result, so that lxc-autogen
/// pushes nothing that the cluster would refuse or complain about.
///
/// # Errors
/// What cibadmin or crm_verify says against the merge; complaints that crm_verify has without our
/// change do not count.
pub fn check_merge(host: &Host, current: &Cib, configuration: &El) -> Result<()> {
    let current = current.render();
    let copy = merged(host, &current, configuration)?;
    let verdict = verify_file(host, copy.path())?;
    if verdict.is_empty() {
        return Ok(());
    }
    std::fs::write(copy.path(), &current).map_err(|e| Error::io("write", copy.path(), e))?;
    let before = verify_file(host, copy.path())?;
    let ours: Vec<String> = verdict
        .into_iter()
        .filter(|l| !before.contains(l))
        .collect();
    if ours.is_empty() {
        return Ok(());
    }
    Err(Error::failed("crm_verify refuses what would be added to the CIB").details(ours))
}

/// A file with this CIB after a merge.
fn merged(host: &Host, current: &str, configuration: &El) -> Result<tempfile::NamedTempFile> {
    let copy = tempfile::NamedTempFile::new()
        .map_err(|e| Error::failed(format!("make a temporary file: {e}")))?;
    std::fs::write(copy.path(), current).map_err(|e| Error::io("write", copy.path(), e))?;
    merging(host, configuration)
        .env("CIB_file", copy.path())
        .ok(host)?;
    Ok(copy)
}

/// What the scheduler would do with this CIB after a merge; nothing is changed.
///
/// # Errors
/// When cibadmin refuses the merge, or crm_simulate fails.
pub fn forecast(host: &Host, current: &Cib, configuration: &El) -> Result<Forecast> {
    let copy = merged(host, &current.render(), configuration)?;
    let text = Cmd::new("crm_simulate")
        .arg("--xml-file")
        .arg(copy.path())
        .arg("--show-scores")
        .ok(host)?;
    Ok(Forecast::parse(&text))
}

/// The complaints of crm_verify about a CIB, line by line; empty when the CIB is valid.
fn verify_file(host: &Host, file: &Path) -> Result<Vec<String>> {
    let output = Cmd::new("crm_verify")
        .arg("--xml-file")
        .arg(file)
        .arg("-V")
        .run(host)?;
    if output.code == 0 {
        return Ok(Vec::new());
    }
    let said = output.error();
    Ok(said.detail_lines().to_vec())
}

/// The version that `pacemakerd --version` prints.
///
/// # Errors
/// When pacemakerd cannot be run.
pub fn version(host: &Host) -> Result<String> {
    crate::rootfs::version(host, Path::new("pacemakerd"))
}
