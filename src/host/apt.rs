//! apt-get(8) and dpkg-deb(1): packages that are fetched and unpacked, and never installed.

use super::Host;
use super::command::Cmd;
use crate::error::{Context, Error, Result};
use std::path::Path;
use std::time::Duration;

/// Where apt has a package from: a line 'URI' NAME SIZE HASH. `package` is NAME or NAME=VERSION.
///
/// # Errors
/// When apt does not know the package.
fn uris(host: &Host, package: &str) -> Result<String> {
    Cmd::new("apt-get")
        .args(["download", "--print-uris", "-qq", package])
        .ok(host)
        .context(format!("find the package {}", name_of(package)))
}

/// The size of a package in bytes, where apt tells it.
///
/// # Errors
/// When apt does not know the package.
pub fn size(host: &Host, package: &str) -> Result<Option<u64>> {
    Ok(size_in(&uris(host, package)?))
}

/// Fetches a package and unpacks its files into a directory that exists. apt checks the package's
/// signature chain.
///
/// # Errors
/// When apt-get or dpkg-deb fails.
pub fn unpack(host: &Host, package: &str, into: &Path) -> Result<()> {
    let uris = uris(host, package)?;
    let name = deb_name(&uris)
        .ok_or_else(|| Error::failed(format!("apt-get names no file for {package}: {uris}")))?;
    Cmd::new("apt-get")
        .directory(into)
        .args(["download", "-qq"])
        // apt's sandbox user cannot write to our 0700 directory; apt would warn and go on as root.
        .args(["-o", "APT::Sandbox::User=root", package])
        .timeout(Duration::from_secs(180))
        .ok(host)
        .context(format!("fetch the package {}", name_of(package)))?;
    let deb = into.join(name);
    Cmd::new("dpkg-deb")
        .arg("-x")
        .arg(&deb)
        .arg(into)
        .ok(host)?;
    std::fs::remove_file(&deb).map_err(|e| Error::io("remove", &deb, e))
}

/// The first package that a package depends on: a package of Debian's that has no files stands for
/// the one of the moment.
///
/// # Errors
/// When apt does not know the package, or it depends on nothing.
pub fn stands_for(host: &Host, package: &str) -> Result<String> {
    let said = Cmd::new("apt-cache")
        .args(["show", "--no-all-versions", package])
        .ok(host)
        .context(format!("find the package {package}"))?;
    first_dependency(&said)
        .ok_or_else(|| Error::failed(format!("the package {package} depends on nothing")))
}

/// The version of a package that is installed, by dpkg-query(1).
pub fn installed(package: &str) -> Option<String> {
    let query = Cmd::new("dpkg-query").args(["-W", "-f", "${db:Status-Abbrev}${Version}", package]);
    let said = query.run(&Host::new(false)).ok()?;
    let version = said.stdout.strip_prefix("ii ")?;
    Some(version.trim().to_owned())
}

fn name_of(package: &str) -> &str {
    package.split('=').next().unwrap_or(package)
}

fn first_dependency(control: &str) -> Option<String> {
    let depends = control.lines().find_map(|l| l.strip_prefix("Depends: "))?;
    let first = depends.split([',', '|']).next()?;
    first.split_whitespace().next().map(str::to_owned)
}

fn deb_name(uris: &str) -> Option<&str> {
    let name = uris.lines().next()?.split(' ').nth(1)?;
    (!name.contains('/') && name.ends_with(".deb")).then_some(name)
}

fn size_in(uris: &str) -> Option<u64> {
    uris.lines().next()?.split(' ').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_dependencies_as_apt_prints_them() {
        let uris = "'x://y/pool/main/p/pacemaker/pacemaker-remote_2.1.5-1_amd64.deb' \
                    pacemaker-remote_2.1.5-1_amd64.deb 99784 SHA256:12\n";
        assert_eq!(deb_name(uris), Some("pacemaker-remote_2.1.5-1_amd64.deb"));
        assert_eq!(size_in(uris), Some(99_784));
        assert_eq!(deb_name("'x' ../evil.deb 1\n"), None);
        let control = "Package: linux-image-cloud-amd64\nVersion: 6.1.192-2\n\
                       Depends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)\n";
        let depends = first_dependency(control);
        assert_eq!(depends.as_deref(), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(first_dependency("Package: x\n"), None);
        assert_eq!(name_of("pacemaker-remote=2.1.5-1"), "pacemaker-remote");
        assert_eq!(installed("no-such-package"), None);
    }
}
