//! What all virtual machines of a set or lab boot from and share: kernel, initramfs, and two images.

use super::shape::others;
use crate::boot::{Acceleration, Choice, Initramfs, Kernel, MODULES, Store, WHERE_THERE, squash};
use crate::change::{InState, StateFile};
use crate::context::Context;
use crate::error::{Context as _, Error, Result};
use crate::host::command::Cmd;
use crate::host::virtiofsd::READ_ONLY;
use crate::host::{Host, files, mounts};
use crate::libvirt::qemu::{HOST, IMAGES, INITRAMFS, KERNEL, MODULES as MODULES_IMAGE, USR};
use crate::plan::{Blueprint, Mount, Usr, Virtual, Watchdog};
use crate::report::Stage;
use crate::state::State;
use crate::supervisor::boot::Task;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

/// Makes them, or makes them anew; a machine that runs keeps what it has until its next start.
///
/// # Errors
/// When the kernel cannot be had or an image cannot be made; a name is taken by somebody else's file.
pub(super) fn make(context: &Context, state: &mut State, all: &[Blueprint]) -> Result<()> {
    let ours: InState = StateFile::named(IMAGES).into();
    state.claim(&ours)?;
    state.journal.intend([ours])?;
    let directory = state.dir.join(IMAGES);
    match DirBuilder::new().mode(0o700).create(&directory) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::io("make directory", &directory, e));
        }
        _ => {}
    }
    let Some(first) = all.first() else {
        return Ok(());
    };
    let host = &context.host;
    let kernel = kernel(context, &first.vm.kernel)?;
    put(&kernel.image, &directory.join(KERNEL))?;
    let store = Store::open()?;
    if first.vm.usr != Usr::Virtiofs {
        let mut stage = None;
        let usr = store.usr(host, &first.layout, first.vm.usr == Usr::Full, |percent| {
            let stage = stage.get_or_insert_with(|| context.report.stage("image of /usr, %", 100));
            stage.at(percent);
        })?;
        stage.into_iter().for_each(Stage::done);
        put(&usr, &directory.join(USR))?;
    }
    put(
        &store.modules(host, &kernel)?,
        &directory.join(MODULES_IMAGE),
    )?;
    drop(store);
    let program = program()?;
    let mut modules = modules(host, &kernel, &first.vm, all)?;
    for name in WHERE_THERE {
        let more = kernel.modules(host, &[name]).unwrap_or_default();
        modules.extend(
            more.into_iter()
                .filter(|it| !modules.contains(it))
                .collect::<Vec<_>>(),
        );
    }
    read_only_daemon(&directory, &program)?;
    replace(&directory.join(INITRAMFS), |new| {
        Initramfs::write(host, new, &program, &modules, Task::Root)
    })?;
    of_host(host, &directory, &sources(all))
}

/// The modules that all machines load at their start.
fn modules(host: &Host, kernel: &Kernel, how: &Virtual, all: &[Blueprint]) -> Result<Vec<PathBuf>> {
    let has_live = all.iter().any(|blueprint| !blueprint.live().is_empty());
    let names: Vec<&str> = (MODULES.iter().copied())
        .chain(has_live.then_some("virtiofs"))
        .chain(how.watchdog.map(Watchdog::name))
        .collect();
    let mend = "--kernel names another one: generic has all modules";
    (kernel.modules(host, &names)).map_err(|e| e.mend(mend))
}

/// libvirt starts the daemon of a read-only directory by a link to this program. Where an administrator
/// has AppArmor confine libvirtd, it may start what is in /usr/bin and /usr/sbin (libvirt 9.0,
/// src/security/apparmor/usr.sbin.libvirtd.in): so it is the installed one, and not the lab's copy.
fn read_only_daemon(directory: &Path, program: &Path) -> Result<()> {
    let link = directory.join(READ_ONLY);
    replace(&link, |new| {
        symlink(program, new).map_err(|e| Error::io("link", new, e))
    })
}

/// The kernel that machines boot, fetched where there is none.
///
/// # Errors
/// When it cannot be had.
fn kernel(context: &Context, choice: &Choice) -> Result<Kernel> {
    Store::open()?.kernel(&context.host, choice, |package| {
        context
            .report
            .line(format!("fetching {package} for virtual machines"));
    })
}

/// Whether machines run by KVM here, tried where it is not known, and their kernel has this watchdog.
///
/// # Errors
/// When no kernel can be had, it has no such watchdog, or no machine boots.
pub(crate) fn runs_by_kvm(
    context: &Context,
    choice: &Choice,
    watchdog: Option<Watchdog>,
) -> Result<bool> {
    let kernel = kernel(context, choice)?;
    let how = Virtual {
        watchdog,
        ..Virtual::default()
    };
    modules(&context.host, &kernel, &how, &[])?;
    if !files::exists(Path::new("/dev/kvm")) {
        return Ok(false);
    }
    let by = Store::open()?.acceleration(&context.host, &kernel, &program()?, || {
        context
            .report
            .line("trying whether virtual machines run by KVM here");
    })?;
    Ok(by == Acceleration::Kvm)
}

fn program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Error::failed(format!("find this program's own file: {e}")))
}

/// Has the file of this name be that one; where both are on one file system it stays when the other name
/// goes.
fn put(from: &Path, to: &Path) -> Result<()> {
    replace(to, |new| {
        fs::hard_link(from, new)
            .or_else(|_| symlink(from, new))
            .map_err(|e| Error::io("link", new, e))
    })
}

fn replace(path: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let new = files::temporary_name(path);
    files::remove_file(&new)?;
    make(&new)?;
    fs::rename(&new, path).map_err(|e| Error::io("name", path, e))
}

/// What of this host the machines see besides /usr.
fn sources(all: &[Blueprint]) -> BTreeSet<PathBuf> {
    let of = |blueprint: &Blueprint| {
        let layout = &blueprint.layout;
        let trees = others(&layout.trees).map(|tree| layout.base.join(tree));
        let mounts = blueprint.mounts.iter().filter_map(|mount| match mount {
            Mount::Host {
                source,
                live: false,
                ..
            } => Some(source.clone()),
            _ => None,
        });
        trees.chain(mounts).collect::<Vec<_>>()
    };
    all.iter().flat_map(of).collect()
}

/// The image of these directories and files, each at its own path in it.
fn of_host(host: &Host, directory: &Path, sources: &BTreeSet<PathBuf>) -> Result<()> {
    let stage = directory.join("stage");
    files::remove_tree(&stage, &mounts::points()?)?;
    fs::create_dir(&stage).map_err(|e| Error::io("make directory", &stage, e))?;
    for source in sources {
        let above = source.parent().unwrap_or(source);
        let into = stage.join(above.strip_prefix("/").unwrap_or(above));
        fs::create_dir_all(&into).map_err(|e| Error::io("make directory", &into, e))?;
        // Not by its --parents: that of coreutils 9.1 fails for absolute paths.
        Cmd::new("cp")
            .arg("--archive")
            .arg(source)
            .arg(&into)
            .ok(host)
            .context("copy what virtual machines see of this host")?;
    }
    replace(&directory.join(HOST), |new| squash(host, &stage, new))?;
    files::remove_tree(&stage, &mounts::points()?)
}
