//! What one machine is made of, as data. What that is on disk and in libvirt is up to the kind of
//! machine ([`crate::libvirt::container`] for containers).

use super::{AUTHKEY_DIRECTORY, Machine, Set};
use crate::rootfs::{Entry, Layout};
use crate::spec::{Authkey, Subnet};
use std::path::{Path, PathBuf};

/// What root in a machine may do, besides what the least of them may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privileges {
    /// The least: no mounting (with it root in a container could remount /usr writable), no
    /// device nodes.
    Least,
    /// Mounting is allowed.
    Mounting,
    /// What a libvirtd needs to start containers in this one: mounting and device nodes. Which
    /// devices can be opened is still up to the devices control group.
    Nesting,
}

/// One file system that a machine has besides its own root and the base tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A directory or file of the host.
    Host {
        /// On the host.
        source: PathBuf,
        /// In the machine.
        target: PathBuf,
        /// Whether the machine can only read it.
        read_only: bool,
    },
    /// Memory.
    Memory {
        /// Its size.
        mib: u32,
        /// In the machine.
        target: &'static str,
    },
    /// The host's control groups are out of reach, where a machine shares the host's kernel.
    NoGroups,
    /// The file that reboots is out of reach, where the kernel it reboots is the host's.
    NoSysrq,
}

impl Mount {
    /// Read-only, at another place.
    pub fn read_only(source: &Path, target: &Path) -> Mount {
        Mount::Host {
            source: source.to_owned(),
            target: target.to_owned(),
            read_only: true,
        }
    }
}

/// What the domain of a machine says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blueprint {
    /// Names, address, memory.
    pub machine: Machine,
    /// The state directory of its set or lab, for our mark.
    pub state_dir: PathBuf,
    /// The directory of its own files.
    pub directory: PathBuf,
    /// The tree that its /usr comes from.
    pub layout: Layout,
    /// PID 1 and its arguments.
    pub init: Vec<String>,
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// What root in it may do.
    pub privileges: Privileges,
    /// The program that libvirt runs it with.
    pub emulator: PathBuf,
    /// What is mounted over root and base tree, in this order.
    pub mounts: Vec<Mount>,
    /// The bridge that its one network card is on.
    pub bridge: String,
    /// The subnet there, whose host address is its gateway.
    pub subnet: Subnet,
    /// Character devices of the host that it gets.
    pub devices: &'static [&'static str],
}

/// What is written for a machine before its first start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What its domain says.
    pub blueprint: Blueprint,
    /// Everything in its own root; parents stand before what is in them.
    pub root: Vec<Entry>,
    /// Texts for whoever looks, beside the root: name and content.
    pub beside: Vec<(&'static str, String)>,
}

/// The blueprint of one machine of a set.
pub fn blueprint(set: &Set, machine: &Machine) -> Blueprint {
    Blueprint {
        machine: machine.clone(),
        state_dir: set.state_dir.clone(),
        directory: set.container_dir(&machine.name),
        layout: set.layout.clone(),
        init: vec![set.remoted.inside().display().to_string()],
        environment: set.environment.clone(),
        privileges: if set.spec.allow_mounts {
            Privileges::Mounting
        } else {
            Privileges::Least
        },
        emulator: set.emulator.clone(),
        mounts: mounts(set),
        bridge: set.network.clone(),
        subnet: set.subnet,
        devices: &[],
    }
}

fn mounts(set: &Set) -> Vec<Mount> {
    let remoted = set.remoted.bind_source();
    let mut all: Vec<Mount> = remoted
        .map(|source| Mount::read_only(source, set.remoted.inside()))
        .into_iter()
        .collect();
    if set.spec.authkey == Authkey::Bind {
        let directory = Path::new(AUTHKEY_DIRECTORY);
        all.push(Mount::read_only(directory, directory));
    }
    all.extend(set.mask_sysrq.then_some(Mount::NoSysrq));
    all.push(Mount::Memory {
        mib: set.spec.shm_mib,
        target: "/dev/shm",
    });
    all.push(Mount::NoGroups);
    all
}
