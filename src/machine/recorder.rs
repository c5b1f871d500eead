//! A second kind of machine, for tests: it has no container's root and no container's domain, and
//! records the calls that it gets.

use super::{Doing, Lifetime, Machinery, Seen};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::inside::Inside;
use crate::libvirt::hypervisor::{Hypervisor, RECORDED};
use crate::libvirt::virsh::DomainRow;
use crate::plan::{Blueprint, Machine, Made};
use crate::rootfs::Writer;
use crate::spec::Subnet;
use crate::xml::El;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The file that this machinery writes in place of a machine's root.
pub(crate) const DISK: &str = "disk";

/// Records calls in their order.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// The calls, each with the names of its machines.
    pub calls: Mutex<Vec<String>>,
    /// The machines that a look finds, by name.
    pub seen: BTreeMap<String, Seen>,
    /// The call that fails, if any.
    pub fails: Option<&'static str>,
}

impl Recorder {
    pub(crate) const fn new() -> Recorder {
        Recorder {
            calls: Mutex::new(Vec::new()),
            seen: BTreeMap::new(),
            fails: None,
        }
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn asked<'a>(
        &self,
        call: &'static str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<()> {
        let names: Vec<&str> = names.into_iter().collect();
        let mut calls = self.calls.lock().unwrap();
        calls.push(format!("{call} {}", names.join(" ")));
        match self.fails {
            Some(failing) if failing == call => Err(Error::failed("it does not")),
            _ => Ok(()),
        }
    }
}

/// A running machine in this state, with our own process as its pid.
pub(crate) fn seen(doing: Doing, said: &str) -> Seen {
    Seen {
        doing,
        said: said.to_owned(),
        pid: Some(std::process::id()),
    }
}

impl Machinery for Recorder {
    fn hypervisor(&self) -> &'static Hypervisor {
        &RECORDED
    }

    fn domain(&self, blueprint: &Blueprint) -> El {
        El::new("recorded").text(&blueprint.machine.name)
    }

    fn write_root(&self, _: &Host, _: &mut Writer, directory: &Path, made: &Made) -> Result<()> {
        let disk = directory.join(DISK);
        std::fs::write(&disk, made.root.len().to_string()).unwrap();
        self.asked("write", [made.blueprint.machine.name.as_str()])
    }

    fn start(
        &self,
        _: &Host,
        wanted: &[(String, PathBuf)],
        lifetime: Lifetime,
        seen: &mut dyn FnMut(usize),
    ) -> Result<()> {
        seen(wanted.len());
        let call = match lifetime {
            Lifetime::Transient => "start-transient",
            Lifetime::Persistent => "start-persistent",
        };
        assert!(wanted.iter().all(|(_, xml)| xml.ends_with(super::DOMAIN)));
        self.asked(call, wanted.iter().map(|(name, _)| name.as_str()))
    }

    fn redefine(&self, _: &Host, files: &[PathBuf]) -> Result<()> {
        let directories = files
            .iter()
            .filter_map(|f| f.parent()?.file_name()?.to_str());
        self.asked("redefine", directories)
    }

    fn give_memory(&self, _: &Host, name: &str, _: u32) -> Result<()> {
        self.asked("give-memory", [name])
    }

    fn give_shm(&self, _: &Host, name: &str, _: &Seen, _: u32) -> Result<()> {
        self.asked("give-shm", [name])
    }

    fn settle(&self, _: &Host, machines: &[Machine], _: &Subnet) -> Result<()> {
        self.asked("settle", machines.iter().map(|m| m.name.as_str()))
    }

    fn seen(&self, _: &[DomainRow], _: &[String]) -> HashMap<String, Seen> {
        self.seen.clone().into_iter().collect()
    }

    fn watch(&self, _: &Host, names: &[String]) -> Result<HashMap<String, Seen>> {
        Ok(self.seen(&[], names))
    }

    fn enter(
        &self,
        name: &str,
        seen: &Seen,
        _: &Path,
        environment: &[(String, String)],
    ) -> Option<Inside> {
        Inside::of(name, seen.pid?, environment.to_vec()).ok()
    }

    fn unplug(&self, _: &Host, names: &[String]) -> Result<()> {
        self.asked("unplug", names.iter().map(String::as_str))
    }

    fn destroy(&self, _: &Host, names: &[String]) -> Result<()> {
        self.asked("destroy", names.iter().map(String::as_str))
    }
}
