//! What the virtual machines of a set are like.

use super::{Form, KernelChoice, Wanted};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The least memory of a virtual machine, MiB, with which Linux and systemd start.
pub(crate) const LEAST_MEMORY_MIB: u32 = 128;
/// The most processors of one.
pub(crate) const MOST_CPUS: u32 = 64;
/// Memory of one that runs pacemaker-remoted, MiB, unless an option says otherwise.
pub(crate) const REMOTE_MEMORY_MIB: u32 = 192;

/// What the virtual machines of a set are like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vms {
    /// Number of processors of each.
    pub cpus: u32,
    /// The kernel that they boot.
    pub kernel: KernelChoice,
}

impl Vms {
    /// Those of a new set; `None` for containers.
    ///
    /// # Errors
    /// A usage error for an option that only virtual machines have.
    pub(super) fn wanted(wanted: &Wanted) -> Result<Option<Vms>> {
        if wanted.machine == Some(Form::Virtual) {
            return Ok(Some(Vms {
                cpus: wanted.vm_cpus.unwrap_or(1),
                kernel: wanted.kernel.clone().unwrap_or_default(),
            }));
        }
        let given = [
            ("--kernel", wanted.kernel.is_some()),
            ("--vm-cpus", wanted.vm_cpus.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            None => Ok(None),
            Some((option, _)) => {
                let why = format!("{option} is for virtual machines, and containers are made");
                Err(Error::usage(why).mend("--machine vm, or leave it out"))
            }
        }
    }
}
