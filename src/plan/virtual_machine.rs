//! How a virtual machine runs, as data.

use super::{Blueprint, Mount};
use crate::boot::Choice;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a virtual machine runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Virtual {
    /// Number of processors.
    pub cpus: u32,
    /// Whether it runs by KVM, and not by emulation.
    pub kvm: bool,
    /// The kernel that it boots.
    #[serde(default)]
    pub kernel: Choice,
    /// The board that it is built on.
    #[serde(default)]
    pub board: Board,
    /// The watchdog that it has, if any.
    #[serde(default)]
    pub watchdog: Option<Watchdog>,
    /// What its /usr is.
    #[serde(default)]
    pub usr: Usr,
}

/// A board that QEMU knows (qemu-system-x86_64 -machine help).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Board {
    /// With PCI Express (Intel's Q35 of 2007).
    #[default]
    Q35,
    /// With PCI (Intel's i440FX of 1996).
    Pc,
}

impl Board {
    /// As libvirt and QEMU have it.
    pub fn name(self) -> &'static str {
        match self {
            Board::Q35 => "q35",
            Board::Pc => "pc",
        }
    }
}

/// A watchdog: unless it is told in time that all is well, it resets the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Watchdog {
    /// The kernel's own, by a timer (Linux, drivers/watchdog/softdog.c).
    Softdog,
    /// A device of QEMU's, whose driver generic kernels have and those for clouds do not (Linux,
    /// drivers/watchdog/i6300esb.c).
    // clap would make it i6300-esb.
    #[value(name = "i6300esb")]
    I6300esb,
}

impl Watchdog {
    /// The kernel's module, and libvirt's name of the device where it is one.
    pub fn name(self) -> &'static str {
        match self {
            Watchdog::Softdog => "softdog",
            Watchdog::I6300esb => "i6300esb",
        }
    }
}

/// What the /usr of a virtual machine is, below what the machine changes in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Usr {
    /// An image of the base tree's, without what no node needs.
    #[default]
    Lean,
    /// An image of all of it.
    Full,
    /// The base tree's itself, as it is at each moment, by virtiofs.
    Virtiofs,
}

/// A directory of this host that a virtual machine sees as it is at each moment, by virtiofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The name by which the machine mounts it.
    pub tag: String,
    /// Path on this host.
    pub source: PathBuf,
    /// Whether the machine can only read it, not write.
    pub read_only: bool,
}

/// The tag of the base tree's /usr.
pub const USR_TAG: &str = "usr";

impl Blueprint {
    /// What a virtual machine sees live, each directory once.
    pub fn live(&self) -> Vec<Live> {
        let usr = (self.vm.usr == Usr::Virtiofs).then(|| Live {
            tag: USR_TAG.to_owned(),
            source: self.layout.base.join("usr"),
            read_only: true,
        });
        let mut all: Vec<Live> = usr.into_iter().collect();
        for mount in &self.mounts {
            let Mount::Host {
                source,
                read_only,
                live: true,
                ..
            } = mount
            else {
                continue;
            };
            match all.iter_mut().find(|it| it.source == *source) {
                Some(known) => known.read_only &= read_only,
                None => all.push(Live {
                    tag: format!("live{}", all.len()),
                    source: source.clone(),
                    read_only: *read_only,
                }),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn options_keys_and_names_are_one() {
        for (watchdog, board) in [
            (Watchdog::Softdog, Board::Q35),
            (Watchdog::I6300esb, Board::Pc),
        ] {
            let option = watchdog.to_possible_value().unwrap();
            assert_eq!(option.get_name(), watchdog.name());
            let key = serde_json::to_value(watchdog).unwrap();
            assert_eq!(key, watchdog.name());
            assert_eq!(serde_json::to_value(board).unwrap(), board.name());
            assert_eq!(board.to_possible_value().unwrap().get_name(), board.name());
        }
    }
}
