//! The /etc that nodes with their whole system share: a copy of the base tree's without its secrets
//! and without its identity.
//!
//! The rule: a file is copied when everybody on the base may read it, when it is not of one of the
//! places in [`super::left_out`], and when nothing in it looks like a secret (`SIGNS`). Root in a node
//! can read all of the copy, so what is doubtful stays out: a node without one of the host's
//! settings is less of a harm than one with its keys.

use super::left_out::reason;
use crate::error::{Error, Result};
use crate::host::files;
use regex::bytes::{RegexSet, RegexSetBuilder};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;
use walkdir::WalkDir;

/// Signs of a secret in a file.
const SIGNS: &[&str] = &[
    r"PRIVATE KEY",
    r"OpenVPN Static key",
    r"PuTTY-User-Key-File",
    r"AGE-SECRET-KEY-",
    // crypt(5), htpasswd(1), slappasswd(8).
    r"[:\s=][$](1|2[abxy]|5|6|7|y|gy|apr1|argon2[a-z]*)[$]",
    r"[{]S?(SHA|MD5|CRYPT)[0-9]*[}]",
    r"(?im)^[ \t]*(private|preshared)key[ \t]*=",
    r"(?im)^[ \t]*[a-z_.-]*(password|passphrase|passwort|secret|token|psk|(api|auth|access)[_-]?key)[a-z_.-]*[ \t]*[:=][ \t]*\S",
    // JSON, on lines of its own or not; XML.
    r#"(?i)["'][a-z_.-]*(password|passphrase|secret|token|(api|auth|access)[_-]?key)[a-z_.-]*["'][ \t]*[:=][ \t]*["'][^"']"#,
    r"(?i)<[a-z_.-]*(password|passphrase|secret|token)[a-z_.-]*>[^<\s]",
    // netrc(5).
    r"(?i)\bmachine\s+\S+\s+login\s+\S+\s+password\s",
    // RFC 7519; GitHub, GitLab, Slack and Amazon begin theirs so.
    r"\beyJ[A-Za-z0-9_-]{8,}[.]eyJ",
    r"\b(gh[pousr]_|github_pat_|glpat-|xox[abp]-|AKIA)[A-Za-z0-9_-]{12}",
    // A user and a password in an address.
    r"://[^/\s:@]+:[^/\s@]+@",
];

/// [`SIGNS`], ready to be looked for.
struct Signs(RegexSet);

impl Signs {
    fn new() -> Result<Signs> {
        // Without Unicode's classes, with which the search takes twenty times as long.
        let set = RegexSetBuilder::new(SIGNS).unicode(false).build();
        // They are literals, and right.
        set.map(Signs)
            .map_err(|e| Error::failed(format!("signs of secrets: {e}")))
    }

    fn are_in(&self, bytes: &[u8]) -> bool {
        self.0.is_match(bytes)
    }
}

/// A file that is larger is no setting.
const LARGEST: u64 = 4 << 20;

/// Copies a base tree's /etc to a directory that does not exist yet.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy(base: &Path, to: &Path) -> Result<()> {
    let signs = Signs::new()?;
    let from = base.join("etc");
    if !files::is_real_directory(&from) {
        let why = format!("{} is no directory of the tree's own", from.display());
        return Err(Error::cant(why).mend("name a tree with an /etc in it, and not a link to one"));
    }
    let wanted = |entry: &walkdir::DirEntry| {
        let Ok(path) = entry.path().strip_prefix(&from) else {
            return false;
        };
        let open = |m: fs::Metadata| match m.is_dir() {
            true => m.mode() & 0o005 == 0o005,
            false => m.is_symlink() || (m.is_file() && m.mode() & 0o004 != 0 && m.len() < LARGEST),
        };
        reason(path).is_none() && entry.metadata().is_ok_and(open)
    };
    let entries = WalkDir::new(&from).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(wanted) {
        let entry = entry.map_err(|e| Error::failed(format!("read {}: {e}", from.display())))?;
        let (source, path) = (entry.path(), entry.path().strip_prefix(&from));
        let target = to.join(path.unwrap_or(Path::new("")));
        copy_entry(source, &target, &entry, &signs)?;
    }
    Ok(())
}

fn copy_entry(from: &Path, to: &Path, entry: &walkdir::DirEntry, signs: &Signs) -> Result<()> {
    let failed = |e| Error::io("copy", from, e);
    let kind = entry.file_type();
    let info = fs::symlink_metadata(from).map_err(failed)?;
    if kind.is_symlink() {
        let target = fs::read_link(from).map_err(failed)?;
        return symlink(target, to).map_err(failed);
    }
    if kind.is_dir() {
        fs::create_dir(to).map_err(failed)?;
    } else {
        let bytes = fs::read(from).map_err(failed)?;
        if signs.are_in(&bytes) {
            return Ok(());
        }
        fs::write(to, bytes).map_err(failed)?;
    }
    lchown(to, Some(info.uid()), Some(info.gid())).map_err(failed)?;
    let mode = fs::Permissions::from_mode(info.mode() & 0o7777);
    fs::set_permissions(to, mode).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret() {
        let signs = Signs::new().unwrap();
        for secret in [
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----",
            "web:$apr1$abc$def",
            "joe:$6$salt$hash:1::",
            "userPassword: {SSHA}abc",
            "[Interface]\nPrivateKey = 8GbY=",
            "  db_password = \"x\"",
            "API_KEY=x",
            "psk: abc",
            "deb https://joe:pw@example.com/debian stable main",
            "{\"user\": \"joe\", \"password\": \"x\"}",
            "<user name='joe'><password>x</password></user>",
            "machine example.com login joe password x",
            "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
            "# ghp_0123456789abcdefghij",
        ] {
            assert!(signs.are_in(secret.as_bytes()), "{secret}");
        }
        for setting in [
            "# password = none",
            "passwd: files systemd",
            "password [success=1 default=ignore] pam_unix.so obscure",
            "deb https://example.com:80/debian stable main",
            "PASS_MAX_DAYS 99999",
            "export PS1='$1$x'",
            "<password></password>",
            "{\"password\": null}",
        ] {
            assert!(!signs.are_in(setting.as_bytes()), "{setting}");
        }
    }
}
