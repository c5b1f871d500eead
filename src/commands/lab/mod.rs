//! `lab`: a whole cluster on this machine.

pub(super) mod cp;
pub(super) mod down;
pub(super) mod exec;
pub(super) mod fencing;
pub(super) mod graph;
pub(super) mod inventory;
pub(super) mod list;
pub(super) mod power;
pub(super) mod ssh_config;
pub(super) mod status;
pub(super) mod up;
pub(super) mod verify;
