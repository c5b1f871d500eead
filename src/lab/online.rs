//! In a cluster node itself: waiting until it is online, for what need not start before that.

use crate::error::Result;
use crate::host::poll::{Poll, Seen};
use crate::host::{Host, signals};
use crate::pacemaker::tools;
use std::time::{Duration, Instant};

/// How long a node waits. When it is not online by then, people need their tools in it all the more.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long a node that is online waits for the others, guest and remote nodes among them.
const FOR_OTHERS: Duration = Duration::from_secs(60);

/// Returns when this node and all others are online in its cluster, or patience has ended, and then
/// `pause` has passed: while others join, the processor is theirs. Each look is a crm_mon in every node of the lab, so it looks seldom.
///
/// # Errors
/// When it is interrupted.
pub(crate) fn await_own(host: &Host, pause: Duration) -> Result<()> {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let name = name.to_string_lossy();
    let mut poll = Poll::every(Duration::from_secs(3), PATIENCE);
    let mut since = None;
    poll.look(|_| {
        let view = tools::view_within(host, Duration::from_secs(10));
        let nodes = view.map(|view| view.nodes).unwrap_or_default();
        let mine = nodes.get(&*name);
        if !mine.is_some_and(|node| node.online && node.note.is_none()) {
            return Ok(Seen::Waiting(()));
        }
        let waits = since.get_or_insert_with(Instant::now).elapsed() < FOR_OTHERS;
        let all = nodes.values().all(|node| node.online);
        Ok(Seen::ready_if(all || !waits, ()))
    })?;
    signals::sleep(pause)
}
