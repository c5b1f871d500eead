//! Adding a set that was generated before to the CIB.

use super::{cib, make, prestart};
use crate::checks::{admission, outlook};
use crate::error::{Error, Result};
use crate::libvirt::virsh;
use crate::look::Look;
use crate::pacemaker::config::Part;
use crate::plan::Set;
use crate::spec::NodeKind;
use crate::state::State;

/// Adds the generated set to the CIB. Like lxc_autogen.sh, it does not wait for the nodes.
///
/// # Errors
/// When a generated part of the set is missing or changed, or the cluster refuses the addition.
pub(crate) fn push(look: &Look<'_>, state: &mut State, set: &Set, part: Part) -> Result<()> {
    make::check_key(set)?;
    if !virsh::active_networks(&look.context.host)?.contains(&set.network) {
        return Err(
            Error::cant(format!("network {} is not active", set.network))
                .mend("start it with -g, or all at once: lxc-autogen up"),
        );
    }
    admission::check_version(look, set)?;
    admission::check(look, set)?;
    if part == Part::All {
        outlook::check(look, set, false)?;
    }
    let before = look.cib()?;
    state.save_set(set)?;
    if set.spec.kind == NodeKind::Remote && part == Part::All {
        cib::intend(state, set, part, &before)?;
        prestart::start(look, set, &prestart::of(look, set, &before)?)?;
    }
    cib::add(look, state, set, part, &before, None)?;
    look.context
        .report
        .line("added to the CIB; lxc-autogen status shows them come online");
    Ok(())
}
