//! Writing the skeletons of many containers to disk, fast.

use super::trees::{copy_directories, copy_tree, make_directory, write_new};
use super::{Content, Entry, Owner};
use crate::error::{Error, Result};
use crate::host::files::{self, Attributes, Existing};
use crate::host::{packages, users};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{lchown, symlink};
use std::path::{Path, PathBuf};

/// The directory, in the state directory, of the files that all containers share.
pub const SHARED: &str = "shared";

/// The ids of the cluster's user and group in a base tree, by which containers over that tree know
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owners {
    haclient: u32,
    hacluster: u32,
}

impl Owners {
    /// Reads the ids from the tree's passwd(5) and group(5). On this host they may also come from
    /// another source (nsswitch.conf(5)).
    ///
    /// # Errors
    /// [`crate::error::Kind::Cant`] when there is no group haclient, that is, no Pacemaker.
    pub fn of(base: &Path) -> Result<Self> {
        let id = |file: &str, name: &str| -> Result<Option<u32>> {
            let bytes = files::read_in_root(base, Path::new(file))?.unwrap_or_default();
            Ok(id_in(&String::from_utf8_lossy(&bytes), name))
        };
        let here = base == Path::new("/");
        let haclient = match id("etc/group", users::HA_GROUP)? {
            Some(gid) => gid,
            None if here => users::haclient()?.as_raw(),
            None => {
                return Err(Error::cant(format!(
                    "there is no group {} in {}",
                    users::HA_GROUP,
                    base.join("etc/group").display()
                ))
                .mend(packages::mend_in(base, "pacemakerd")));
            }
        };
        let hacluster = match id("etc/passwd", users::HA_USER)? {
            Some(uid) => uid,
            None if here => users::hacluster().map_or(0, nix::unistd::Uid::as_raw),
            None => 0,
        };
        Ok(Owners {
            haclient,
            hacluster,
        })
    }
}

/// The third field of the line for this name in passwd(5) or group(5): its id.
fn id_in(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

/// Writes skeletons of one set. It reads each file of the base tree once.
#[derive(Debug)]
pub struct Writer {
    base: PathBuf,
    shared: PathBuf,
    owners: Owners,
    copies: HashMap<String, Option<Vec<u8>>>,
    links: HashMap<String, Option<PathBuf>>,
}

impl Writer {
    /// A writer for containers over `base` whose set has its files in `state_dir`.
    ///
    /// # Errors
    /// When the tree has no group haclient.
    pub fn new(base: &Path, state_dir: &Path) -> Result<Self> {
        Ok(Writer {
            base: base.to_owned(),
            shared: state_dir.join(SHARED),
            owners: Owners::of(base)?,
            copies: HashMap::new(),
            links: HashMap::new(),
        })
    }

    /// Writes one skeleton into `root`, which must not exist.
    ///
    /// # Errors
    /// When an entry cannot be made; the error names its path.
    pub fn write(&mut self, root: &Path, entries: &[Entry]) -> Result<()> {
        make_directory(root, 0o755)?;
        entries.iter().try_for_each(|e| self.write_entry(root, e))
    }

    fn write_entry(&mut self, root: &Path, entry: &Entry) -> Result<()> {
        match entry {
            Entry::Dir { path, mode, owner } => {
                let path = root.join(path);
                make_directory(&path, *mode)?;
                self.own(&path, *owner)
            }
            Entry::Link { path, target } => {
                let path = root.join(path);
                symlink(target, &path).map_err(|e| Error::io("link", &path, e))
            }
            Entry::Directories { path } => copy_directories(&self.base, root, path),
            Entry::Tree { path } => copy_tree(&self.base.join(path), &root.join(path)),
            Entry::File {
                path,
                content,
                mode,
                owner,
            } => {
                if self.write_file(root, path, content, *mode)? {
                    self.own(&root.join(path), *owner)?;
                }
                Ok(())
            }
        }
    }

    fn own(&self, path: &Path, owner: Owner) -> Result<()> {
        let (uid, gid) = match owner {
            Owner::Root => return Ok(()),
            Owner::RootHaclient => (0, self.owners.haclient),
            Owner::Hacluster => (self.owners.hacluster, self.owners.haclient),
        };
        lchown(path, Some(uid), Some(gid)).map_err(|e| Error::io("own", path, e))
    }

    /// Returns whether a file was written: one that the base tree does not have is not.
    fn write_file(
        &mut self,
        root: &Path,
        path: &str,
        content: &Content,
        mode: u32,
    ) -> Result<bool> {
        let to = root.join(path);
        match content {
            Content::Text(text) => write_new(&to, text.as_bytes(), mode)?,
            Content::Bytes(bytes) => write_new(&to, bytes, mode)?,
            Content::Shadow { hacluster } => {
                let passwd = self.copy_of("etc/passwd")?.unwrap_or_default();
                let text = shadow_of(&String::from_utf8_lossy(passwd), hacluster.as_deref());
                write_new(&to, text.as_bytes(), mode)?;
            }
            Content::Copy => match self.copy_of(path)? {
                Some(bytes) => write_new(&to, bytes, mode)?,
                None => return Ok(false),
            },
            Content::Extended(text) => {
                let mut bytes = self.copy_of(path)?.unwrap_or_default().to_vec();
                bytes.extend(text.as_bytes());
                write_new(&to, &bytes, mode)?;
            }
            Content::Shared => match self.shared_copy(path)? {
                Some(from) => fs::hard_link(from, &to).map_err(|e| Error::io("link", &to, e))?,
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn copy_of(&mut self, path: &str) -> Result<Option<&[u8]>> {
        if !self.copies.contains_key(path) {
            let bytes = files::read_in_root(&self.base, Path::new(path))?;
            self.copies.insert(path.to_owned(), bytes);
        }
        Ok(self.copies.get(path).and_then(|b| b.as_deref()))
    }

    fn shared_copy(&mut self, path: &str) -> Result<Option<PathBuf>> {
        if let Some(known) = self.links.get(path) {
            return Ok(known.clone());
        }
        let link = match files::read_in_root(&self.base, Path::new(path))? {
            None => None,
            Some(bytes) => {
                let to = self.shared.join(path.replace('/', "-"));
                if !files::is_real_directory(&self.shared) {
                    make_directory(&self.shared, 0o755)?;
                }
                files::write_atomic(&to, &bytes, Attributes::root(0o644), Existing::Replace)?;
                Some(to)
            }
        };
        self.links.insert(path.to_owned(), link.clone());
        Ok(link)
    }
}

/// No user has a password, and no account is locked for that.
fn shadow_of(passwd: &str, hacluster: Option<&str>) -> String {
    let names = passwd.lines().filter_map(|l| l.split(':').next());
    names
        .filter(|n| !n.is_empty())
        .map(|name| {
            let hash = hacluster.filter(|_| name == users::HA_USER).unwrap_or("*");
            format!("{name}:{hash}:19000:0:99999:7:::\n")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clusters_ids_are_those_of_the_tree() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        let e = Owners::of(base).unwrap_err();
        assert!(e.message().contains("there is no group haclient"), "{e}");
        fs::create_dir(base.join("etc")).unwrap();
        fs::write(base.join("etc/group"), "root:x:0:\nhaclient:x:4711:\n").unwrap();
        fs::write(
            base.join("etc/passwd"),
            "haclusters:x:1:1::/:\nhacluster:x:4712:4711::/var/lib/pacemaker:/bin/false\n",
        )
        .unwrap();
        let owners = Owners {
            haclient: 4711,
            hacluster: 4712,
        };
        assert_eq!(Owners::of(base).unwrap(), owners);
        assert_eq!(id_in("haclient:x:many:\n", "haclient"), None);
    }
}
