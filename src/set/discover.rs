//! Finding this state directory's things by the marks they carry, where the journal is lost or is
//! another node's.

use crate::change::{self, Change};
use crate::context::Context;
use crate::error::Result;
use crate::pacemaker::cib::Cib;
use crate::state;

/// Changes told by things that carry this state directory's mark, whether the journal has them or
/// not.
pub(crate) fn found(context: &Context, cib: Option<&Cib>) -> Result<Vec<Change>> {
    let set = state::load_set(&context.state_dir).ok().flatten();
    change::found(context, cib, set.as_ref())
}
