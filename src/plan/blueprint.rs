//! The description of one machine, as data. The code for each kind of machine makes files and a
//! libvirt domain from it ([`crate::libvirt::container`] for containers).

use super::{AUTHKEY_DIRECTORY, Form, Machine, Set, Virtual, system};
use crate::rootfs::{Entry, Layout};
use crate::spec::{Authkey, Subnet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// What root in a machine may do, from the fewest rights to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privileges {
    /// No mounting (root in a container could remount /usr writable with it), and no device nodes.
    Least,
    /// Mounting is allowed.
    Mounting,
    /// Mounting and making device nodes, which a libvirtd needs to start containers in this one.
    /// The devices control group still decides which devices can be opened.
    Nesting,
    /// As [`Privileges::Nesting`], and reboot(2), by which the machine is started again. It is for a
    /// PID 1 of ours, which lets no other program have it.
    Restarting,
}

/// One file system of a machine, besides its own root and the base tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A directory or file of the host.
    Host {
        /// Path on the host.
        source: PathBuf,
        /// Path in the machine.
        target: PathBuf,
        /// Whether the machine can only read it, not write.
        read_only: bool,
        /// Whether what is changed in it is seen in a virtual machine that runs; in a container it is
        /// in any case.
        live: bool,
    },
    /// An empty file system in memory.
    Memory {
        /// Size in MiB.
        mib: u32,
        /// Path in the machine.
        target: &'static str,
    },
    /// Hides the host's control groups from a machine that shares the host's kernel.
    NoGroups,
    /// Hides the file that reboots the kernel (/proc/sysrq-trigger) from a machine that shares the
    /// host's kernel.
    NoSysrq,
}

impl Mount {
    /// A directory or file of the host, mounted read-only.
    pub fn read_only(source: &Path, target: &Path) -> Mount {
        Mount::Host {
            source: source.to_owned(),
            target: target.to_owned(),
            read_only: true,
            live: false,
        }
    }

    /// The same for one that people change while the machine runs.
    pub fn live(source: &Path, target: &Path) -> Mount {
        Mount::Host {
            source: source.to_owned(),
            target: target.to_owned(),
            read_only: true,
            live: true,
        }
    }
}

/// A network card of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The host's bridge that the card is on.
    pub bridge: String,
    /// The machine's address there; the card's MAC address follows from it.
    pub address: Ipv4Addr,
    /// The prefix length of the bridge's subnet.
    pub prefix: u8,
    /// The machine's IPv6 address there, with a prefix of 64 bits.
    pub ipv6: Option<Ipv6Addr>,
    /// The host's address, where the machine's way out is through this card.
    pub gateway: Option<Ipv4Addr>,
}

impl Card {
    /// A card on a bridge with this subnet, through which the machine reaches everything.
    pub fn first(bridge: &str, address: Ipv4Addr, subnet: &Subnet) -> Card {
        Card {
            gateway: Some(subnet.host()),
            ..Card::another(bridge, address, subnet)
        }
    }

    /// A card on a bridge with this subnet, for that subnet alone.
    pub fn another(bridge: &str, address: Ipv4Addr, subnet: &Subnet) -> Card {
        Card {
            bridge: bridge.to_owned(),
            address,
            prefix: subnet.prefix(),
            ipv6: None,
            gateway: None,
        }
    }
}

/// Everything that the domain of a machine is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blueprint {
    /// The machine's names, addresses and memory.
    pub machine: Machine,
    /// The state directory of the set or lab, which goes into our mark in the domain's metadata.
    pub state_dir: PathBuf,
    /// The directory of the machine's own files.
    pub directory: PathBuf,
    /// Size in MiB of the machine's disk, a file with a file system of its own; without one the
    /// machine's root is a directory of the host's, and ends where the host's file system ends.
    pub disk_mib: Option<u32>,
    /// The base tree, which the machine's /usr comes from.
    pub layout: Layout,
    /// The program that runs as PID 1, and its arguments.
    pub init: Vec<String>,
    /// Environment variables of PID 1, as (name, value).
    pub environment: Vec<(String, String)>,
    /// What root in the machine may do.
    pub privileges: Privileges,
    /// The emulator: the program that libvirt runs the machine with.
    pub emulator: PathBuf,
    /// What is mounted over the root and the base tree, in this order.
    pub mounts: Vec<Mount>,
    /// The machine's network cards, eth0 first.
    pub cards: Vec<Card>,
    /// Block devices of the host that the machine can use, as (path on the host, name in the
    /// machine's /dev).
    pub disks: Vec<(PathBuf, String)>,
    /// Character devices of the host that the machine can use.
    pub devices: &'static [&'static str],
    /// How it runs, when it is a virtual machine.
    pub vm: Virtual,
}

/// Everything that is written for a machine before its first start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What the machine's domain is made from.
    pub blueprint: Blueprint,
    /// Everything in the machine's own root. A directory stands before the entries in it.
    pub root: Vec<Entry>,
    /// Texts for people, written beside the root, as (file name, content).
    pub beside: Vec<(&'static str, String)>,
}

/// The blueprint of one machine of a set.
pub fn blueprint(set: &Set, machine: &Machine) -> Blueprint {
    Blueprint {
        machine: machine.clone(),
        state_dir: set.state_dir.clone(),
        directory: set.container_dir(&machine.name),
        disk_mib: None,
        layout: set.layout.clone(),
        init: match machine.form {
            Form::Container => vec![set.remoted.inside().display().to_string()],
            Form::Virtual => system::init(),
        },
        environment: match machine.form {
            Form::Container => set.environment.clone(),
            // Its init reads them from its own configuration.
            Form::Virtual => Vec::new(),
        },
        privileges: if set.spec.allow_mounts {
            Privileges::Mounting
        } else {
            Privileges::Least
        },
        emulator: set.emulator.clone(),
        mounts: match machine.form {
            Form::Container => mounts(set),
            Form::Virtual => system::mounts(set),
        },
        cards: vec![Card::first(&set.network, machine.address, &set.subnet)],
        disks: Vec::new(),
        devices: &[],
        vm: (set.spec.vms.as_ref()).map_or_else(Virtual::default, |vms| Virtual {
            cpus: vms.cpus,
            kvm: set.kvm,
            kernel: vms.kernel.clone(),
            ..Virtual::default()
        }),
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
    let shown = set.spec.binds.iter();
    all.extend(shown.map(|path| Mount::live(path, path)));
    all.extend(set.mask_sysrq.then_some(Mount::NoSysrq));
    all.push(Mount::Memory {
        mib: set.spec.shm_mib,
        target: "/dev/shm",
    });
    all.push(Mount::NoGroups);
    all
}
