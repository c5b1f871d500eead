//! lxc-autogen: real Pacemaker clusters on one machine, in seconds, gone without a trace.
//!
//! Data flows one way: `cli` → `spec` → `plan` → `journal` and the doors to the host
//! (`host`, `libvirt`, `pacemaker`, `rootfs`) → `commands` → `report`.

pub mod cli;
pub mod error;
pub mod host;
pub mod journal;
pub mod libvirt;
pub mod pacemaker;
pub mod plan;
pub mod rootfs;
pub mod spec;
pub mod xml;
