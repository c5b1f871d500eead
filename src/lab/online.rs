//! In a cluster node itself: waiting until it is online, for what need not start before that.

use crate::error::Result;
use crate::host::poll::{Poll, Seen};
use crate::host::{Host, signals};
use crate::pacemaker::tools;
use std::time::Duration;

/// How long a node waits. When it is not online by then, people need their tools in it all the more.
const PATIENCE: Duration = Duration::from_secs(300);

/// Returns when this node is online in its cluster, or patience has ended, and then `pause` has
/// passed. Each look is a crm_mon in every node of the lab, so it looks seldom.
///
/// # Errors
/// When it is interrupted.
pub(crate) fn await_own(host: &Host, pause: Duration) -> Result<()> {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let name = name.to_string_lossy();
    let mut poll = Poll::every(Duration::from_secs(3), PATIENCE);
    poll.look(|_| {
        let view = tools::view_within(host, Duration::from_secs(10));
        let nodes = view.map(|view| view.nodes).unwrap_or_default();
        let mine = nodes.get(&*name);
        let is_online = mine.is_some_and(|node| node.online && node.note.is_none());
        Ok(Seen::ready_if(is_online, ()))
    })?;
    signals::sleep(pause)
}
