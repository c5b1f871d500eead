//! The options of lxc_autogen.sh, carried out in its order: verify, download, key, generate, CIB,
//! clone, and then what restores.

use super::choose::{Elsewhere, choose};
use super::generate::{push, roll_back};
use super::{Context, agent, cleanup, generate, join, key_gen, preview, shrink, verify};
use crate::cli::{Original, Shape, Share};
use crate::error::{Error, Result};
use crate::host::{lock, users};
use crate::journal::Scope;
use crate::pacemaker::config::Part;
use crate::state::State;

/// # Errors
/// Those of the single actions.
pub(super) fn run(
    context: &Context,
    actions: &Original,
    shape: &Shape,
    share: &Share,
) -> Result<()> {
    if shape.add_master {
        context
            .report
            .warn("-m/--add-master is deprecated: use -C/--add-clone instead");
    }
    let add_clone = shape.wants_clone();
    let restores = actions.restore_all || actions.restore_cib || actions.restore_libvirt;
    let named = actions.generate
        || actions.key_gen
        || actions.add_cib
        || add_clone
        || restores
        || actions.download_agent
        || actions.verify;
    // `lxc-autogen --containers 8` alone means generate.
    let generates = actions.generate || (!named && shape.containers.is_some());
    if !named && !generates {
        return Err(Error::usage("nothing to do is named")
            .mend("lxc-autogen up -c 8, or see lxc-autogen --help"));
    }
    if actions.verify {
        verify::run(context, shape, false)?;
    }
    if actions.download_agent {
        agent::run(context, &actions.agent_url, share)?;
    }
    if actions.key_gen && !generates {
        key_gen::run(context, share)?;
    }
    let part = match (actions.add_cib, add_clone) {
        (true, _) => Some(Part::All),
        (false, true) => Some(Part::Clone),
        (false, false) => None,
    };
    match part {
        _ if generates => generate::run(context, shape, share, part)?,
        Some(part) => add(context, shape, part)?,
        None => {}
    }
    match (
        actions.restore_all,
        actions.restore_cib,
        actions.restore_libvirt,
    ) {
        (true, _, _) => cleanup::run(context, Scope::All, share, &[]),
        (false, cib, libvirt) => {
            if cib {
                cleanup::run(context, Scope::Cib, share, &[])?;
            }
            if libvirt {
                cleanup::run(context, Scope::Libvirt, share, &[])?;
            }
            Ok(())
        }
    }
}

/// `-a` and `-C` of what was generated before.
fn add(context: &Context, shape: &Shape, part: Part) -> Result<()> {
    if context.common.dry_run {
        let saved = preview::saved(context)?;
        let choice = choose(context, shape, saved.as_ref(), &Elsewhere::default())?;
        return preview::print(context, &choice, preview::With::Add(part));
    }
    users::require_root("adding to the CIB")?;
    let _host = lock::host()?;
    let missing = || {
        Error::cant(format!(
            "nothing has been generated in {}",
            context.state_dir.display()
        ))
        .mend("generate first: -g -c N, or all at once: lxc-autogen up -c N")
    };
    let mut state = State::open(&context.state_dir)?.ok_or_else(missing)?;
    let saved = state.set.clone().ok_or_else(missing)?;
    let choice = choose(context, shape, Some(&saved), &Elsewhere::default())?;
    if choice.set.spec.containers != saved.spec.containers || !shrink::has_files(&state) {
        return Err(missing());
    }
    join::adopt(context, &mut state)?;
    match push(context, &mut state, &choice.set, part) {
        Ok(()) => Ok(()),
        Err(e) => Err(roll_back(context, &mut state, e)),
    }
}
