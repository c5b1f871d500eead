//! Programs that the containers run, and their environment.

use crate::context::Context;
use crate::error::{Kind, Result};
use crate::host::files;
use crate::look::Look;
use crate::rootfs::{self, Remoted, UNPACKED};
use std::path::Path;

/// The pacemaker-remoted to run: the given one, or one that is there, or else the place where the
/// fetched one will be.
///
/// # Errors
/// When the given one cannot be run.
pub(crate) fn remoted(context: &Context, given: Option<&Path>, base: &Path) -> Result<Remoted> {
    let there = rootfs::find(given, base, &context.state_dir)?;
    Ok(there.unwrap_or_else(|| Remoted::Bound {
        path: context
            .state_dir
            .join(UNPACKED)
            .join("usr/sbin/pacemaker-remoted"),
    }))
}

/// The version of pacemaker-remote to fetch: the cluster's.
///
/// # Errors
/// When no cluster says its version, and this is no dry run.
pub(crate) fn wanted_version(context: &Context) -> Result<String> {
    match rootfs::fetch_version(&context.host) {
        // A dry run shows the plan also where it could not be carried out.
        Err(e) if context.options.dry_run && e.kind == Kind::Cant => {
            Ok("of the cluster".to_owned())
        }
        other => other,
    }
}

/// The environment of pacemaker-remoted and of a lab's cluster nodes: a log file of their own, and
/// settings that must be the same on both ends of a connection and for all programs that talk with
/// a cluster. Those are read from the files that the systemd units use (Pacemaker 2.1.5,
/// sysconfig/pacemaker.in).
pub(crate) fn environment(base: &Path) -> Vec<(String, String)> {
    const SAME: &[&str] = &["PCMK_remote_port", "PCMK_tls_priorities", "PCMK_ipc_buffer"];
    let given = ["etc/default/pacemaker", "etc/sysconfig/pacemaker"]
        .iter()
        .find_map(|path| files::read_in_root(base, Path::new(path)).ok().flatten())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let mut all = vec![
        (
            "PCMK_logfile".to_owned(),
            "/var/log/pacemaker/pacemaker.log".to_owned(),
        ),
        ("PCMK_logfacility".to_owned(), "none".to_owned()),
        // Parameters of 2048 bits cost each daemon 0.3 s of CPU at start; the pre-shared key
        // keeps its own strength. Pacemaker 3 has no such setting, and ignores it.
        ("PCMK_dh_max_bits".to_owned(), "1024".to_owned()),
    ];
    all.extend(given.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        SAME.contains(&name)
            .then(|| (name.to_owned(), value.to_owned()))
    }));
    all
}

/// The message when pacemaker-remoted and the cluster's Pacemaker have different versions.
///
/// # Errors
/// When either program does not tell its version.
pub(crate) fn version_mismatch(
    look: &Look<'_>,
    remoted: &Remoted,
    base: &Path,
) -> Result<Option<String>> {
    // The daemon of another base tree needs that tree's libraries, so it is not run here to ask
    // for its version.
    if base != Path::new("/") {
        return Ok(None);
    }
    let ours = look.version_of(&remoted.on_host(base))?;
    let cluster = look.cluster_version()?;
    Ok((ours != cluster).then(|| {
        format!("pacemaker-remoted has version {ours}, and the cluster's Pacemaker {cluster}")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_both_ends_share_are_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc/default")).unwrap();
        let text = "# PCMK_remote_port=1\nPCMK_remote_port=3122\nPCMK_debug=yes\n PCMK_tls_priorities=\"NORMAL\"\nPCMK_ipc_buffer=1048576\n";
        std::fs::write(dir.path().join("etc/default/pacemaker"), text).unwrap();
        let all = environment(dir.path());
        assert!(all.contains(&("PCMK_remote_port".into(), "3122".into())));
        assert!(all.contains(&("PCMK_tls_priorities".into(), "NORMAL".into())));
        assert!(all.contains(&("PCMK_ipc_buffer".into(), "1048576".into())));
        assert!(!all.iter().any(|(name, _)| name == "PCMK_debug"));
    }
}
