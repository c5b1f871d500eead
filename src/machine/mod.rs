//! Machines: what nodes run on, and the network between them.

pub(crate) mod network;
