//! Kernels: found in a tree, or fetched as a package and unpacked, never installed.

use crate::error::{Context, Error, Result};
use crate::host::command::Cmd;
use crate::host::{Host, apt, files, packages};
use crate::spec::Flavour;
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// A kernel, and the tree with its modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Its release, as uname(1) -r has it.
    pub release: String,
    /// The file that is booted.
    pub image: PathBuf,
    /// The root below which its modules are in lib/modules/RELEASE.
    tree: PathBuf,
}

impl Flavour {
    /// Debian's package that depends on the newest kernel of this build.
    pub(super) fn package(self) -> &'static str {
        match self {
            Flavour::Cloud => "linux-image-cloud-amd64",
            Flavour::Generic => "linux-image-amd64",
        }
    }

    /// Whether a package of this name has such a kernel: linux-image-6.1.0-1-cloud-amd64, or the same
    /// without `cloud`.
    pub(super) fn is_of(self, package: &str) -> bool {
        package.contains("-cloud-") == (self == Flavour::Cloud)
    }
}

impl Kernel {
    /// The newest kernel of a tree whose modules are there too.
    ///
    /// # Errors
    /// When the tree's /boot is there and cannot be read.
    pub fn in_tree(tree: &Path) -> Result<Option<Kernel>> {
        let boot = tree.join("boot");
        let names = match std::fs::read_dir(&boot) {
            Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("read", &boot, e)),
        };
        let releases = names.filter_map(|name| name.strip_prefix("vmlinuz-").map(str::to_owned));
        let mut kernels: Vec<Kernel> = releases
            .map(|release| Kernel {
                image: boot.join(format!("vmlinuz-{release}")),
                tree: tree.to_owned(),
                release,
            })
            .collect();
        kernels.retain(|kernel| files::is_real_directory(&kernel.modules_directory()));
        kernels.sort_by(|a, b| by_version(&a.release, &b.release));
        Ok(kernels.pop())
    }

    /// Fetches a package with a kernel, and its modules, into a directory that exists.
    ///
    /// # Errors
    /// [`crate::error::Kind::Cant`] where apt-get is missing; when apt-get, dpkg-deb or depmod fails.
    pub fn fetch(host: &Host, package: &str, into: &Path) -> Result<Kernel> {
        if which::which("apt-get").is_err() {
            return Err(Error::cant("there is no apt-get to fetch a kernel with")
                .mend("name one with --kernel PATH"));
        }
        apt::unpack(host, package, into)?;
        // Packages since Debian 13 have no /lib of their own any more.
        let lib = into.join("lib");
        if !files::exists(&lib) {
            std::os::unix::fs::symlink("usr/lib", &lib).map_err(|e| Error::io("link", &lib, e))?;
        }
        let kernel = Kernel::in_tree(into)?
            .ok_or_else(|| Error::failed(format!("there is no kernel in the package {package}")))?;
        Cmd::new("depmod")
            .arg("-b")
            .arg(into)
            .arg(&kernel.release)
            .ok(host)
            .context("list what modules depend on")
            .map_err(|e| e.mend(packages::mend_for_tool("depmod")))?;
        Ok(kernel)
    }

    /// The directory with a directory of modules for each release.
    pub(super) fn all_modules(&self) -> PathBuf {
        self.tree.join("lib/modules")
    }

    fn modules_directory(&self) -> PathBuf {
        self.all_modules().join(&self.release)
    }

    /// Files of modules, with those that they need, in the order of loading, each once. Modules that
    /// are built into the kernel have none.
    ///
    /// # Errors
    /// When modprobe fails: the kernel has no such module.
    pub fn modules(&self, host: &Host, names: &[&str]) -> Result<Vec<PathBuf>> {
        let mut all: Vec<PathBuf> = Vec::new();
        for name in names {
            let said = Cmd::new("modprobe")
                .arg("-d")
                .arg(&self.tree)
                .args(["-S", &self.release, "--show-depends", name])
                .ok(host)
                .context(format!("find the module {name} of Linux {}", self.release))?;
            let new = in_order(&said).filter(|path| !all.contains(path));
            let new: Vec<PathBuf> = new.collect();
            all.extend(new);
        }
        Ok(all)
    }
}

/// The files of `modprobe --show-depends` (modprobe(8)): `insmod /path/x.ko.xz option=1`, and
/// `builtin x`.
fn in_order(said: &str) -> impl Iterator<Item = PathBuf> {
    let insmod = said.lines().filter_map(|l| l.strip_prefix("insmod "));
    insmod.filter_map(|l| l.split_whitespace().next().map(PathBuf::from))
}

/// Compares releases number by number, and what is no number as text.
fn by_version(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> Vec<Result<u64, String>> {
        let parts = text.split(['.', '-', '+', '_']);
        parts
            .map(|part| part.parse().map_err(|_| part.to_owned()))
            .collect()
    };
    let order = |(a, b): (&Result<u64, String>, &Result<u64, String>)| match (a, b) {
        (Ok(a), Ok(b)) => a.cmp(b),
        (Err(a), Err(b)) => a.cmp(b),
        (Ok(_), Err(_)) => Ordering::Greater,
        (Err(_), Ok(_)) => Ordering::Less,
    };
    let (a, b) = (parts(a), parts(b));
    let first = a.iter().zip(&b).map(order).find(|it| it.is_ne());
    first.unwrap_or(a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_with_modules_is_found() {
        let tree = tempfile::tempdir().unwrap();
        assert_eq!(Kernel::in_tree(tree.path()).unwrap(), None);
        let boot = tree.path().join("boot");
        std::fs::create_dir(&boot).unwrap();
        for release in ["6.1.0-9-amd64", "6.1.0-56-amd64", "6.12.1-amd64"] {
            std::fs::write(boot.join(format!("vmlinuz-{release}")), "").unwrap();
        }
        for release in ["6.1.0-9-amd64", "6.1.0-56-amd64"] {
            let modules = tree.path().join("lib/modules").join(release);
            std::fs::create_dir_all(modules).unwrap();
        }
        let found = Kernel::in_tree(tree.path()).unwrap().unwrap();
        assert_eq!(found.release, "6.1.0-56-amd64");
        assert_eq!(by_version("6.12.1", "6.1.192"), Ordering::Greater);
        assert_eq!(by_version("6.1", "6.1.0"), Ordering::Less);
    }

    #[test]
    fn the_order_of_modules_is_modprobes() {
        let said = "insmod /k/virtio.ko \ninsmod /k/virtio_pci.ko.xz force_legacy=1\n\
                    builtin ext4\n";
        let files: Vec<PathBuf> = in_order(said).collect();
        assert_eq!(
            files,
            ["/k/virtio.ko", "/k/virtio_pci.ko.xz"].map(PathBuf::from)
        );
    }
}
