//! The base tree, which a container's programs come from: the host's own root, or another
//! (`--base`).

use crate::error::{Error, Result};
use crate::host::files;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The top of a base tree, and which of its directories are bound read-only into containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Path of the tree; `/` for the host's own root.
    pub base: PathBuf,
    /// Symlinks at the top, such as bin → usr/bin, with their targets.
    pub links: Vec<(String, String)>,
    /// Directories bound read-only, relative to the base. /usr is always one.
    pub trees: Vec<String>,
    /// Directories with the database of packages, relative to the base; sets and labs of 0.1.0 do
    /// not have them.
    #[serde(default)]
    pub databases: Vec<String>,
    /// The providers of its OCF resource agents: names of directories in [`RESOURCE_AGENTS`]. Sets
    /// and labs of 0.1.0 do not have them.
    #[serde(default)]
    pub providers: Vec<String>,
}

/// Where Pacemaker looks for OCF resource agents, with a directory for each provider.
pub const RESOURCE_AGENTS: &str = "/usr/lib/ocf/resource.d";

/// Where package managers keep what is installed; newer rpm has it in /usr.
const DATABASES: &[&str] = &["var/lib/dpkg", "var/lib/rpm", "var/lib/dnf"];

/// Directories at the top with programs and libraries; where they are merged into /usr they are
/// symlinks.
const TOP: &[&str] = &["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// Directories of /etc that programs in /usr need where they exist: Debian's alternatives, Fedora's
/// TLS policies.
const ETC: &[&str] = &["etc/alternatives", "etc/crypto-policies", "etc/gnutls"];

impl Layout {
    /// The layout for machines that have a whole /etc of their own: nothing of it is bound.
    pub fn without_etc(&self) -> Layout {
        let mut layout = self.clone();
        layout.trees.retain(|tree| !tree.starts_with("etc/"));
        layout
    }

    /// A mark of the packages that the tree has now; `None` where no database is found.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn packages(&self) -> Result<Option<String>> {
        let bytes = CHANGING.iter().find_map(|file| {
            let read = files::read_in_root(&self.base, Path::new(file));
            read.transpose()
        });
        Ok(bytes.transpose()?.map(|bytes| files::sha256(&bytes)))
    }

    /// Reads the layout of a tree.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] when it holds no /usr.
    pub fn of(base: &Path) -> Result<Layout> {
        if !files::is_real_directory(&base.join("usr")) {
            return Err(Error::usage(format!(
                "--base {}: there is no directory usr in it",
                base.display()
            ))
            .mend("give the root of an installed system, such as one made by mmdebstrap"));
        }
        let mut links = Vec::new();
        let mut trees = vec!["usr".to_owned()];
        for name in TOP {
            let path = base.join(name);
            match std::fs::read_link(&path) {
                Ok(target) => {
                    links.push(((*name).to_owned(), target.to_string_lossy().into_owned()));
                }
                Err(_) if files::is_real_directory(&path) => trees.push((*name).to_owned()),
                Err(_) => {}
            }
        }
        trees.extend(
            ETC.iter()
                .filter(|d| files::is_real_directory(&base.join(d)))
                .map(|d| (*d).to_owned()),
        );
        let databases = DATABASES.iter().map(|d| (*d).to_owned());
        Ok(Layout {
            databases: databases
                .filter(|d| files::is_real_directory(&base.join(d)))
                .collect(),
            providers: providers(base),
            base: base.to_owned(),
            links,
            trees,
        })
    }
}

/// Files of a tree that change with every package that comes or goes: dpkg's and rpm's databases,
/// the latter by its newer and its older names.
const CHANGING: &[&str] = &[
    "var/lib/dpkg/status",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "var/lib/rpm/Packages",
];

/// Names of a tree's directories of resource agents, in order.
fn providers(base: &Path) -> Vec<String> {
    let all = base.join(RESOURCE_AGENTS.trim_start_matches('/'));
    let entries = std::fs::read_dir(all).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = directories
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn merged_and_unmerged_trees() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path();
        assert!(Layout::of(base).is_err());
        fs::create_dir_all(base.join("usr/bin")).unwrap();
        fs::create_dir_all(base.join("sbin")).unwrap();
        for provider in ["pacemaker", "heartbeat"] {
            fs::create_dir_all(base.join("usr/lib/ocf/resource.d").join(provider)).unwrap();
        }
        fs::create_dir_all(base.join("etc/alternatives")).unwrap();
        std::os::unix::fs::symlink("usr/bin", base.join("bin")).unwrap();
        let layout = Layout::of(base).unwrap();
        assert_eq!(layout.links, [("bin".to_owned(), "usr/bin".to_owned())]);
        assert_eq!(layout.trees, ["usr", "sbin", "etc/alternatives"]);
        assert_eq!(layout.providers, ["heartbeat", "pacemaker"]);
    }

    #[test]
    fn a_package_more_is_another_mark() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        fs::create_dir_all(base.join("usr/bin")).unwrap();
        let layout = Layout::of(base).unwrap();
        assert_eq!(layout.packages().unwrap(), None);
        let database = base.join("var/lib/dpkg/status");
        fs::create_dir_all(database.parent().unwrap()).unwrap();
        fs::write(&database, "Package: a\n").unwrap();
        let before = layout.packages().unwrap();
        assert!(before.is_some() && before == layout.packages().unwrap());
        fs::write(&database, "Package: a\n\nPackage: b\n").unwrap();
        assert_ne!(layout.packages().unwrap(), before);
    }
}
