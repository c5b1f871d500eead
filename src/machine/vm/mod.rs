//! Virtual machines of QEMU.

mod console;
mod images;
mod logd;
mod shape;

use super::{Doing, Machinery, Seen};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::inside::Inside;
use crate::host::{Host, disk, files, mounts};
use crate::libvirt::hypervisor::{Hypervisor, QEMU};
use crate::libvirt::qemu;
use crate::libvirt::virsh::{self, DomainRow};
use crate::plan::{Blueprint, Machine, Made};
use crate::rootfs::Writer;
use crate::spec::Subnet;
use crate::state::State;
use crate::xml::El;
pub(crate) use images::runs_by_kvm;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Size of a machine's disk where no option says it, MiB; the file takes room only as far as it is
/// written.
const DISK_MIB: u32 = 2048;

/// How virtual machines are made, started, entered, watched and ended.
#[derive(Debug)]
pub(crate) struct Vm;

impl Machinery for Vm {
    fn hypervisor(&self) -> &'static Hypervisor {
        &QEMU
    }

    fn domain(&self, blueprint: &Blueprint) -> El {
        qemu::domain(blueprint)
    }

    /// Makes the images that the machines boot from and share, and starts the daemon that libvirt needs for
    /// them.
    fn prepare(&self, context: &Context, state: &mut State, all: &[Blueprint]) -> Result<()> {
        if all.is_empty() {
            return Ok(());
        }
        images::make(context, state, all)?;
        logd::start(context, state)
    }

    /// Logs of its virtiofsd, which libvirt names by its own aliases (libvirt 9.0,
    /// src/qemu/qemu_virtiofs.c, qemuVirtioFSCreateLogFilename).
    fn more_leftovers(&self, blueprint: &Blueprint) -> Vec<PathBuf> {
        let name = &blueprint.machine.name;
        let all = 0..blueprint.live().len();
        let log = |n| Path::new(QEMU.logs).join(format!("{name}-fs{n}-virtiofsd.log"));
        all.map(log).collect()
    }

    fn last_words(&self, directory: &Path) -> Vec<String> {
        console::end(&directory.join(qemu::CONSOLE))
    }

    /// A root as of any other machine, on a disk.
    fn write_root(
        &self,
        host: &Host,
        writer: &mut Writer,
        directory: &Path,
        made: &Made,
    ) -> Result<()> {
        let root = directory.join("rootfs");
        let mut entries = made.root.clone();
        entries.extend(shape::entries(&made.blueprint, &entries)?);
        writer.write(&root, &entries)?;
        let mib = made.blueprint.disk_mib.unwrap_or(DISK_MIB);
        disk::make(host, &root, &directory.join(qemu::DISK), mib)?;
        files::remove_tree(&root, &mounts::points()?)
    }

    /// They answer for themselves at once.
    fn settle(&self, _: &Host, _: &[Machine], _: &Subnet) -> Result<()> {
        Ok(())
    }

    fn give_memory(&self, _: &Host, name: &str, _: u32) -> Result<()> {
        Err(not_while_it_runs(name))
    }

    fn give_shm(&self, _: &Host, name: &str, _: &Seen, _: u32) -> Result<()> {
        Err(not_while_it_runs(name))
    }

    fn seen(&self, rows: &[DomainRow], names: &[String]) -> HashMap<String, Seen> {
        let rows = rows.iter().filter(|row| names.contains(&row.name));
        let seen = |row: &DomainRow| {
            let doing = match row.state.as_str() {
                "running" | "idle" => Doing::Runs,
                "paused" | "pmsuspended" => Doing::Paused,
                _ => Doing::Rests,
            };
            let said = row.state.clone();
            let pid = None;
            (row.name.clone(), Seen { doing, said, pid })
        };
        rows.map(seen).collect()
    }

    fn enter(
        &self,
        name: &str,
        _: &Seen,
        directory: &Path,
        environment: &[(String, String)],
    ) -> Option<Inside> {
        Some(Inside::by_port(name, directory, environment.to_vec()))
    }

    /// libvirt begins with SIGTERM, which ends QEMU at once, and nothing in the machine hears of it.
    fn unplug(&self, host: &Host, names: &[String]) -> Result<()> {
        virsh::end_all(host, &QEMU, names).map(drop)
    }
}

fn not_while_it_runs(name: &str) -> Error {
    Error::cant(format!(
        "{name} is a virtual machine, whose memory cannot be changed while it runs"
    ))
    .mend(format!("lxc-autogen lab restart {name}"))
}
