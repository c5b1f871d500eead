//! Programs in a virtual machine, run from this host over a virtio-serial port: with their streams,
//! their exit status and a terminal, and without the machine's network.
//!
//! A port is one stream of bytes with an end on either side, and says little of whether somebody is
//! at the other: QEMU takes one connection after the other at the port's socket, and what one of them
//! has left half-sent stands in front of what the next one sends. So everything goes in packets that
//! carry the number of their session, and a packet that is not whole, or of another session, is
//! passed over.

mod agent;
mod client;
mod packet;
mod program;

pub(crate) use agent::serve;
pub(crate) use client::run;

/// Name of a port inside the machine, without its number.
pub(crate) const PORT: &str = "lxc-autogen";
/// Name of a port's socket on this host, without its number.
const SOCKET: &str = "port";
/// How many programs can run in a machine at once.
pub(crate) const PORTS: u32 = 8;

/// Path of the socket of a port, in the directory of the machine's files.
pub(crate) fn socket(directory: &std::path::Path, number: u32) -> std::path::PathBuf {
    directory.join(format!("{SOCKET}{number}"))
}
