//! Having other nodes undo what was done there.

use super::{Batch, Item, Undoer};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::journal::{Scope, Undo};
use crate::peer::{Answer, Request, Session, Target, each, open};
use std::path::Path;
use std::time::Duration;

/// How long a node may take to undo its part: containers that hang are waited for.
const UNDONE_WITHIN: Duration = Duration::from_secs(300);

/// Each node undoes its part, all side by side. Only when nothing is left on any of them do they
/// forget each other: until then each of them knows where something is, and can finish it.
pub(super) fn undo(undoer: &Undoer<'_>, items: &[Item]) -> Batch {
    let mut batch = Batch::default();
    let (lost, asked): (Vec<&Item>, Vec<&Item>) = items.iter().partition(
        |(_, undo)| matches!(undo, Undo::Peer { target } if undoer.forget.contains(&target.node)),
    );
    let results = each(&asked, |(_, undo)| match undo {
        Undo::Peer { target } => ask(
            undoer.host,
            undoer.state_dir,
            target,
            &Request::Undo {
                scope: Scope::All,
                force: undoer.cluster_down,
                forget: undoer.forget.clone(),
            },
        ),
        other => Err(Error::failed(format!("{} is no node", other.key()))),
    });
    let mut done = Vec::new();
    for ((_, undo), result) in asked.iter().zip(results) {
        match result {
            Ok(asked) if asked.remains.is_empty() => done.push((undo, asked.session)),
            Ok(asked) => batch.keep(undo, asked.remains.join("; ")),
            Err(e) => batch.keep(undo, e.to_string().replace('\n', ";")),
        }
    }
    if !batch.remains.is_empty() {
        return batch;
    }
    let released = each(done, |(undo, session)| (undo, release(session)));
    for (undo, result) in released {
        if let Err(e) = result {
            batch.keep(undo, e.to_string().replace('\n', ";"));
        }
    }
    if batch.remains.is_empty() {
        batch.undone = lost.iter().chain(&asked).map(|(seq, _)| *seq).collect();
    }
    batch
}

/// What a node said of its part, and the node.
pub(crate) struct Asked {
    session: Session,
    /// How many changes it undid.
    pub undone: usize,
    /// What stays there.
    pub remains: Vec<String>,
}

/// Has a node undo something.
///
/// # Errors
/// When it cannot be asked.
pub(crate) fn ask(
    host: &Host,
    state_dir: &Path,
    target: &Target,
    request: &Request,
) -> Result<Asked> {
    let mut session = open(host, target, state_dir)?;
    match session.ask(request, UNDONE_WITHIN)? {
        Answer::Undone(undone, remains) => Ok(Asked {
            session,
            undone,
            remains,
        }),
        _ => Err(session.unexpected()),
    }
}

/// Has a node on which nothing is left forget the others.
///
/// # Errors
/// When something is left after all.
pub(crate) fn release(mut session: Session) -> Result<()> {
    match session.ask(&Request::Release, UNDONE_WITHIN)? {
        Answer::Done => Ok(()),
        _ => Err(session.unexpected()),
    }
}

impl Asked {
    /// The node, to be asked more.
    pub(crate) fn into_session(self) -> Session {
        self.session
    }
}
