//! What a virtual machine is made up of, as it reads it from its own disk.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a virtual machine is made up of besides its own root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The host name.
    pub name: String,
    /// Read-only images, in this order.
    pub images: Vec<Image>,
    /// Directories of the host by virtiofs, in this order.
    #[serde(default)]
    pub shared: Vec<Shared>,
    /// Directories and files that are seen at other places too, in this order.
    pub binds: Vec<Bind>,
    /// File systems in memory, as (path, size in MiB).
    pub memory: Vec<(PathBuf, u32)>,
    /// Network cards, eth0 first.
    pub cards: Vec<Nic>,
    /// The program that PID 1 becomes, and its arguments.
    pub init: Vec<String>,
    /// Its environment, as (name, value).
    pub environment: Vec<(String, String)>,
}

/// A disk with a squashfs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The disk's serial number.
    pub serial: String,
    /// Path at which it is mounted.
    pub at: PathBuf,
}

/// A directory of the host that is seen as it is at each moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// Its tag.
    pub tag: String,
    /// Path at which it is mounted.
    pub at: PathBuf,
    /// Whether it can only be read.
    pub read_only: bool,
}

/// A directory or file, seen at another place too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Path of what is there.
    pub from: PathBuf,
    /// Path where it is seen.
    pub to: PathBuf,
}

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nic {
    /// MAC address, by which it is found.
    pub mac: String,
    /// Addresses, each with the length of its prefix.
    pub addresses: Vec<String>,
    /// The way out.
    pub gateway: Option<String>,
}
