//! `generate`: the key, the network and the containers' files.

use crate::checks::admission;
use crate::context::Context;
use crate::error::Result;
use crate::host::{lock, users};
use crate::libvirt::virsh;
use crate::pacemaker::config::{self, Part};
use crate::report::count;
use crate::set::push::push;
use crate::set::resolve::Choice;
use crate::set::rollback::roll_back;
use crate::set::{preview, shrink};
use crate::share::{Prepared, Shared, make_everywhere, prepare};
use crate::spec::{Sharing, Wanted};
use crate::state::State;

/// With a part, that is added to the CIB too: all that can be said against it is said before
/// anything is touched, and a failure puts back all of it.
///
/// # Errors
/// What is missing, before anything is touched; or what failed, after it was put back.
pub(super) fn run(
    context: &Context,
    wanted: &Wanted,
    sharing: &Sharing,
    part: Option<Part>,
) -> Result<()> {
    if context.options.dry_run {
        return preview::run(context, wanted, sharing, preview::With::Files(part));
    }
    users::require_root("generate")?;
    let _host = lock::host()?;
    let Prepared {
        choice,
        mut state,
        mut shared,
    } = prepare(context, wanted, sharing, |choice, state| {
        virsh::connect(&context.host)?;
        let leaves = state.is_some_and(|s| shrink::leaves_cib(s, &choice.set));
        if part.is_some() || leaves {
            admission::check(context, &choice.set)?;
        }
        Ok(())
    })?;
    let made = generate(context, &mut state, &choice, &mut shared).and_then(|()| match part {
        Some(part) => push(context, &mut state, &choice.set, part),
        None => Ok(()),
    });
    match made {
        Ok(()) => {
            let set = &choice.set;
            context.report.line(format!(
                "{} in {}, network {} on {}",
                count(set.spec.containers as usize, "container"),
                set.state_dir.display(),
                set.network,
                set.subnet
            ));
            Ok(())
        }
        Err(e) => {
            let e = shared.put_back(&mut state, e);
            Err(roll_back(context, &mut state, e))
        }
    }
}

fn generate(
    context: &Context,
    state: &mut State,
    choice: &Choice,
    shared: &mut Shared,
) -> Result<()> {
    make_everywhere(context, state, choice, shared)?;
    // What -a would push; it is written anew then, as the cluster is by that time.
    let cib = config::additions(&choice.set, Part::All, &preview::cluster(context));
    state.write("cib.xml", &cib.render())
}
