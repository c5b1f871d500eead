//! A world's view of the file system: the machine's files, with private copies where libvirt,
//! corosync, Pacemaker and lxc-autogen write.
//!
//! All private files are on one tmpfs, mounted inside the world's own mount namespace: the kernel
//! drops it when the last process has died.

use crate::hidden::{enter, kept};
use crate::place::Place;
use crate::{Plan, disks};
use lxc_autogen::error::{Error, Result};
use lxc_autogen::host::Host;
use lxc_autogen::host::cgroups::Own;
use lxc_autogen::host::command::Cmd;
use lxc_autogen::host::mounts;
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use std::fs::{self, DirBuilder, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The world's host name.
const NAME: &str = "outside";

/// Makes all file systems of the world. `own` was read before the namespaces were made.
pub fn make(place: &Place, plan: &Plan, own: &[Own]) -> Result<()> {
    let private = Private {
        at: place.file("fs"),
        kept: kept(plan),
    };
    directory(&private.at, 0o755)?;
    tmpfs(&private.at, "mode=755", MsFlags::empty())?;
    disks::note(place, &private.at)?;
    private.keep()?;
    kernel_file_systems(own)?;
    private.copy(Path::new("/etc"))?;
    private.copy(Path::new("/usr/lib/ocf"))?;
    let writable = ["libvirt", "pacemaker", "corosync", "lxc-autogen"];
    private.shadow(Path::new("/var/lib"), &writable)?;
    private.shadow(Path::new("/var/cache"), &["libvirt"])?;
    private.empty(Path::new("/var/log"))?;
    make_run()?;
    let shm = Path::new("/dev/shm");
    mounts::detach(shm)?;
    tmpfs(shm, "mode=1777", MsFlags::MS_NOSUID | MsFlags::MS_NODEV)?;
    private.show_kept()?;
    kvm_for_all(&private.at)?;
    name_it()?;
    // Entered anew: the directory that we are in does not show a file system that was mounted over
    // it.
    enter(&plan.directory)?;
    Cmd::new("ip")
        .args(["link", "set", "lo", "up"])
        .ok(&Host::new(false))
        .map(drop)
}

/// A device that the user may open as well whom libvirtd has look at what QEMU can do: or else it looks
/// again each time it defines a domain, 16 to 23 s where KVM hangs (libvirt 9.0,
/// src/qemu/qemu_capabilities.c, virQEMUCapsIsValid).
fn kvm_for_all(private: &Path) -> Result<()> {
    let device = Path::new("/dev/kvm");
    if !device.exists() {
        return Ok(());
    }
    let (ours, mode) = (private.join("kvm"), Mode::from_bits_truncate(0o666));
    let failed = |e| Error::io("make", &ours, e);
    mknod(&ours, SFlag::S_IFCHR, mode, makedev(10, 232)).map_err(failed)?;
    fs::set_permissions(&ours, Permissions::from_mode(0o666))
        .map_err(|e| Error::io("open to all", &ours, e))?;
    bind(&ours, device)
}

/// The world's private files.
struct Private {
    at: PathBuf,
    kept: Vec<PathBuf>,
}

impl Private {
    /// The path of the private version of a path.
    fn of(&self, path: &Path) -> PathBuf {
        self.at.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Mounts a private, writable copy of a directory over it, with owners and modes kept. Does
    /// nothing where there is no such directory.
    fn copy(&self, path: &Path) -> Result<()> {
        if !path.is_dir() {
            return Ok(());
        }
        let private = self.of(path);
        directory(private.parent().unwrap_or(&self.at), 0o755)?;
        Cmd::new("cp")
            .args(["-a", "--reflink=never", "--"])
            .args([path, &private])
            .timeout(Duration::from_secs(600))
            .ok(&Host::new(false))?;
        bind(&private, path)
    }

    /// Mounts a private, empty directory over a directory.
    fn empty(&self, path: &Path) -> Result<()> {
        let private = self.of(path);
        directory(&private, 0o755)?;
        bind(&private, path)
    }

    /// Mounts a private, writable directory over a directory. In it everything is the machine's,
    /// read-only, except for these names, which are missing. A mount over each of the names would
    /// need them as mount points on the machine, and would make them directories that `rmdir`
    /// cannot remove.
    fn shadow(&self, path: &Path, names: &[&str]) -> Result<()> {
        let private = self.of(path);
        let machine = self.of(&Path::new("/machine").join(path.strip_prefix("/").unwrap_or(path)));
        directory(&private, 0o755)?;
        directory(&machine, 0o755)?;
        rbind(path, &machine)?;
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        set(&machine, flags)?;
        let entries = fs::read_dir(&machine).map_err(|e| Error::io("read", &machine, e))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            if names.iter().any(|n| name == *n) {
                continue;
            }
            let shown = private.join(&name);
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                // A link would not do: labs look for directories that packages have made, and a
                // directory that is kept must not be in two places.
                directory(&shown, 0o755)?;
                rbind(&entry.path(), &shown)?;
            } else {
                symlink(entry.path(), &shown).map_err(|e| Error::io("make", &shown, e))?;
            }
        }
        rbind(&private, path)
    }

    /// Binds the kept directories aside, before they are hidden.
    fn keep(&self) -> Result<()> {
        self.each_kept(|aside, path| {
            directory(aside, 0o755)?;
            rbind(path, aside)
        })
    }

    /// Moves the kept directories back to their places.
    fn show_kept(&self) -> Result<()> {
        self.each_kept(|aside, path| {
            directory(path, 0o755)?;
            mount(
                Some(aside),
                path,
                None::<&str>,
                MsFlags::MS_MOVE,
                None::<&str>,
            )
            .map_err(|e| Error::io("mount", path, e))
        })
    }

    fn each_kept(&self, act: impl Fn(&Path, &Path) -> Result<()>) -> Result<()> {
        let mut all = self.kept.iter().enumerate();
        all.try_for_each(|(n, path)| act(&self.at.join(format!("kept/{n}")), path))
    }
}

/// Mounts the kernel's own file systems as the world's namespaces show them.
fn kernel_file_systems(own: &[Own]) -> Result<()> {
    let (sys, proc) = (Path::new("/sys"), Path::new("/proc"));
    mounts::detach(sys)?;
    // This sysfs belongs to the world's own network namespace: libvirt sets up bridges through it.
    kernels("sysfs", sys, None)?;
    mounts::detach(proc)?;
    kernels("proc", proc, None)?;
    mask_sysrq(proc)?;
    control_groups(own)
}

/// Hides sysrq-trigger: a panicking Pacemaker writes `b` to it, which would reboot the real
/// machine.
pub fn mask_sysrq(proc: &Path) -> Result<()> {
    let trigger = proc.join("sysrq-trigger");
    if trigger.exists() {
        bind(Path::new("/dev/null"), &trigger)?;
    }
    Ok(())
}

/// Mounts the control groups as the world's namespace shows them. Where there are v1 hierarchies v2
/// is left out: libvirt takes a v2 mount with controllers next to v1 ones for its own and then
/// fails every start with "Unable to create directory /sys/fs/cgroup/unified".
pub fn control_groups(own: &[Own]) -> Result<()> {
    let top = Path::new("/sys/fs/cgroup");
    if crate::groups::is_v2_alone(own) {
        return kernels("cgroup2", top, None);
    }
    tmpfs(top, "mode=755", MsFlags::empty())?;
    for own in own.iter().filter(|o| !o.is_v2()) {
        let controllers = own.controllers.join(",");
        let short = controllers.trim_start_matches("name=");
        let point = top.join(short);
        directory(&point, 0o755)?;
        kernels("cgroup", &point, Some(&controllers))?;
        for one in short.split(',').filter(|one| *one != short) {
            let link = top.join(one);
            symlink(short, &link).map_err(|e| Error::io("make", &link, e))?;
        }
    }
    Ok(())
}

fn make_run() -> Result<()> {
    let run = Path::new("/run");
    mounts::detach(run)?;
    tmpfs(run, "mode=755", MsFlags::empty())?;
    directory(&run.join("lock"), 0o1777)?;
    directory(&run.join("resource-agents"), 0o1755)?;
    directory(&run.join("user"), 0o755)
}

/// Sets the host name, and makes it resolve to this machine.
fn name_it() -> Result<()> {
    nix::unistd::sethostname(NAME).map_err(|e| Error::failed(format!("set the host name: {e}")))?;
    write(Path::new("/etc/hostname"), &format!("{NAME}\n"))?;
    let hosts = Path::new("/etc/hosts");
    let file = fs::File::options().append(true).create(true).open(hosts);
    file.and_then(|mut f| f.write_all(format!("127.0.0.1 {NAME}\n").as_bytes()))
        .map_err(|e| Error::io("write", hosts, e))
}

/// Writes a file with this text.
pub fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|e| Error::io("write", path, e))
}

/// Makes a directory with this mode, and missing directories above it.
pub fn directory(path: &Path, mode: u32) -> Result<()> {
    if path.is_dir() && mode == 0o755 {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)))
        .map_err(|e| Error::io("make directory", path, e))
}

/// Bind-mounts one path at another.
pub fn bind(from: &Path, at: &Path) -> Result<()> {
    mount(Some(from), at, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|e| Error::io("mount", at, e))
}

/// Bind-mounts one path at another, with everything that is mounted below it.
pub fn rbind(from: &Path, at: &Path) -> Result<()> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(from), at, None::<&str>, flags, None::<&str>).map_err(|e| Error::io("mount", at, e))
}

fn set(at: &Path, flags: MsFlags) -> Result<()> {
    mount(None::<&str>, at, None::<&str>, flags, None::<&str>)
        .map_err(|e| Error::io("mount", at, e))
}

/// Mounts an empty file system in memory.
pub fn tmpfs(at: &Path, options: &str, flags: MsFlags) -> Result<()> {
    mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options))
        .map_err(|e| Error::io("mount", at, e))
}

/// Mounts a file system of the kernel's, such as proc.
pub fn kernels(fstype: &str, at: &Path, options: Option<&str>) -> Result<()> {
    mount(Some(fstype), at, Some(fstype), MsFlags::empty(), options)
        .map_err(|e| Error::io("mount", at, e))
}
