//! `generate`: the key, the network and the containers' files.

use crate::checks::admission;
use crate::context::Context;
use crate::error::Result;
use crate::host::users;
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::virsh;
use crate::look::Look;
use crate::pacemaker::config::{self, Part};
use crate::report::count;
use crate::set::push::push;
use crate::set::resolve::Choice;
use crate::set::rollback::roll_back;
use crate::set::steps::{Goal, Steps};
use crate::set::{preview, shrink};
use crate::share::{Prepared, Shared, make_everywhere, prepare};
use crate::spec::{Sharing, Wanted};
use crate::state::{State, turn};
use std::slice::from_ref;

/// With a part, that part is added to the CIB too. All objections come before anything is changed,
/// and a failure undoes everything.
///
/// # Errors
/// The objection, before anything is changed; or the failure, after the changes were undone.
pub(super) fn run(
    context: &Context,
    wanted: &Wanted,
    sharing: &Sharing,
    part: Option<Part>,
) -> Result<()> {
    let goal = Goal::Files(part);
    if context.options.dry_run {
        return preview::run(&Look::new(context), wanted, sharing, goal);
    }
    users::require_root("generate")?;
    let _host = turn::host(context, from_ref(&context.state_dir))?;
    let look = Look::new(context);
    let Prepared {
        choice,
        mut state,
        mut shared,
        steps,
    } = prepare(&look, wanted, sharing, goal, |choice, state| {
        virsh::connect(&context.host, &LXC)?;
        let leaves = state.is_some_and(|s| shrink::leaves_cib(s, &choice.set));
        if part.is_some() || leaves {
            admission::check(&look, &choice.set)?;
        }
        Ok(())
    })?;
    let made =
        generate(&look, &mut state, &choice, &mut shared, &steps).and_then(|()| match part {
            Some(part) => push(&look, &mut state, &choice.set, part),
            None => Ok(()),
        });
    match made {
        Ok(()) => {
            let set = &choice.set;
            context.report.line(format!(
                "{} in {}, network {} on {}",
                count(set.spec.count() as usize, "container"),
                set.state_dir.display(),
                set.network,
                set.subnet
            ));
            Ok(())
        }
        Err(e) => {
            let e = shared.put_back(&mut state, e);
            Err(roll_back(&look, &mut state, e))
        }
    }
}

fn generate(
    look: &Look<'_>,
    state: &mut State,
    choice: &Choice,
    shared: &mut Shared,
    steps: &Steps,
) -> Result<()> {
    make_everywhere(look, state, choice, shared, steps)?;
    // The file that -a would add to the CIB; -a writes it anew then, for the cluster of that time.
    let cib = config::additions(&choice.set, Part::All, &preview::cluster(look, &choice.set));
    state.write("cib.xml", &cib.render())
}
