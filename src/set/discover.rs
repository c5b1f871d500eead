//! Finding what is ours by the marks it carries, for a journal that is lost or another node's.

use crate::change::{self, Change};
use crate::context::Context;
use crate::error::Result;
use crate::pacemaker::cib::Cib;
use crate::state;

/// What carries the mark of this state directory, journaled or not.
pub(crate) fn found(context: &Context, cib: Option<&Cib>) -> Result<Vec<Change>> {
    let set = state::load_set(&context.state_dir).ok().flatten();
    change::found(context, cib, set.as_ref())
}
