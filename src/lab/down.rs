//! Taking a lab down: the journal, backwards. Needs none of the lab's own daemons.

use super::directory::no_lab;
use super::{FENCE, fence};
use crate::change::{Change, Daemon, Undoer};
use crate::context::Context;
use crate::error::Result;
use crate::libvirt::hypervisor::{Hypervisor, LXC};
use crate::libvirt::virsh;
use crate::machine;
use crate::set::discover;
use crate::state::State;

/// Takes the lab of this context away. Gives back how many changes were undone.
///
/// # Errors
/// [`crate::error::Kind::LeftBehind`] with the list of what had to stay.
pub(crate) fn down(context: &Context, name: &str) -> Result<usize> {
    virsh::connect(&context.host, &LXC)?;
    let found = discover::found(context, None)?;
    let mut state = match State::open_to_undo(context)? {
        Some(state) => state,
        None if found.is_empty() => {
            State::clear_unfinished(&context.state_dir)?;
            return Err(no_lab(context, name));
        }
        None => {
            context.report.warn(format!(
                "{} is gone; what carries its mark is removed",
                context.state_dir.display()
            ));
            let mut state = State::open_or_make(&context.state_dir)?;
            state.is_lost = true;
            state
        }
    };
    if state.is_lost {
        // Without a journal the path of its configuration alone tells of the daemon.
        state.journal.remember([Daemon {
            program: fence::PROGRAM.to_owned(),
            configuration: context.state_dir.join(FENCE).join(fence::CONFIGURATION),
        }]);
    }
    state.journal.remember(found);
    let undoer = Undoer::of(context, None);
    // The daemons that could start a container again go first.
    let daemons = |_: u64, change: &Change| matches!(change, Change::Daemons(_));
    let first = undoer.replay(&mut state.journal, daemons);
    pull_the_plugs(context, &state)?;
    let rest = undoer.replay(&mut state.journal, |_, _| true);
    let undone = first.undone + rest.undone;
    let again = format!("mend what is named, then run lxc-autogen lab down --name {name} again");
    for outcome in [first, rest] {
        outcome.into_result().map_err(|e| e.mend(again.clone()))?;
    }
    Ok(undone)
}

/// Ends all nodes at once, with everything that runs in them.
fn pull_the_plugs(context: &Context, state: &State) -> Result<()> {
    for machinery in machine::ALL {
        if machinery.hypervisor() != &LXC && !has_domains_of(state, machinery.hypervisor()) {
            continue;
        }
        let names = virsh::domains_of(&context.host, machinery.hypervisor(), &state.dir)?;
        machinery.unplug(&context.host, &names)?;
    }
    Ok(())
}

/// Whether the journal has domains of this hypervisor. One that has none need not be there.
fn has_domains_of(state: &State, hypervisor: &Hypervisor) -> bool {
    let uri = Some(hypervisor.uri);
    let mut changes = state.journal.outstanding();
    changes.any(|(_, change)| matches!(change, Change::Domains(it) if it.uri.as_deref() == uri))
}
