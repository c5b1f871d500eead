//! The names of a lab's nodes in this host's /etc/hosts, with `--hosts`.

use super::{Lab, names};
use crate::change::{Change, HostsBlock, Outside, Undoer};
use crate::context::Context;
use crate::error::Result;
use crate::host::hosts;
use crate::state::State;
use std::path::Path;

/// Refuses a file that could not be changed later.
///
/// # Errors
/// As [`hosts::check`].
pub(crate) fn check(lab: &Lab) -> Result<()> {
    match lab.spec.hosts {
        true => hosts::check(Path::new(hosts::PATH)),
        false => Ok(()),
    }
}

/// The lines of the block: guests are in networks of the nodes', and not reached from this host.
pub(crate) fn lines(lab: &Lab) -> Vec<String> {
    let nodes = lab.nodes();
    let known = names::known(&nodes).into_iter();
    // A name that has an address of either kind is tried by IPv6 first, which a packet filter of
    // this host's may not let through.
    let known = known.filter(|(address, _)| address.is_ipv4());
    known.map(|(ip, name)| format!("{ip} {name}")).collect()
}

/// Makes the block as the lab is, or takes it away when the lab is to have none. The lock of the
/// host must be held: others write to the same file.
///
/// # Errors
/// When the file cannot be read or written.
pub(crate) fn keep(context: &Context, state: &mut State, lab: &Lab) -> Result<()> {
    let is_block =
        |_: u64, change: &Change| matches!(change, Change::Outside(Outside::HostsBlock(_)));
    if !lab.spec.hosts {
        let undoer = Undoer::of(context, None);
        let outcome = undoer.replay(&mut state.journal, is_block);
        return outcome.into_result().map(drop);
    }
    let path = Path::new(hosts::PATH);
    let marker = hosts::marker_of_lab(&lab.spec.name, &lab.dir);
    state.journal.intend([HostsBlock {
        path: path.to_owned(),
        marker: marker.clone(),
    }])?;
    hosts::rewrite(path, |text| hosts::with_block(text, &marker, &lines(lab)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_that_this_host_reaches_has_a_line() {
        let mut lab = crate::lab::tests::sample(2, 1);
        lab.ipv6 = Some("fd6c::".parse().unwrap());
        assert_eq!(
            lines(&lab),
            [
                "172.31.200.11 lab-node1",
                "172.31.200.12 lab-node2",
                "172.31.200.51 lab-remote1"
            ]
        );
    }
}
