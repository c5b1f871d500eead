//! Whether nodes can form one group: none may belong to another group, or hold another set in the
//! same state directory.

use super::Member;
use crate::change::{Change, Journal};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::files;
use crate::plan::Set;

/// Refuses nodes whose state directory holds another set than the one kept here.
pub(crate) fn on_sets(members: &[Member], saved: Option<&Set>) -> Result<()> {
    for member in members {
        let node = &member.session.target.node;
        let theirs = member.facts.set.as_ref();
        if let Some(theirs) = theirs.filter(|s| Some(s.mark()) != saved.map(Set::mark)) {
            return Err(Error::cant(format!(
                "{node}: there is another set in {}, with {} containers",
                theirs.state_dir.display(),
                theirs.spec.containers
            ))
            .mend(format!(
                "on {node}: lxc-autogen cleanup; or use another --state-dir and --prefix"
            )));
        }
    }
    Ok(())
}

/// The id of the group that this node or one of the members belongs to already, or a new one.
/// Refuses members of different groups.
pub(crate) fn on_group(context: &Context, members: &[Member]) -> Result<String> {
    let ours = Journal::peek(&context.state_dir)?
        .into_iter()
        .find_map(|change| match change {
            Change::Peers(peer) => Some(peer.group),
            _ => None,
        });
    let mut id = ours;
    for member in members {
        match (&id, &member.facts.group) {
            (Some(id), Some(theirs)) if id != theirs => {
                let node = &member.session.target.node;
                return Err(Error::cant(format!(
                    "{node}: what is in {} there belongs with other nodes",
                    context.state_dir.display()
                ))
                .mend(format!("on {node}: lxc-autogen cleanup")));
            }
            (None, Some(theirs)) => id = Some(theirs.clone()),
            _ => {}
        }
    }
    match id {
        Some(id) => Ok(id),
        None => Ok(files::sha256(&files::random_bytes(32)?)[..16].to_owned()),
    }
}
