//! Writing containers' skeletons to disk, many of them, fast.

use crate::error::{Error, Result};
use crate::host::files::{self, Attributes, Existing};
use crate::host::users;
use crate::plan::{Content, Entry, Owner};
use std::collections::HashMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

/// The directory in the state directory with the files that all containers share.
pub const SHARED: &str = "shared";

/// Writes skeletons of one set; reads each file of the base tree once.
#[derive(Debug)]
pub struct Writer {
    base: PathBuf,
    shared: PathBuf,
    haclient: u32,
    hacluster: u32,
    copies: HashMap<String, Option<Vec<u8>>>,
    links: HashMap<String, Option<PathBuf>>,
}

impl Writer {
    /// For containers over `base` whose set lives in `state_dir`.
    ///
    /// # Errors
    /// When there is no group haclient.
    pub fn new(base: &Path, state_dir: &Path) -> Result<Self> {
        Ok(Writer {
            base: base.to_owned(),
            shared: state_dir.join(SHARED),
            haclient: users::haclient()?.as_raw(),
            hacluster: users::hacluster().map_or(0, nix::unistd::Uid::as_raw),
            copies: HashMap::new(),
            links: HashMap::new(),
        })
    }

    /// Writes one skeleton into `root`, which must not exist.
    ///
    /// # Errors
    /// The path that failed and why.
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
            Owner::RootHaclient => (0, self.haclient),
            Owner::Hacluster => (self.hacluster, self.haclient),
        };
        lchown(path, Some(uid), Some(gid)).map_err(|e| Error::io("own", path, e))
    }

    /// Gives back whether there was something to write.
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
            Content::Shadow => {
                let passwd = self.copy_of("etc/passwd")?.unwrap_or_default();
                let text = shadow_of(&String::from_utf8_lossy(passwd));
                write_new(&to, text.as_bytes(), mode)?;
            }
            Content::Copy => match self.copy_of(path)? {
                Some(bytes) => write_new(&to, bytes, mode)?,
                None => return Ok(false),
            },
            Content::Shared => match self.shared_copy(path)? {
                Some(from) => fs::hard_link(from, &to).map_err(|e| Error::io("link", &to, e))?,
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn copy_of(&mut self, path: &str) -> Result<Option<&[u8]>> {
        if !self.copies.contains_key(path) {
            let bytes = files::read_optional(&self.base.join(path))?;
            self.copies.insert(path.to_owned(), bytes);
        }
        Ok(self.copies.get(path).and_then(|b| b.as_deref()))
    }

    fn shared_copy(&mut self, path: &str) -> Result<Option<PathBuf>> {
        if let Some(known) = self.links.get(path) {
            return Ok(known.clone());
        }
        let link = match files::read_optional(&self.base.join(path))? {
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

/// Nobody has a password, and no account is locked for that.
fn shadow_of(passwd: &str) -> String {
    let names = passwd.lines().filter_map(|l| l.split(':').next());
    names
        .filter(|n| !n.is_empty())
        .map(|name| format!("{name}:*:19000:0:99999:7:::\n"))
        .collect()
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(from) {
        let Ok(entry) = entry else { continue };
        let below = entry.path().strip_prefix(from).unwrap_or(Path::new(""));
        let target = to.join(below);
        let kind = entry.file_type();
        if kind.is_dir() {
            make_directory(target.components().as_path(), 0o755)?;
        } else if kind.is_symlink() {
            let link =
                fs::read_link(entry.path()).map_err(|e| Error::io("read", entry.path(), e))?;
            symlink(link, &target).map_err(|e| Error::io("link", &target, e))?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).map_err(|e| Error::io("read", entry.path(), e))?;
            let mode = entry
                .metadata()
                .map_or(0o644, |m| m.permissions().mode() & 0o755);
            write_new(&target, &bytes, mode)?;
        }
    }
    Ok(())
}

fn make_directory(path: &Path, mode: u32) -> Result<()> {
    DirBuilder::new()
        .mode(mode)
        .create(path)
        .map_err(|e| Error::io("make directory", path, e))?;
    // Our umask is 022 (lib.rs), and mkdir(2) knows no sticky bit.
    if mode & 0o7022 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|e| Error::io("set mode of", path, e))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut f| f.write_all(bytes))
        .map_err(|e| Error::io("write", path, e))
}
