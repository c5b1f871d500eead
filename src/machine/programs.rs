//! The programs that machines with an init of ours are shown, in the state directory.

use crate::change::{InState, StateFile};
use crate::error::{Error, Result};
use crate::host::files::{self, Attributes, Existing};
use crate::plan::{PROGRAM, PROGRAMS};
use crate::state::State;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Copies this program, and the pacemaker-remoted that is not in the base tree, to where all machines
/// see them.
///
/// # Errors
/// When somebody else's file has the directory's name, or a file cannot be written.
pub(crate) fn copy(state: &mut State, remoted: Option<&Path>) -> Result<()> {
    let ours: InState = StateFile::named(PROGRAMS).into();
    state.claim(&ours)?;
    state.journal.intend([ours])?;
    let directory = state.dir.join(PROGRAMS);
    match DirBuilder::new().mode(0o700).create(&directory) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::io("make directory", &directory, e));
        }
        _ => {}
    }
    files::set_directory_attributes(&directory, Attributes::root(0o755))?;
    let ourselves = std::env::current_exe()
        .map_err(|e| Error::failed(format!("find this program's own file: {e}")))?;
    let mut wanted = vec![(PROGRAM, ourselves)];
    if let Some(remoted) = remoted.filter(|path| path.exists()) {
        wanted.push(("pacemaker-remoted", remoted.to_owned()));
    }
    for (name, from) in wanted {
        let to = directory.join(name);
        let bytes = fs::read(&from).map_err(|e| Error::io("read", &from, e))?;
        if files::read_optional(&to)?.as_ref() != Some(&bytes) {
            files::write_atomic(&to, &bytes, Attributes::root(0o755), Existing::Replace)?;
        }
    }
    Ok(())
}
