//! What a virtual machine boots: a kernel and its modules, as distributions have them, and an
//! initramfs of our own.

mod initramfs;
mod kernel;
mod probe;
mod store;
mod usr;

pub use crate::spec::KernelChoice as Choice;
pub use initramfs::Initramfs;
pub use kernel::Kernel;
pub use probe::{Acceleration, MODULES, WHERE_THERE, probe};
pub use store::{DIRECTORY, Store, VARIABLE};
pub use usr::squash;
