//! From the initramfs of a virtual machine to its own root: its disks, what lies over its root, its
//! name and its network, without udev.

mod shape;

use crate::error::{Context, Error, Result};
use crate::host::Host;
use crate::host::command::Cmd;
use crate::host::poll::{Poll, Seen};
use nix::mount::{MsFlags, mount};
use nix::unistd::{chdir, chroot, sethostname};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use shape::{Bind, Image, Nic, Shape, Shared};

/// Path of the machine's own configuration, on its disk.
pub const CONFIG: &str = "/etc/lxc-autogen/machine.json";
/// Serial number of the disk with the machine's own root.
pub const ROOT_DISK: &str = "root";
/// Where the modules of its own kernel are: /usr/lib/modules is a link to it, or it is seen there too.
pub const MODULES_AT: &str = "/.modules";
/// Where the root is while the machine is still in its initramfs.
const ROOT: &str = "/root";
/// Path of this program in a machine.
const OURSELVES: &str = "/opt/lxc-autogen/lxc-autogen";
/// How long a disk may take to appear after its module is loaded.
const APPEARS: Duration = Duration::from_secs(20);

/// Mounts everything, leaves the initramfs, starts what the host runs programs by, and becomes the
/// machine's init.
///
/// # Errors
/// When a disk is missing or a step fails. Does not return otherwise.
pub(super) fn into_root() -> Result<()> {
    for (kind, at) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        mount_new(kind, kind, Path::new(at), MsFlags::empty(), None)?;
    }
    let root = disk(ROOT_DISK)?;
    mount_new(&root, "ext4", Path::new(ROOT), MsFlags::MS_NOATIME, None)?;
    let path = inside(Path::new(CONFIG));
    let text = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
    let shape: Shape = serde_json::from_slice(&text).map_err(|e| Error::io("read", &path, e))?;
    for image in &shape.images {
        let (device, at) = (disk(&image.serial)?, inside(&image.at));
        fs::create_dir_all(&at).map_err(|e| Error::io("make directory", &at, e))?;
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NODEV;
        mount_new(&device, "squashfs", &at, flags, None)?;
    }
    for it in &shape.shared {
        shared(it)?;
    }
    modules_in_usr(&shape)?;
    for bind in &shape.binds {
        let (from, to) = (inside(&bind.from), inside(&bind.to));
        mount_point(&from, &to)?;
        mount_with(Some(&from), &to, MsFlags::MS_BIND)?;
    }
    for at in ["/dev", "/proc", "/sys"] {
        mount_with(
            Some(Path::new(at)),
            &inside(Path::new(at)),
            MsFlags::MS_MOVE,
        )?;
    }
    in_memory(&shape)?;
    sethostname(&shape.name).map_err(|e| Error::failed(format!("set the host name: {e}")))?;
    leave_initramfs()?;
    network(&shape.cards)?;
    Cmd::new(OURSELVES).arg("node-agent").start()?;
    let (init, arguments) = shape
        .init
        .split_first()
        .ok_or_else(|| Error::failed("the machine has no init"))?;
    let cmd = Cmd::new(init).args(arguments);
    let variables = shape.environment.iter();
    Err(variables
        .fold(cmd, |cmd, (name, value)| cmd.env(name, value))
        .become_it())
}

fn shared(it: &Shared) -> Result<()> {
    let at = inside(&it.at);
    fs::create_dir_all(&at).map_err(|e| Error::io("make directory", &at, e))?;
    let read_only = [MsFlags::empty(), MsFlags::MS_RDONLY][usize::from(it.read_only)];
    mount_new(&it.tag, "virtiofs", &at, read_only, None)
}

/// Has the modules of this kernel in a /usr that is the host's own, which has none or others: by a link,
/// as the images of /usr have one, in a layer over it. (What is mounted in /usr would not be seen in a
/// node's own layer over all of it.)
fn modules_in_usr(shape: &Shape) -> Result<()> {
    let usr = inside(Path::new("/usr"));
    if !shape.shared.iter().any(|it| inside(&it.at) == usr) {
        return Ok(());
    }
    let layer = inside(Path::new("/.usr"));
    fs::create_dir_all(&layer).map_err(|e| Error::io("make directory", &layer, e))?;
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount_new("tmpfs", "tmpfs", &layer, safe, Some("mode=755"))?;
    let lib = layer.join("upper/lib");
    for new in [&lib, &layer.join("work")] {
        fs::create_dir_all(new).map_err(|e| Error::io("make directory", new, e))?;
    }
    let link = lib.join("modules");
    symlink(MODULES_AT, &link).map_err(|e| Error::io("link", &link, e))?;
    let (lower, layer) = (usr.display(), layer.display());
    let options = format!("lowerdir={lower},upperdir={layer}/upper,workdir={layer}/work");
    let flags = MsFlags::MS_RDONLY;
    mount_new("overlay", "overlay", &usr, flags, Some(&options))
}

/// Makes what is to be covered, where it is not there.
fn mount_point(from: &Path, to: &Path) -> Result<()> {
    let made = match (to.exists(), from.is_dir()) {
        (true, _) => Ok(()),
        (false, true) => fs::create_dir_all(to),
        (false, false) => {
            let above = to.parent().unwrap_or(to);
            fs::create_dir_all(above).and_then(|()| fs::File::create(to).map(drop))
        }
    };
    made.map_err(|e| Error::io("make", to, e))
}

fn inside(path: &Path) -> PathBuf {
    Path::new(ROOT).join(path.strip_prefix("/").unwrap_or(path))
}

fn mount_new(
    from: &str,
    kind: &str,
    at: &Path,
    flags: MsFlags,
    options: Option<&str>,
) -> Result<()> {
    mount(Some(from), at, Some(kind), flags, options)
        .map_err(|e| Error::io("mount", at, e))
        .context(format!("mount {from}"))
}

fn mount_with(from: Option<&Path>, at: &Path, flags: MsFlags) -> Result<()> {
    let none = None::<&str>;
    mount(from, at, none, flags, none).map_err(|e| Error::io("mount", at, e))
}

/// The device of the disk with this serial number (Linux, drivers/block/virtio_blk.c,
/// serial_show).
fn disk(serial: &str) -> Result<String> {
    let shown = Path::new("/sys/block");
    let has_it = |name: &String| {
        let said = fs::read_to_string(shown.join(name).join("serial"));
        said.is_ok_and(|said| said.trim() == serial)
    };
    let look = |_: &mut Poll| {
        let entries = fs::read_dir(shown).map_err(|e| Error::io("read", shown, e))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let found = names.into_iter().find(has_it);
        Ok(found.map_or(Seen::Waiting(()), |name| {
            Seen::Ready(format!("/dev/{name}"))
        }))
    };
    let poll = Poll::every(Duration::from_millis(20), APPEARS).uninterrupted();
    poll.until(look, |()| {
        Error::failed(format!("there is no disk called {serial}"))
    })
}

fn in_memory(shape: &Shape) -> Result<()> {
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let pts = inside(Path::new("/dev/pts"));
    let groups = inside(Path::new("/sys/fs/cgroup"));
    fs::create_dir_all(&pts).map_err(|e| Error::io("make directory", &pts, e))?;
    let options = Some("gid=5,mode=620,ptmxmode=666");
    mount_new("devpts", "devpts", &pts, MsFlags::MS_NOSUID, options)?;
    mount_new("cgroup2", "cgroup2", &groups, safe, None)?;
    for (path, mib) in &shape.memory {
        let at = inside(path);
        fs::create_dir_all(&at).map_err(|e| Error::io("make directory", &at, e))?;
        let options = format!("size={mib}m,mode={}", mode_of(path));
        mount_new("tmpfs", "tmpfs", &at, safe, Some(&options))?;
    }
    Ok(())
}

fn mode_of(path: &Path) -> &'static str {
    match path.ends_with("shm") {
        true => "1777",
        false => "755",
    }
}

/// Makes the machine's own root the top, and frees what the initramfs takes of memory.
fn leave_initramfs() -> Result<()> {
    for entry in walkdir::WalkDir::new("/")
        .same_file_system(true)
        .into_iter()
        .flatten()
    {
        if entry.file_type().is_file() {
            let _ = fs::remove_file(entry.path());
        }
    }
    let failed = |e: nix::Error| Error::failed(format!("make {ROOT} the root: {e}"));
    chdir(ROOT).map_err(failed)?;
    mount_with(Some(Path::new(".")), Path::new("/"), MsFlags::MS_MOVE)?;
    chroot(".").and_then(|()| chdir("/")).map_err(failed)
}

/// Gives the cards their names and addresses, by one ip(8).
fn network(cards: &[Nic]) -> Result<()> {
    let mut lines = "link set lo up\n".to_owned();
    for (number, card) in cards.iter().enumerate() {
        let (own, name) = (of_mac(&card.mac)?, format!("eth{number}"));
        if own != name {
            lines.push_str(&format!("link set {own} name {name}\n"));
        }
        for address in &card.addresses {
            let at_once = if address.contains(':') { " nodad" } else { "" };
            lines.push_str(&format!("address add {address} dev {name}{at_once}\n"));
        }
        lines.push_str(&format!("link set {name} up\n"));
        if let Some(gateway) = &card.gateway {
            lines.push_str(&format!("route add default via {gateway} dev {name}\n"));
        }
    }
    let program = ["/usr/sbin/ip", "/usr/bin/ip", "/sbin/ip"];
    let program = program.into_iter().find(|path| Path::new(path).exists());
    let program = program.ok_or_else(|| Error::cant("there is no ip(8) in the base tree"))?;
    Cmd::new(program)
        .args(["-batch", "-"])
        .stdin(lines)
        .ok(&Host::new(false))
        .map(drop)
        .context("set up the network")
}

fn of_mac(mac: &str) -> Result<String> {
    let shown = Path::new("/sys/class/net");
    let entries = fs::read_dir(shown).map_err(|e| Error::io("read", shown, e))?;
    let has_it = |name: &String| {
        let said = fs::read_to_string(shown.join(name).join("address"));
        said.is_ok_and(|said| said.trim() == mac)
    };
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .find(has_it)
        .ok_or_else(|| Error::failed(format!("there is no network card {mac}")))
}
