//! Checks of the cluster: Pacemaker, agent, pacemaker-remoted, key.

use super::Check;
use super::admission;
use crate::error::Result;
use crate::host::users;
use crate::look::Look;
use crate::pacemaker::authkey;
use crate::plan::Set;
use crate::resolve;
use crate::rootfs::{self, Remoted};
use crate::spec::Wanted;
use crate::spec::{Authkey, NodeKind};
use std::path::Path;

pub(crate) fn checks(look: &Look<'_>, wanted: &Wanted, saved: Option<&Set>) -> Vec<Check> {
    vec![
        pacemaker(look),
        willing(look),
        agent(wanted, saved),
        remoted(look, wanted, saved),
        key(),
        copies(saved),
    ]
}

fn pacemaker(look: &Look<'_>) -> Check {
    let found = look.cib().and_then(|cib| {
        let version = look.cluster_version()?;
        let node = look.node()?;
        let schema = cib.schema();
        Ok(format!("{version} runs, this is {node}, schema {schema}"))
    });
    Check::from("Pacemaker", found)
}

/// Whether the cluster's properties let it start resources.
fn willing(look: &Look<'_>) -> Check {
    let name = "cluster willing";
    match look.cib() {
        Err(_) => Check::skipped(name, "needs a running cluster"),
        Ok(cib) => Check::from(
            name,
            admission::check_willing(&cib).map(|()| "yes".to_owned()),
        ),
    }
}

fn agent(wanted: &Wanted, saved: Option<&Set>) -> Check {
    let name = "VirtualDomain agent";
    if NodeKind::wanted(wanted, saved.map(|set| &set.spec)) == NodeKind::Remote {
        return Check::skipped(name, "remote nodes are not run by one");
    }
    match admission::agent_path() {
        Some(path) => Check::ok(name, path.display().to_string()),
        None => Check::failure(
            name,
            "not installed",
            crate::host::packages::mend_for_tool("VirtualDomain"),
        ),
    }
}

fn remoted(look: &Look<'_>, wanted: &Wanted, saved: Option<&Set>) -> Check {
    let name = "pacemaker-remoted";
    if let Some(set) = saved {
        return Check::from(name, same_version(look, &set.remoted, &set.layout.base));
    }
    let base = wanted.base.clone().unwrap_or_else(|| "/".into());
    match rootfs::find(wanted.remoted.as_deref(), &base, &look.context.state_dir) {
        Err(e) => Check::of_error(name, &e),
        Ok(Some(found)) => Check::from(name, same_version(look, &found, &base)),
        Ok(None) => Check::from(name, rootfs::to_fetch(&look.context.host)),
    }
}

fn same_version(look: &Look<'_>, remoted: &Remoted, base: &Path) -> Result<String> {
    match resolve::version_mismatch(look, remoted, base)? {
        None => Ok(format!(
            "{}, the cluster's version",
            remoted.on_host(base).display()
        )),
        Some(what) => Err(crate::error::Error::cant(what).mend(admission::VERSION_MEND)),
    }
}

fn key() -> Check {
    let name = "authkey";
    let path = Path::new(authkey::PATH);
    let haclient = match users::haclient() {
        Ok(gid) => gid.as_raw(),
        Err(e) => return Check::of_error(name, &e),
    };
    if !path.exists() && users::is_root() && !crate::host::files::exists(path) {
        let directory = authkey::check_directory(Path::new(authkey::DIRECTORY), haclient);
        if let Ok(Some((what, mend))) = directory {
            return Check::failure(name, what, mend);
        }
        return Check::warning(
            name,
            format!("{} is missing and will be made", path.display()),
            "lxc-autogen key-gen",
        );
    }
    match authkey::check(path, haclient) {
        Ok(None) => Check::ok(name, path.display().to_string()),
        Ok(Some((what, mend))) => Check::failure(name, what, mend),
        Err(e) => Check::of_error(name, &e),
    }
}

/// Copies of the key in containers must still equal the host's key.
fn copies(saved: Option<&Set>) -> Check {
    let name = "authkey copies";
    let Some(set) = saved.filter(|s| s.spec.authkey == Authkey::Copy) else {
        return Check::skipped(name, "no containers with a copy");
    };
    match authkey::stale_copies(set) {
        Err(e) => Check::of_error(name, &e),
        Ok(stale) if stale.is_empty() => Check::ok(name, "the same as the host's"),
        Ok(stale) => Check::failure(
            name,
            format!("changed since it was copied into {}", stale.join(", ")),
            "lxc-autogen cleanup, then up again",
        ),
    }
}
