//! The key that cluster and pacemaker-remoted share (Pacemaker Remote, "Authentication").

use crate::error::{Error, Result};
use crate::host::files::{self, Attributes, Existing};
use linux_keyutils::{KeyRing, KeyRingIdentifier};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Where Pacemaker looks for it (DEFAULT_REMOTE_KEY_LOCATION in Pacemaker 2.1.5).
pub const PATH: &str = "/etc/pacemaker/authkey";
/// Its directory, which `--authkey bind` binds.
pub const DIRECTORY: &str = crate::plan::AUTHKEY_DIRECTORY;
/// As many as lxc_autogen.sh and Pacemaker's documentation take.
pub const BYTES: usize = 4096;

/// What is wrong with a key, if anything.
///
/// # Errors
/// When it cannot be looked at.
pub fn check(path: &Path, haclient: u32) -> Result<Option<(String, String)>> {
    let shown = path.display();
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Some((
                format!("{shown} is missing"),
                "lxc-autogen key-gen".to_owned(),
            )));
        }
        Err(e) => return Err(Error::io("look at", path, e)),
    };
    let found = if metadata.is_symlink() {
        Some((
            "is a symlink, which a container cannot follow",
            format!("replace {shown} with the file itself"),
        ))
    } else if !metadata.is_file() {
        Some((
            "is no regular file",
            format!("remove {shown}, then lxc-autogen key-gen"),
        ))
    } else if metadata.len() == 0 {
        Some((
            "is empty",
            format!("remove {shown}, then lxc-autogen key-gen"),
        ))
    } else if !readable(&metadata, haclient) {
        Some((
            "cannot be read by group haclient",
            format!("chgrp haclient {shown} && chmod 0640 {shown}"),
        ))
    } else {
        return match path.parent() {
            Some(directory) => check_directory(directory, haclient),
            None => Ok(None),
        };
    };
    Ok(found.map(|(what, mend)| (format!("{shown} {what}"), mend)))
}

/// What is wrong with the key's directory, if anything; one that is not there will be made.
///
/// # Errors
/// When it cannot be looked at.
pub fn check_directory(directory: &Path, haclient: u32) -> Result<Option<(String, String)>> {
    if !files::exists(directory) {
        return Ok(None);
    }
    let metadata = directory
        .metadata()
        .map_err(|e| Error::io("look at", directory, e))?;
    let dir = directory.display();
    Ok((!searchable(&metadata, haclient)).then(|| {
        (
            format!("{dir} is a directory that group haclient cannot enter"),
            format!("chgrp haclient {dir} && chmod 0750 {dir}"),
        )
    }))
}

fn readable(metadata: &std::fs::Metadata, haclient: u32) -> bool {
    let mode = metadata.permissions().mode();
    mode & 0o004 != 0 || (metadata.gid() == haclient && mode & 0o040 != 0)
}

fn searchable(metadata: &std::fs::Metadata, haclient: u32) -> bool {
    let mode = metadata.permissions().mode();
    mode & 0o001 != 0 || (metadata.gid() == haclient && mode & 0o010 != 0)
}

/// The error about a key that must not be overwritten.
pub fn another_key(which: &str) -> Error {
    Error::cant(format!(
        "{which} is another key than that of the other nodes"
    ))
    .mend(
        "copy the right one to all of them, or --replace-authkey: the old one is kept, and cleanup \
         puts it back",
    )
}

/// How long Pacemaker's controller uses a key it has read, whatever the file says meanwhile
/// (Pacemaker 2.1.5 and 3.0.0, lib/lrmd/lrmd_client.c, key_cache_expired), in seconds.
pub const CACHED_FOR: u64 = 60;
/// The name of a key that was removed, in root's keyring.
const REMEMBERED: &str = "lxc-autogen:removed-authkey";

/// Remembers a key of ours that is being removed for as long as the controller may still use it:
/// a set made anew within that time would otherwise be refused with another key. It is in the
/// kernel's keyring, root's alone, and expires by itself. Where there is no keyring,
/// `set::wait` waits the time out.
pub fn remember(key: &[u8]) {
    remember_as(&remembered(), key);
}

/// The keyring is one for all of root's processes under a kernel, those in containers included: a
/// lab's nodes must not be given each other's keys, nor the host's.
fn remembered() -> String {
    let host = nix::unistd::gethostname().unwrap_or_default();
    format!("{REMEMBERED}:{}", host.to_string_lossy())
}

/// The second is part of the name: a key that has expired cannot be given a new time.
fn remember_as(name: &str, key: &[u8]) {
    // A kernel without keyrings: nothing to do.
    let _ = KeyRing::from_special_id(KeyRingIdentifier::User, false)
        .and_then(|ring| ring.add_key(&format!("{name}:{}", now()), key))
        .and_then(|kept| kept.set_timeout(CACHED_FOR as usize));
}

/// A key that was remembered, while it is.
pub fn recalled() -> Option<Vec<u8>> {
    recall(&remembered())
}

fn recall(name: &str) -> Option<Vec<u8>> {
    let ring = KeyRing::from_special_id(KeyRingIdentifier::User, false).ok()?;
    let now = now();
    let kept =
        (0..=CACHED_FOR).find_map(|age| ring.search(&format!("{name}:{}", now - age)).ok())?;
    let key = kept.read_to_vec().ok()?;
    (key.len() == BYTES).then_some(key)
}

fn now() -> u64 {
    std::time::UNIX_EPOCH
        .elapsed()
        .map_or(CACHED_FOR, |d| d.as_secs())
}

/// For how long the controller may still use another key than the one in the file.
pub fn settles_in() -> std::time::Duration {
    let age = std::fs::metadata(PATH)
        .and_then(|m| m.modified())
        .ok()
        .and_then(|t| t.elapsed().ok())
        .unwrap_or_default();
    std::time::Duration::from_secs(CACHED_FOR + 1).saturating_sub(age)
}

/// Writes a key with the owner and mode it must have.
///
/// # Errors
/// When it is there already, or writing fails.
pub fn write(path: &Path, key: &[u8], haclient: u32) -> Result<()> {
    files::write_atomic(path, key, attributes(haclient), Existing::Refuse)
}

/// Owner and mode of a key.
pub fn attributes(haclient: u32) -> Attributes {
    Attributes {
        mode: 0o640,
        uid: 0,
        gid: haclient,
    }
}

/// Containers whose copy of the key is not the host's any more.
///
/// # Errors
/// When a key cannot be read.
pub fn stale_copies(set: &crate::plan::Set) -> Result<Vec<String>> {
    let key = files::read_optional(Path::new(PATH))?;
    let mut stale = Vec::new();
    for guest in set.guests() {
        let copy = set
            .container_dir(&guest.name)
            .join("rootfs")
            .join(PATH.trim_start_matches('/'));
        if files::exists(&copy) && files::read_optional(&copy)? != key {
            stale.push(guest.name);
        }
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_removed_key_is_remembered_for_a_while() {
        let key = vec![7; BYTES];
        // Under another name: no real key may ever be this one.
        let name = "lxc-autogen:unit-test";
        remember_as(name, &key);
        match KeyRing::from_special_id(KeyRingIdentifier::User, false) {
            Ok(_) => assert_eq!(recall(name), Some(key)),
            Err(e) => assert_eq!(recall(name), None, "no keyring here: {e:?}"),
        }
    }

    #[test]
    fn each_fault_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("authkey");
        let group = fs::metadata(dir.path()).unwrap().gid();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).unwrap();
        let said = |group| {
            check(&path, group)
                .unwrap()
                .map(|(what, _)| what)
                .unwrap_or_default()
        };
        assert!(said(group).ends_with("is missing"));
        fs::write(&path, "").unwrap();
        assert!(said(group).ends_with("is empty"));
        fs::write(&path, "key").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(said(group), "");
        assert!(said(group + 1).ends_with("cannot be read by group haclient"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(said(group + 1).contains("directory that group haclient cannot enter"));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let what = check(&link, group).unwrap().unwrap().0;
        assert!(what.contains("is a symlink"), "{what}");
    }
}
