//! Whether nodes can be machines here: with systemd as PID 1, and with a writable system.

use super::{Init, Lab, Root, Wanted, config};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::{cgroups, packages};
use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};
use std::path::Path;

/// Refuses what this host or the base tree cannot do.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the reason and the other way.
pub(super) fn check(lab: &Lab) -> Result<()> {
    if lab.spec.init == Init::Systemd {
        check_systemd(&lab.layout.base)?;
    }
    if lab.spec.root == Root::Full {
        check_overlays(&lab.dir)?;
    }
    Ok(())
}

/// What the cluster nodes of a new lab are where no option says it.
#[derive(Debug)]
pub(super) struct Usual {
    /// systemd, where the base tree has it and it can run here.
    pub init: Init,
    /// The whole system with systemd, where the state directory can carry it.
    pub root: Root,
    /// Why they are no whole machines, with the mend; `None` where they are.
    lacking: Option<Error>,
}

impl Usual {
    /// On this host, with these options.
    pub(super) fn of(context: &Context, wanted: &Wanted) -> Usual {
        let base = wanted.base.as_deref().unwrap_or(Path::new("/"));
        let (init, root) = (check_systemd(base), check_overlays(&context.state_dir));
        let usual = match init.is_ok() {
            true => Init::Systemd,
            false => Init::Own,
        };
        let is_whole = wanted.init.unwrap_or(usual) == Init::Systemd && root.is_ok();
        // Who asks for it has it, or is told why not elsewhere.
        let init = wanted.init.map_or(init, |_| Ok(()));
        Usual {
            init: usual,
            root: if is_whole { Root::Full } else { Root::Lean },
            lacking: init.and(root).err(),
        }
    }

    /// Why the nodes are no whole machines.
    pub(super) fn lacking(&self) -> Option<&Error> {
        self.lacking.as_ref()
    }

    /// What to tell of it, unless options have asked for less.
    pub(super) fn says(&self, wanted: &Wanted) -> Option<String> {
        let less = wanted.init == Some(Init::Own) || wanted.root == Some(Root::Lean);
        (!less).then(|| match &self.lacking {
            None => format!("the nodes are {MACHINES}"),
            Some(e) => format!("the nodes are no whole machines: {}", with_mend(e)),
        })
    }
}

pub(super) const MACHINES: &str = "machines, with systemd and a writable system";

fn with_mend(e: &Error) -> String {
    let mend = e.mend_text().unwrap_or_default();
    format!("{} (mend: {mend})", e.message())
}

/// What new labs' nodes are on this host, for `verify`: machines, or the reason why not.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the reason and its mend.
pub(crate) fn machines(base: &Path, dir: &Path) -> Result<&'static str> {
    check_systemd(base)
        .and(check_overlays(dir))
        .map(|()| MACHINES)
}

/// Warns where a lab's nodes have changes of a /usr that is another by now.
///
/// # Errors
/// As [`Layout::packages`].
pub(super) fn warn_if_outrun(context: &Context, lab: &Lab) -> Result<()> {
    let outrun = lab.packages.is_some() && lab.layout.packages()? != lab.packages;
    if outrun && lab.spec.root == Root::Full {
        context.report.warn(format!(
            "packages of {} have changed since lab {name} was made: its nodes have the new files \
             under their own changes, and the /etc of then; lxc-autogen lab down --name {name}, \
             then lab up, makes them alike",
            lab.layout.base.display(),
            name = lab.spec.name
        ));
    }
    Ok(())
}

fn check_systemd(base: &Path) -> Result<()> {
    const OTHER: &str = "lab up --init own";
    let program = base.join(config::SYSTEMD.trim_start_matches('/'));
    if !program.exists() {
        let missing = format!("--init systemd: there is no {}", program.display());
        let package = packages::mend_in(base, "systemd");
        return Err(Error::cant(missing).mend(format!("{package}, or {OTHER}")));
    }
    let groups = cgroups::of("self")?;
    let is_systemds = |c: &String| c == "name=systemd";
    let has_hierarchy = groups
        .0
        .iter()
        .any(|g| g.controllers.iter().any(is_systemds));
    if !cgroups::only_v2() && !has_hierarchy {
        return Err(Error::cant(
            "--init systemd: this host has cgroup v1 without systemd's own hierarchy",
        )
        .mend(format!(
            "mount it (mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd), or {OTHER}"
        )));
    }
    Ok(())
}

/// An overlay cannot have its upper layer on another (Linux,
/// Documentation/filesystems/overlayfs.rst).
fn check_overlays(dir: &Path) -> Result<()> {
    let there = dir
        .ancestors()
        .find(|d| d.exists())
        .unwrap_or(Path::new("/"));
    let kind =
        statfs(there).map_err(|e| Error::failed(format!("statfs {}: {e}", there.display())))?;
    if kind.filesystem_type() != OVERLAYFS_SUPER_MAGIC {
        return Ok(());
    }
    let why = format!(
        "--root full: {} is on an overlay, which cannot carry those of the nodes",
        there.display()
    );
    Err(Error::cant(why).mend("use a --state-dir on another file system, or lab up --root lean"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Options;

    #[test]
    fn without_systemd_in_the_tree_nodes_are_no_machines_and_that_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let context = Context::new(Options::default(), directory.path().join("lab"));
        let wanted = |init, root| Wanted {
            base: Some(directory.path().to_owned()),
            init,
            root,
            ..Wanted::default()
        };
        let usual = |wanted: &Wanted| {
            let usual = Usual::of(&context, wanted);
            ((usual.init, usual.root), usual.says(wanted))
        };
        let (kind, says) = usual(&wanted(None, None));
        assert_eq!(kind, (Init::Own, Root::Lean));
        let says = says.unwrap();
        assert!(says.starts_with("the nodes are no whole machines: "));
        assert!(says.contains("(mend: "), "{says}");
        // Who has asked for less need not be told why there is no more.
        for (init, root) in [(Some(Init::Own), None), (None, Some(Root::Lean))] {
            assert_eq!(usual(&wanted(init, root)).1, None);
        }
        // Nor need who has asked for systemd be told why it is not usual.
        let says = usual(&wanted(Some(Init::Systemd), None)).1.unwrap();
        assert_eq!(says, format!("the nodes are {MACHINES}"));
        assert!(machines(directory.path(), &context.state_dir).is_err());
    }
}
