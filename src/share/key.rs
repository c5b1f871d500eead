//! Choosing the authentication key that all nodes are to have, before anything is changed on any of
//! them.

use super::Member;
use crate::change::authkey as change;
use crate::error::{Error, Result};
use crate::host::files;
use crate::pacemaker::authkey;
use crate::peer::Key;
use crate::state::State;
use std::path::Path;

/// The authentication key that all nodes are to have.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The key of the other nodes, where this node has none.
    theirs: Option<Vec<u8>>,
    replace: bool,
}

/// This node's key; where it has none, the key of the other nodes; where those have none either, a
/// new one.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when nodes have different keys and none may be replaced, or one is
/// not usable.
pub(crate) fn choose(members: &[Member], replace: bool) -> Result<Choice> {
    let ours = files::read_optional(Path::new(authkey::PATH))?;
    let digest = ours.as_deref().map(files::sha256);
    let mut theirs: Option<&Member> = None;
    for member in members {
        let node = &member.session.target.node;
        if let Some((what, mend)) = &member.facts.key_fault {
            return Err(Error::cant(format!("{node}: {what}")).mend(format!("on {node}: {mend}")));
        }
        let Some(has) = &member.facts.key else {
            continue;
        };
        let wanted = digest
            .as_ref()
            .or(theirs.and_then(|t| t.facts.key.as_ref()));
        match wanted {
            Some(wanted) if wanted != has && !replace => {
                return Err(authkey::another_key(&format!(
                    "{} on {node}",
                    authkey::PATH
                )));
            }
            Some(_) => {}
            None => theirs = Some(member),
        }
    }
    Ok(Choice {
        theirs: theirs.and_then(|t| t.facts.key_bytes.clone()),
        replace,
    })
}

impl Choice {
    /// Sees to it that this node has the chosen key, or a new one where no node has any.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn take(&self, state: &mut State) -> Result<()> {
        match &self.theirs {
            Some(key) => change::put(&mut state.journal, &state.dir, key, false),
            None => change::make(&mut state.journal).map(drop),
        }
    }

    /// The key to send to the other nodes: the one that this node has by now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn for_others(&self) -> Result<Option<Key>> {
        Ok(
            files::read_optional(Path::new(authkey::PATH))?.map(|bytes| Key {
                bytes,
                replace: self.replace,
            }),
        )
    }
}
