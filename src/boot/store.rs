//! What virtual machines of all sets and labs share on this host: made once, and kept.

use super::probe::{Acceleration, QEMU, probe};
use super::{Choice, Kernel, usr};
use crate::error::{Error, Result};
use crate::host::files::{self, Attributes, Existing};
use crate::host::lock::{self, Lock};
use crate::host::{Host, apt, mounts};
use crate::rootfs::Layout;
use crate::spec::PACKAGE;
use nix::sys::utsname::uname;
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The variable that names another directory for it.
pub const VARIABLE: &str = "LXC_AUTOGEN_CACHE_DIR";
/// The directory without that variable (Filesystem Hierarchy Standard, /var/cache).
pub const DIRECTORY: &str = "/var/cache/lxc-autogen";

/// How long an image stays that a newer one has replaced, where nobody can tell who links to it.
const MAY_BE_LINKED: Duration = Duration::from_secs(24 * 3600);
/// How long another run may be at work in it: it fetches a kernel, and makes an image.
const PATIENCE: Duration = Duration::from_secs(600);

/// The directory, which one run at a time uses.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    _lock: Lock,
}

impl Store {
    /// Opens it, and makes it where it is not there; for root alone.
    ///
    /// # Errors
    /// When it cannot be made, or another run is at work in it.
    pub fn open() -> Result<Store> {
        Store::open_in(directory())
    }

    /// By what machines run here, where that is known already. Makes nothing.
    ///
    /// # Errors
    /// When what is known cannot be read.
    pub fn known() -> Result<Option<Acceleration>> {
        match Path::new(KVM).exists() {
            true => remembered(&directory()),
            false => Ok(Some(Acceleration::Emulated)),
        }
    }

    /// The same in this directory.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_in(dir: PathBuf) -> Result<Store> {
        fs::create_dir_all(&dir).map_err(|e| Error::io("make directory", &dir, e))?;
        files::set_directory_attributes(&dir, Attributes::root(0o700))?;
        let lock = lock::take_in_turn(&dir.join("lock"), PATIENCE)?;
        Ok(Store { dir, _lock: lock })
    }

    /// The kernel that is chosen: of a build the one that is there, or else the distribution's newest.
    /// `told` is called before one is fetched, with the package's name.
    ///
    /// # Errors
    /// As [`Kernel::fetch`]; a usage error where a tree has none.
    pub fn kernel(&self, host: &Host, choice: &Choice, told: impl Fn(&str)) -> Result<Kernel> {
        match choice {
            Choice::Tree(tree) => Kernel::in_tree(tree)?.ok_or_else(|| {
                let why = format!("--kernel {}: there is no kernel in it", tree.display());
                Error::usage(why)
                    .mend("have boot/vmlinuz-RELEASE and lib/modules/RELEASE there, as make install and make modules_install do")
            }),
            Choice::Package(package) => self.package(host, package, told),
            Choice::Newest(flavour) => {
                let is_it = |name: &String| name.starts_with(PACKAGE) && flavour.is_of(name);
                for name in self.names()?.filter(is_it) {
                    if let Some(kernel) = Kernel::in_tree(&self.dir.join(name))? {
                        return Ok(kernel);
                    }
                }
                let package = apt::stands_for(host, flavour.package())?;
                self.package(host, &package, told)
            }
        }
    }

    fn package(&self, host: &Host, package: &str, told: impl Fn(&str)) -> Result<Kernel> {
        let tree = self.dir.join(package);
        if let Some(kernel) = Kernel::in_tree(&tree)? {
            return Ok(kernel);
        }
        told(package);
        let temporary = self.fresh(&tree)?;
        fs::create_dir(&temporary).map_err(|e| Error::io("make directory", &temporary, e))?;
        Kernel::fetch(host, package, &temporary)?;
        fs::rename(&temporary, &tree).map_err(|e| Error::io("name", &tree, e))?;
        Kernel::in_tree(&tree)?
            .ok_or_else(|| Error::failed(format!("there is no kernel in the package {package}")))
    }

    /// The image of a kernel's modules, made where it is not there.
    ///
    /// # Errors
    /// When mksquashfs is missing or fails.
    pub fn modules(&self, host: &Host, kernel: &Kernel) -> Result<PathBuf> {
        let image = self
            .dir
            .join(format!("modules-{}.squashfs", kernel.release));
        if !files::exists(&image) {
            let temporary = self.fresh(&image)?;
            usr::squash(host, &kernel.all_modules(), &temporary)?;
            fs::rename(&temporary, &image).map_err(|e| Error::io("name", &image, e))?;
        }
        Ok(image)
    }

    /// The image of a tree's /usr as it is now, `whole` or without what no node needs, made where it is not
    /// there; older ones of the same tree go that nobody uses. `told`
    /// is told how many per cent of one are made.
    ///
    /// # Errors
    /// When mksquashfs is missing or fails.
    pub fn usr(
        &self,
        host: &Host,
        layout: &Layout,
        whole: bool,
        mut told: impl FnMut(usize),
    ) -> Result<PathBuf> {
        let (tree, state) = usr::fingerprint(layout, whole)?;
        let name = format!("usr-{tree}-{state}.squashfs");
        let image = self.dir.join(&name);
        if !files::exists(&image) {
            let temporary = self.fresh(&image)?;
            let packed = usr::pack(host, &layout.base, whole, &temporary, &mut told);
            packed.map_err(|e| {
                // It is of no use, and may fill the disk.
                let _ = files::remove_file(&temporary);
                let dir = self.dir.display();
                e.mend(format!(
                    "an image takes about half of what /usr has: make room in {dir}, or name another \
                     place with {VARIABLE}"
                ))
            })?;
            fs::rename(&temporary, &image).map_err(|e| Error::io("name", &image, e))?;
            let start = format!("usr-{tree}-");
            self.remove_others(&name, |other| other.starts_with(&start))?;
        }
        Ok(image)
    }

    /// By what machines run here: as it was found with this kernel of the host's and this QEMU, or else
    /// tried, before which `told` is called.
    ///
    /// # Errors
    /// As [`probe()`].
    pub fn acceleration(
        &self,
        host: &Host,
        kernel: &Kernel,
        program: &Path,
        told: impl Fn(),
    ) -> Result<Acceleration> {
        if let Some(by) = remembered(&self.dir)? {
            return Ok(by);
        }
        let (path, here) = (self.dir.join(ACCELERATION), Tried::at()?);
        told();
        let scratch =
            tempfile::tempdir_in(&self.dir).map_err(|e| Error::io("use", &self.dir, e))?;
        let by = probe(host, kernel, program, scratch.path())?;
        // This cannot fail: there are strings and numbers only.
        let text = serde_json::to_vec(&(here, by)).unwrap_or_default();
        files::write_atomic(&path, &text, Attributes::root(0o600), Existing::Replace)?;
        Ok(by)
    }

    /// A name for something that is not whole yet; what a killed run has left there goes.
    fn fresh(&self, path: &Path) -> Result<PathBuf> {
        let temporary = files::temporary_name(path);
        files::remove_tree(&temporary, &mounts::points()?)?;
        Ok(temporary)
    }

    fn remove_others(&self, keep: &str, of_kind: impl Fn(&str) -> bool) -> Result<()> {
        for name in self.names()?.filter(|name| name != keep && of_kind(name)) {
            let path = self.dir.join(name);
            if !is_used(&path)? {
                files::remove_tree(&path, &mounts::points()?)?;
            }
        }
        Ok(())
    }

    fn names(&self) -> Result<impl Iterator<Item = String> + use<>> {
        let entries = fs::read_dir(&self.dir).map_err(|e| Error::io("read", &self.dir, e))?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()))
    }
}

/// The device by which it runs.
pub(super) const KVM: &str = "/dev/kvm";

fn directory() -> PathBuf {
    let dir = std::env::var_os(VARIABLE).filter(|it| !it.is_empty());
    dir.map_or_else(|| DIRECTORY.into(), PathBuf::from)
}

/// Name of the file with the answer of a try.
const ACCELERATION: &str = "acceleration.json";

/// By what machines run here, where it was tried with this kernel of the host's and this QEMU.
fn remembered(dir: &Path) -> Result<Option<Acceleration>> {
    let text = files::read_optional(&dir.join(ACCELERATION))?;
    let before: Option<(Tried, Acceleration)> =
        text.and_then(|text| serde_json::from_slice(&text).ok());
    let here = Tried::at()?;
    Ok(before.filter(|(at, _)| *at == here).map(|(_, by)| by))
}

/// What the answer of a try depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tried {
    /// The host's kernel, as uname(1) -r has it.
    kernel: String,
    /// When this QEMU was installed, in seconds of the epoch.
    qemu: Option<i64>,
}

impl Tried {
    fn at() -> Result<Tried> {
        let said = uname().map_err(|e| Error::failed(format!("ask for the kernel: {e}")))?;
        let qemu = which::which(QEMU)
            .ok()
            .and_then(|path| path.metadata().ok());
        Ok(Tried {
            kernel: said.release().to_string_lossy().into_owned(),
            qemu: qemu.map(|seen| seen.ctime()),
        })
    }
}

/// Whether a set or lab can still need a file: it has it by another name, or, from another file system,
/// by a link, for which it counts how long ago the file was made.
fn is_used(path: &Path) -> Result<bool> {
    let seen = path.metadata().map_err(|e| Error::io("look at", path, e))?;
    let age = seen.modified().ok().and_then(|time| time.elapsed().ok());
    Ok(seen.nlink() > 1 || age.is_none_or(|age| age < MAY_BE_LINKED))
}

#[cfg(test)]
mod tests;
