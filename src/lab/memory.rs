//! The memory that a lab takes.

use super::{Init, Lab};
use crate::checks::kernel::MIB_PER_GUEST;
use crate::checks::virtual_host;
use crate::error::{Error, Result};
use crate::plan::{Form, Kind, Machine};

/// Memory that a node takes at rest, MiB, measured on Debian 12 with Pacemaker 2.1.5, by its control
/// group: anonymous, shared and the kernel's. pcsd takes 100 of a machine's.
fn mib_of(lab: &Lab, kind: Kind) -> u64 {
    match (kind, lab.spec.init) {
        (Kind::Cluster, Init::Own) => 140,
        (Kind::Cluster, Init::Systemd) => 280,
        (Kind::Remote | Kind::Qnetd, Init::Systemd) => 140,
        (Kind::Remote | Kind::Qnetd | Kind::Guest, _) => MIB_PER_GUEST,
    }
}

/// Refuses a lab that this host's memory cannot hold, before it swaps to death.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with what it takes and what there is.
pub(super) fn check(lab: &Lab, saved: Option<&Lab>, available: Option<u64>) -> Result<()> {
    // The nodes of a lab that is there have their memory already.
    let needed = mib(lab).saturating_sub(saved.map_or(0, mib));
    match available {
        Some(available) if available < needed => Err(Error::cant(format!(
            "such a lab takes about {needed} MiB of memory, and {available} are available"
        ))
        .mend("make a smaller one")),
        _ => Ok(()),
    }
}

/// What a lab takes.
pub(super) fn mib(lab: &Lab) -> u64 {
    let nodes = lab.nodes().into_iter();
    let guests = MIB_PER_GUEST * u64::from(lab.spec.containers);
    let of = |node: Machine| match node.form {
        Form::Container => mib_of(lab, node.kind),
        Form::Virtual => virtual_host::takes(node.memory_mib).into(),
    };
    nodes.map(of).sum::<u64>() + guests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::sample;

    /// A lab of the sample's three cluster nodes and 100 remote nodes takes 3 × 140 + 102 × 8 MiB, its
    /// two guests with them; one that exists has what it takes already.
    #[test]
    fn a_lab_that_memory_cannot_hold() {
        let lab = sample(3, 100);
        let needed = 3 * 140 + 102 * MIB_PER_GUEST;
        let e = check(&lab, None, Some(needed - 1)).unwrap_err();
        assert_eq!(e.kind, crate::error::Kind::Cant);
        assert_eq!(
            e.message(),
            "such a lab takes about 1236 MiB of memory, and 1235 are available"
        );
        check(&lab, None, Some(needed)).unwrap();
        check(&lab, None, None).unwrap();
        let smaller = sample(3, 90);
        check(&lab, Some(&smaller), Some(10 * MIB_PER_GUEST)).unwrap();
        check(&lab, Some(&smaller), Some(10 * MIB_PER_GUEST - 1)).unwrap_err();
        let mut machines = sample(3, 1);
        machines.spec.init = Init::Systemd;
        let needed = 3 * 280 + 140 + 2 * MIB_PER_GUEST;
        check(&machines, None, Some(needed)).unwrap();
        check(&machines, None, Some(needed - 1)).unwrap_err();
    }
}
