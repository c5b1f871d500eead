//! Finding pacemaker-remoted: in the base tree, given with --remoted, or, where the distribution's
//! package conflicts with the cluster's own (Debian, Ubuntu), fetched and unpacked.

use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use crate::host::{apt, packages};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The daemon's paths in a tree, with its name since Pacemaker 2.0 first and its name before that
/// second.
const NAMES: &[&str] = &["usr/sbin/pacemaker-remoted", "usr/sbin/pacemaker_remoted"];
/// The path in a container over which a daemon from outside the base tree is bound.
const BOUND_AT: &str = "/opt/lxc-autogen/pacemaker-remoted";
/// The directory, in the state directory, into which a fetched package is unpacked.
pub const UNPACKED: &str = "remoted";

/// The pacemaker-remoted that containers run as their PID 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Remoted {
    /// In the base tree's /usr.
    Base {
        /// Path inside the containers.
        path: PathBuf,
    },
    /// A file of the host, bound into the containers.
    Bound {
        /// Path on the host.
        path: PathBuf,
    },
}

impl Remoted {
    /// The daemon's path inside a container.
    pub fn inside(&self) -> &Path {
        match self {
            Remoted::Base { path } => path,
            Remoted::Bound { .. } => Path::new(BOUND_AT),
        }
    }

    /// The file of the host that must be bound into a container; `None` when the daemon is in the
    /// base tree.
    pub fn bind_source(&self) -> Option<&Path> {
        match self {
            Remoted::Base { .. } => None,
            Remoted::Bound { path } => Some(path),
        }
    }

    /// The daemon's path on the host.
    pub fn on_host(&self, base: &Path) -> PathBuf {
        match self {
            Remoted::Base { path } => base.join(path.strip_prefix("/").unwrap_or(path)),
            Remoted::Bound { path } => path.clone(),
        }
    }
}

/// Looks for the daemon: the one `given` with --remoted, else the one in `base`, else the one that
/// was unpacked in the state directory before.
///
/// # Errors
/// [`crate::error::Kind::Usage`] when `given` is no executable file.
pub fn find(given: Option<&Path>, base: &Path, state_dir: &Path) -> Result<Option<Remoted>> {
    if let Some(path) = given {
        if !is_executable(path) {
            return Err(Error::usage(format!(
                "--remoted {}: no executable file there",
                path.display()
            )));
        }
        return Ok(Some(Remoted::Bound {
            path: path.to_owned(),
        }));
    }
    if let Some(name) = NAMES.iter().find(|n| is_executable(&base.join(n))) {
        return Ok(Some(Remoted::Base {
            path: Path::new("/").join(name),
        }));
    }
    Ok(NAMES
        .iter()
        .map(|n| state_dir.join(UNPACKED).join(n))
        .find(|p| is_executable(p))
        .map(|path| Remoted::Bound { path }))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// The version of the package to fetch: exactly the version of the host's package pacemaker.
///
/// # Errors
/// [`crate::error::Kind::Cant`] where apt-get or dpkg-deb is missing, or Pacemaker is not installed
/// by dpkg.
pub fn fetch_version(host: &Host) -> Result<String> {
    let missing = || {
        Error::cant("there is no pacemaker-remoted on this host").mend(format!(
            "{}, or give one with --remoted PATH",
            packages::mend_for_tool("pacemaker-remoted")
        ))
    };
    if which::which("apt-get").is_err() || which::which("dpkg-deb").is_err() {
        return Err(missing());
    }
    let output = Cmd::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status} ${Version}", "pacemaker"])
        .run(host)?;
    match output.stdout.trim().split_once(' ') {
        Some(("installed", version)) if output.code == 0 => Ok(version.to_owned()),
        _ => Err(missing()),
    }
}

/// What a first run would fetch, for people: the package, its version and its size.
///
/// # Errors
/// As [`fetch_version`], and when apt does not know the package.
pub fn to_fetch(host: &Host) -> Result<String> {
    let version = fetch_version(host)?;
    let package = format!("pacemaker-remote={version}");
    let size = apt::size(host, &package).map_err(|e| e.mend(ADVICE))?;
    let size = size.map_or(String::new(), |b| format!(" ({} KiB)", b.div_ceil(1024)));
    Ok(format!(
        "not installed; the package pacemaker-remote {version}{size} will be fetched by apt-get and \
         unpacked, not installed"
    ))
}

const ADVICE: &str =
    "is apt's archive within reach? run apt-get update, or give the daemon with --remoted PATH";

/// Fetches the package pacemaker-remote in `version` with apt-get and unpacks its files to
/// `STATE/remoted` with dpkg-deb; nothing is installed. apt checks the package's signature chain.
///
/// # Errors
/// When apt-get or dpkg-deb fails, or the package holds no daemon.
pub fn fetch(host: &Host, state_dir: &Path, version: &str) -> Result<Remoted> {
    let to = state_dir.join(UNPACKED);
    std::fs::create_dir_all(&to).map_err(|e| Error::io("make directory", &to, e))?;
    let package = format!("pacemaker-remote={version}");
    apt::unpack(host, &package, &to).map_err(|e| e.mend(ADVICE))?;
    find(None, Path::new("/nonexistent"), state_dir)?.ok_or_else(|| {
        Error::failed(format!("there is no pacemaker-remoted in {package}")).mend(ADVICE)
    })
}

/// The version of Pacemaker that `PROGRAM --version` prints, such as `2.1.5`.
///
/// # Errors
/// When the program does not run or prints no version.
pub fn version(host: &Host, program: &Path) -> Result<String> {
    let said = Cmd::new(program.to_string_lossy())
        .arg("--version")
        .timeout(Duration::from_secs(10))
        .ok(host)?;
    parse_version(&said)
        .ok_or_else(|| Error::failed(format!("{} --version says {said:?}", program.display())))
}

fn parse_version(text: &str) -> Option<String> {
    let word = text
        .lines()
        .next()?
        .split_whitespace()
        .find(|w| w.starts_with(|c: char| c.is_ascii_digit()))?;
    // A distribution's suffix (2.1.5-8.fc37, 2.1.5+ds) does not count.
    let end = word
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(word.len());
    Some(word[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_the_tools_print_them() {
        assert_eq!(
            parse_version("Pacemaker 2.1.5\nWritten by Andrew Beekhof\n").as_deref(),
            Some("2.1.5")
        );
        assert_eq!(
            parse_version("Pacemaker 3.0.0-1.el10\n").as_deref(),
            Some("3.0.0")
        );
        assert_eq!(parse_version("nonsense\n"), None);
    }

    #[test]
    fn the_one_given_by_hand_wins_and_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        let e = find(Some(&dir.path().join("no")), dir.path(), dir.path()).unwrap_err();
        assert_eq!(e.kind, crate::error::Kind::Usage);
        let found = find(Some(Path::new("/bin/true")), dir.path(), dir.path()).unwrap();
        assert_eq!(
            found,
            Some(Remoted::Bound {
                path: "/bin/true".into()
            })
        );
        assert_eq!(find(None, dir.path(), dir.path()).unwrap(), None);
    }
}
