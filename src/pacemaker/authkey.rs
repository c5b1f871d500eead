//! The authentication key that the cluster and pacemaker-remoted share (Pacemaker Remote,
//! "Authentication").

use crate::error::{Error, Result};
use crate::host::files::{self, Attributes, Existing};
use crate::plan::Form;
use linux_keyutils::{KeyRing, KeyRingIdentifier};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// The key's path (DEFAULT_REMOTE_KEY_LOCATION in Pacemaker 2.1.5).
pub const PATH: &str = "/etc/pacemaker/authkey";
/// The key's directory, which `--authkey bind` binds into the containers.
pub const DIRECTORY: &str = crate::plan::AUTHKEY_DIRECTORY;
/// The key's length: the one that lxc_autogen.sh and Pacemaker's documentation use.
pub const BYTES: usize = 4096;

/// What is wrong with a key, and how to mend it; `None` when nothing is. `haclient` is the group's
/// id.
///
/// # Errors
/// When the file cannot be looked at.
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

/// What is wrong with the key's directory, and how to mend it; `None` when nothing is, and when
/// there is no directory, since it will be made.
///
/// # Errors
/// When the directory cannot be looked at.
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

/// For how many seconds Pacemaker's controller uses a key that it has read, even if the file
/// changes meanwhile (Pacemaker 2.1.5 and 3.0.0, lib/lrmd/lrmd_client.c, key_cache_expired).
pub const CACHED_FOR: u64 = 60;
/// The beginning of the name, in root's keyring, of a key that was removed.
const REMEMBERED: &str = "lxc-autogen:removed-authkey";

/// Keeps a key of ours that is being removed for as long as the controller may still use it. A set
/// that is made again within that time takes the same key: with a new one its nodes would refuse
/// the controller. The key is kept in the kernel's keyring, which only root can read, and expires
/// by itself. Where the kernel has no keyring, `set::wait` waits that time instead.
pub fn remember(key: &[u8]) {
    remember_as(&remembered(), key);
}

/// The name of a removed key in the keyring, with the host name in it. All of root's processes
/// under one kernel share the keyring, those in containers included, and the nodes of a lab must
/// not get each other's keys or the host's.
fn remembered() -> String {
    let host = nix::unistd::gethostname().unwrap_or_default();
    format!("{REMEMBERED}:{}", host.to_string_lossy())
}

/// The time in seconds is part of the name, since a key that has expired cannot be given a new
/// timeout.
fn remember_as(name: &str, key: &[u8]) {
    // A kernel without keyrings: nothing to do.
    let _ = KeyRing::from_special_id(KeyRingIdentifier::User, false)
        .and_then(|ring| ring.add_key(&format!("{name}:{}", now()), key))
        .and_then(|kept| kept.set_timeout(CACHED_FOR as usize));
}

/// The key that [`remember`] kept, until it expires.
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

/// How long the controller may still use a key other than the one in the file.
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
/// When the file exists already, or writing fails.
pub fn write(path: &Path, key: &[u8], haclient: u32) -> Result<()> {
    files::write_atomic(path, key, attributes(haclient), Existing::Refuse)
}

/// Owner and mode of the key file.
pub fn attributes(haclient: u32) -> Attributes {
    Attributes {
        mode: 0o640,
        uid: 0,
        gid: haclient,
    }
}

/// Name of a file beside the disk of a virtual machine with the SHA-256 of its copy of the key, since
/// what is on the disk cannot be looked at while it runs.
pub const MARK: &str = "authkey.sha256";

/// Names of the containers and virtual machines whose copy of the key differs from the host's key.
///
/// # Errors
/// When a key cannot be read.
pub fn stale_copies(set: &crate::plan::Set) -> Result<Vec<String>> {
    let key = files::read_optional(Path::new(PATH))?;
    let mut stale = Vec::new();
    for guest in set.guests() {
        let directory = set.container_dir(&guest.name);
        let of = |key: &Vec<u8>| files::sha256(key);
        let (copy, key) = match guest.form {
            Form::Container => {
                let copy = directory.join("rootfs").join(PATH.trim_start_matches('/'));
                (copy, key.clone())
            }
            Form::Virtual => (directory.join(MARK), key.as_ref().map(of).map(Vec::from)),
        };
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
