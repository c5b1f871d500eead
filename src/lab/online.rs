//! In a cluster node itself: waiting until it is online, for what need not start before that.

use super::GUESTS_DIR;
use crate::change::SET_FILE;
use crate::error::Result;
use crate::host::poll::{Poll, Seen};
use crate::host::{Host, files, signals};
use crate::pacemaker::tools;
use crate::plan::Set;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a node waits. When it is not online by then, people need their tools in it all the more.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long a node that is online waits for the others, guest and remote nodes among them.
const FOR_OTHERS: Duration = Duration::from_secs(60);

/// Returns when this node and all others are online in its cluster, or patience has ended, and then
/// `pause` has passed: while others join, the processor is theirs. Guest nodes count among them before
/// the cluster knows them, once their files are made. Each look is a crm_mon in every node of the lab,
/// so it looks seldom.
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
        let online = |name: &String| nodes.get(name).is_some_and(|node| node.online);
        let all = nodes.values().all(|node| node.online) && guests().iter().all(online);
        Ok(Seen::ready_if(all || !waits, ()))
    })?;
    signals::sleep(pause)
}

/// Names of the lab's guest nodes, in a cluster node; none where they cannot be read, for what waits
/// for them is no reason to fail.
fn guests() -> Vec<String> {
    let path = Path::new(GUESTS_DIR).join(SET_FILE);
    let read = files::read_optional(&path).ok().flatten();
    let set = read.and_then(|bytes| {
        let text = String::from_utf8_lossy(&bytes);
        Set::from_json(&text, &path.display().to_string()).ok()
    });
    let guests = set.map(|set| set.guests()).unwrap_or_default();
    guests.into_iter().map(|guest| guest.name).collect()
}
