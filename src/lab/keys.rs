//! Making a lab's keys.

use super::root::Keys;
use super::{FENCE, KEYS, KNOWN_HOSTS, Lab, access, pcs, sshd};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::command::Cmd;
use crate::host::files::{self, Attributes, Existing};
use sha_crypt::{PasswordHasher, ShaCrypt};
use std::fs;
use std::path::Path;

/// Bytes of Corosync's key, as corosync-keygen(8) makes it.
const COROSYNC_KEY: usize = 256;
/// Bytes of Pacemaker's key and fence_virtd's, as in their documentation.
const KEY: usize = 4096;

/// The lab's keys, made by the first run.
///
/// # Errors
/// When they cannot be made or read.
pub(super) fn keys(context: &Context, lab: &Lab) -> Result<Keys> {
    let key = |path: &Path, bytes: usize| -> Result<Vec<u8>> {
        if let Some(key) = files::read_optional(path)? {
            return Ok(key);
        }
        let key = files::random_bytes(bytes)?;
        files::write_atomic(path, &key, Attributes::root(0o600), Existing::Replace)?;
        Ok(key)
    };
    let directory = lab.path(KEYS);
    Ok(Keys {
        corosync: key(&directory.join("corosync"), COROSYNC_KEY)?,
        pacemaker: key(&directory.join("pacemaker"), KEY)?,
        fence: key(&lab.path(FENCE).join("key"), KEY)?,
        ssh: if lab.spec.ssh {
            Some(ssh_keys(context, lab, &directory)?)
        } else {
            None
        },
        pcs: if lab.has_pcs() {
            Some(pcs_keys(&directory)?)
        } else {
            None
        },
    })
}

/// Makes hacluster's password, and a token for the nodes among each other.
fn pcs_keys(directory: &Path) -> Result<pcs::Keys> {
    const LETTERS: usize = 32;
    let kept = |name: &str, make: &dyn Fn() -> Result<String>| {
        let path = directory.join(name);
        if let Some(text) = files::read_optional(&path)? {
            return Ok(String::from_utf8_lossy(&text).trim().to_owned());
        }
        let text = make()?;
        let line = format!("{text}\n");
        files::write_atomic(
            &path,
            line.as_bytes(),
            Attributes::root(0o600),
            Existing::Replace,
        )?;
        Ok(text)
    };
    let random = || {
        let mut text = files::sha256(&files::random_bytes(LETTERS)?);
        text.truncate(LETTERS);
        Ok(text)
    };
    let password = kept(super::PASSWORD, &random)?;
    let hash = || {
        // crypt(3) reads no more than 16 characters of salt, and compares what it read.
        let salt = files::random_bytes(12)?;
        let hash = ShaCrypt::default().hash_password_with_salt(password.as_bytes(), &salt);
        hash.map(|h| h.to_string())
            .map_err(|e| Error::failed(format!("hash hacluster's password: {e}")))
    };
    Ok(pcs::Keys {
        token: kept(super::PCS_TOKEN, &random)?,
        hash: kept("hacluster.crypt", &hash)?,
    })
}

fn ssh_keys(context: &Context, lab: &Lab, directory: &Path) -> Result<sshd::Keys> {
    let pair = |name: &str| -> Result<(Vec<u8>, String)> {
        let path = directory.join(name);
        let public = directory.join(format!("{name}.pub"));
        if !files::exists(&public) {
            files::remove_file(&path)?;
            Cmd::new("ssh-keygen")
                .args([
                    "-q",
                    "-t",
                    "ed25519",
                    "-N",
                    "",
                    "-C",
                    "lxc-autogen lab",
                    "-f",
                ])
                .arg(&path)
                .ok(&context.host)?;
        }
        let read = |path: &Path| fs::read(path).map_err(|e| Error::io("read", path, e));
        let text = String::from_utf8_lossy(&read(&public)?).into_owned();
        Ok((read(&path)?, text))
    };
    let (host, host_public) = pair("ssh-host")?;
    let (user, user_public) = pair("ssh-root")?;
    let known = access::known_hosts(lab, &host_public);
    let path = directory.join(KNOWN_HOSTS);
    if files::read_optional(&path)?.as_deref() != Some(known.as_bytes()) {
        let attributes = Attributes::root(0o600);
        files::write_atomic(&path, known.as_bytes(), attributes, Existing::Replace)?;
    }
    Ok(sshd::Keys {
        host,
        host_public,
        user,
        user_public,
    })
}
