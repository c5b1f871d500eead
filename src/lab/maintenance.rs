//! Fencing switched off for a while, for somebody who works in the nodes: in the cluster, which keeps
//! its fence devices. The lab remembers it, so that the next `lab up` switches it on again; what
//! somebody else has switched off is theirs.

use super::{Lab, wait};
use crate::change::{Change, StateFile, Undoer};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::files;
use crate::pacemaker::tools;
use crate::state::State;
use std::time::Duration;

/// Name of a file in the lab's directory that is there for as long.
const OFF: &str = "fencing-off";

/// The property by which a cluster fences; Pacemaker 3.0.2 and later take it too.
const PROPERTY: &str = "stonith-enabled";

/// Whether `lab fencing off` holds.
pub(crate) fn is_off(lab: &Lab) -> bool {
    files::exists(&lab.path(OFF))
}

/// Refuses labs whose cluster lxc-autogen has set up no fencing in.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with whose it is.
pub(crate) fn check(lab: &Lab) -> Result<()> {
    let name = &lab.spec.name;
    match (lab.spec.bare, lab.spec.fencing) {
        (true, _) => Err(
            Error::cant(format!("the cluster of lab {name} is yours")).mend(
                "in a node: pcs property set stonith-enabled=false, or crm configure property \
             stonith-enabled=false",
            ),
        ),
        (_, false) => Err(
            Error::cant(format!("lab {name} was made without fencing")).mend(format!(
                "lxc-autogen lab down --name {name}, then lab up without --fencing false"
            )),
        ),
        _ => Ok(()),
    }
}

/// Switches fencing off, or on again.
///
/// # Errors
/// As [`check`], and when no cluster node answers.
pub(crate) fn switch(
    context: &Context,
    state: &mut State,
    lab: &Lab,
    on: bool,
    patience: Duration,
) -> Result<()> {
    check(lab)?;
    let inside = wait::await_answer(context, lab, patience)?;
    if !on {
        state.write(OFF, "")?;
    }
    let value = on.to_string();
    tools::set_property(&inside.at(&context.host), PROPERTY, Some(&value))?;
    if on && is_off(lab) {
        let file = Change::from(StateFile::named(OFF)).key();
        let ours = |_: u64, change: &Change| change.key() == file;
        let outcome = Undoer::of(context, None).replay(&mut state.journal, ours);
        outcome.into_result()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fencing_that_the_lab_has_set_up_can_be_switched() {
        let mut lab = crate::lab::tests::sample(1, 0);
        check(&lab).unwrap();
        lab.spec.fencing = false;
        assert!(check(&lab).unwrap_err().message().contains("without"));
        lab.spec.bare = true;
        assert!(check(&lab).unwrap_err().message().contains("yours"));
    }
}
