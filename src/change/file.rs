//! Files and directories that the daemons of containers make outside the state directory.

use super::allowed;
use super::kinds::{About, Kind};
use super::traces::Traces;
use crate::error::{Error, Result};
use crate::host::files;
use crate::libvirt::hypervisor::{self, LXC};
use crate::libvirt::leftovers;
use crate::plan::AUTHKEY_DIRECTORY;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

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
        let base = self.base()?;
        if files::remove_beneath(base, &self.path)? {
            return Ok(());
        }
        Err(Error::failed(format!(
            "{} is not empty",
            self.path.display()
        )))
    }

    /// The directory that the file is below: of libvirt, of the agent, or of programs of the kernel
    /// that hold a container's devices. The name has the container's in it.
    fn base(&self) -> Result<&'static Path> {
        const BASES: [&str; 4] = [
            "/var/log/libvirt",
            "/run/libvirt",
            "/run/resource-agents",
            "/sys/fs/bpf",
        ];
        let path = &self.path;
        let Some(container) = &self.container else {
            let is_drop_in = leftovers::drop_ins().any(|it| it == *path);
            return match is_drop_in {
                true => Ok(Path::new("/run/systemd")),
                false => Err(allowed::never(path.display())),
            };
        };
        allowed::name(container)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match name.contains(container.as_str()) {
            true => base_of(path, &BASES),
            false => Err(allowed::never(path.display())),
        }
    }
}

fn base_of(path: &Path, bases: &[&'static str]) -> Result<&'static Path> {
    let bases = bases.iter().copied().map(Path::new);
    for base in bases {
        if allowed::below(path, &[base]).is_ok() {
            return Ok(base);
        }
    }
    Err(allowed::never(path.display()))
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

    fn check(&self, _: &Path) -> Result<()> {
        self.base().map(drop)
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
        files::remove_beneath(self.base()?, &self.path).map(drop)
    }

    /// The directory that it is below: of libvirt, of the agent, or of Pacemaker's key.
    fn base(&self) -> Result<&'static Path> {
        match self.path == Path::new(AUTHKEY_DIRECTORY)
            || leftovers::directories(&LXC).any(|it| it == self.path)
        {
            true => base_of(&self.path, &["/etc", "/run", "/var/log/libvirt"]),
            false => base_of(&self.path, &["/etc/libvirt", "/var/log/libvirt"]),
        }
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

    fn check(&self, _: &Path) -> Result<()> {
        self.base().map(drop)
    }

    /// A directory carries no mark.
    fn found(_: &Traces<'_>) -> Result<Vec<Self>> {
        Ok(Vec::new())
    }
}
