//! The user that this process runs as, and the cluster's user and group.

use crate::error::{Error, Result};
use nix::unistd::{Gid, Group, Uid, User};

/// The group that Pacemaker's daemons share (configure option `--with-daemon-group`).
pub const HA_GROUP: &str = "haclient";
/// The user that Pacemaker's unprivileged daemons run as (configure option `--with-daemon-user`).
pub const HA_USER: &str = "hacluster";

/// Whether the effective user is root.
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Fails unless the effective user is root. `for_what` begins the error's message.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when the effective user is not root.
pub fn require_root(for_what: &str) -> Result<()> {
    root_or(
        for_what,
        "run it with sudo, or add --dry-run to see what it would do",
    )
}

/// The same for what only looks, or is done in a node: a dry run of it would need root, too.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when the effective user is not root.
pub fn require_root_even_dry(for_what: &str) -> Result<()> {
    root_or(for_what, "run it with sudo")
}

fn root_or(for_what: &str, mend: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    Err(Error::cant(format!(
        "{for_what} needs root, and this is uid {}",
        Uid::effective()
    ))
    .mend(mend))
}

/// The numeric id of the group haclient.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when there is no such group, that is, no Pacemaker.
pub fn haclient() -> Result<Gid> {
    match Group::from_name(HA_GROUP) {
        Ok(Some(group)) => Ok(group.gid),
        Ok(None) => Err(
            Error::cant(format!("there is no group {HA_GROUP} on this host"))
                .mend(super::packages::mend_for_tool("pacemakerd")),
        ),
        Err(e) => Err(Error::failed(format!("look up group {HA_GROUP}: {e}"))),
    }
}

/// The numeric id of the user hacluster; `None` when there is no such user.
pub fn hacluster() -> Option<Uid> {
    User::from_name(HA_USER).ok().flatten().map(|u| u.uid)
}
