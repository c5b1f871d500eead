//! A build of Pacemaker that is laid over the nodes' /usr: whether it fits, and what of it they run.

use super::LabSpec;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::files;
use crate::rootfs::{Layout, Remoted};
use std::path::Path;

/// Where a build has the daemon of remote and guest nodes.
const REMOTED: &str = "usr/sbin/pacemaker-remoted";

/// Refuses a build that has no /usr, or that would hide what it does not replace. Tells what of it nodes
/// do not have.
///
/// # Errors
/// A usage error with the reason.
pub(super) fn check(context: &Context, spec: &LabSpec, layout: &Layout) -> Result<()> {
    let Some(build) = &spec.overlay else {
        return Ok(());
    };
    let bad = |why: String| Error::usage(format!("--overlay {}: {why}", build.display()));
    let usr = build.join("usr");
    if !files::is_real_directory(&usr) {
        return Err(bad("there is no directory usr in it".to_owned()).mend(
            "configure --prefix=/usr --sysconfdir=/etc --localstatedir=/var, then make install DESTDIR=DIR",
        ));
    }
    let names = |path: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut all: Vec<String> = entries
            .filter_map(|e| e.file_name().into_string().ok())
            .collect();
        all.sort_unstable();
        all
    };
    let hides = |name: &String| {
        files::is_real_directory(&usr.join(name)) && layout.base.join("usr").join(name).is_symlink()
    };
    if let Some(name) = names(&usr).iter().find(|name| hides(name)) {
        let why = format!("usr/{name} is a directory, which would hide the nodes', a link");
        return Err(bad(why).mend("configure it with the directories of this distribution"));
    }
    let beside: Vec<String> = names(build)
        .into_iter()
        .filter(|name| name != "usr")
        .collect();
    if !beside.is_empty() {
        context.report.line(format!(
            "--overlay: of {} the nodes have usr alone, not {}",
            build.display(),
            beside.join(", ")
        ));
    }
    for (what, mend) in misplaced(build, &layout.base) {
        context
            .report
            .warn(format!("--overlay: {what} (mend: configure {mend})"));
    }
    Ok(())
}

/// What of a build is not where the nodes look for it, with the option of its configure.
fn misplaced(build: &Path, base: &Path) -> Vec<(String, String)> {
    const UNITS: &str = "lib/systemd/system";
    let mut all = Vec::new();
    if build.join(UNITS).is_dir() {
        let what = format!("nodes do not have the units in {UNITS} of the build");
        all.push((what, format!("--with-systemdsystemunitdir=/usr/{UNITS}")));
    }
    // Of Debian and of Fedora; pcs and crmsh ask the daemons in the tree's for their options.
    for (theirs, other) in [("lib", "libexec"), ("libexec", "lib")] {
        let daemons = |tree: &Path, under| {
            tree.join(format!("usr/{under}/pacemaker/pacemaker-based"))
                .exists()
        };
        if daemons(base, theirs) && daemons(build, other) && !daemons(build, theirs) {
            let what = format!(
                "the build's daemons are in /usr/{other}/pacemaker, and other programs find the host's in \
                 /usr/{theirs}/pacemaker"
            );
            all.push((what, format!("--libexecdir=/usr/{theirs}")));
        }
    }
    all
}

/// The pacemaker-remoted of a build, unless another one is asked for; nodes and guests over them find it
/// in /usr.
pub(super) fn remoted(spec: &LabSpec) -> Option<Remoted> {
    let build = spec.overlay.as_ref().filter(|_| spec.remoted.is_none())?;
    let path = Path::new("/").join(REMOTED);
    build
        .join(REMOTED)
        .is_file()
        .then_some(Remoted::Base { path })
}

/// Whether neither the build nor the tree has a unit for pacemaker-remoted where nodes look for it.
/// `make install` puts it into /lib where pkg-config says so, as on Debian 12, and of a build the nodes
/// have /usr alone; and Debian's cluster hosts have no package with that unit.
pub(super) fn no_remote_unit(spec: &LabSpec, layout: &Layout) -> bool {
    const UNIT: &str = "usr/lib/systemd/system/pacemaker_remote.service";
    let trees = spec.overlay.iter().chain([&layout.base]);
    !trees.into_iter().any(|tree| tree.join(UNIT).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Options;

    #[test]
    fn a_build_has_a_usr_that_fits_over_the_trees() {
        let directory = tempfile::tempdir().unwrap();
        let (base, build) = (
            directory.path().join("base"),
            directory.path().join("build"),
        );
        std::fs::create_dir_all(base.join("usr/bin")).unwrap();
        std::os::unix::fs::symlink("bin", base.join("usr/sbin")).unwrap();
        std::fs::create_dir_all(build.join("etc")).unwrap();
        let context = Context::new(Options::default(), directory.path().join("state"));
        let layout = Layout::of(&base).unwrap();
        let spec = LabSpec {
            overlay: Some(build.clone()),
            ..LabSpec::default()
        };
        let try_it = || check(&context, &spec, &layout);
        let e = try_it().unwrap_err();
        assert!(
            e.message().ends_with("there is no directory usr in it"),
            "{e}"
        );
        let system = build.join("usr/lib/systemd/system");
        std::fs::create_dir_all(&system).unwrap();
        try_it().unwrap();
        assert_eq!(remoted(&spec), None);
        std::fs::create_dir(build.join("usr/sbin")).unwrap();
        std::fs::write(build.join("usr/sbin/pacemaker-remoted"), "").unwrap();
        // A build's remoted is what runs wherever its unit went; another one is, if it was asked for.
        let path = "/usr/sbin/pacemaker-remoted".into();
        let builds = Some(Remoted::Base { path });
        assert_eq!(remoted(&spec), builds);
        let named = LabSpec {
            remoted: Some("/opt/other".into()),
            ..spec.clone()
        };
        assert_eq!(remoted(&named), None);
        assert!(no_remote_unit(&spec, &layout));
        std::fs::write(system.join("pacemaker_remote.service"), "").unwrap();
        assert!(!no_remote_unit(&spec, &layout));
        assert_eq!(misplaced(&build, &base), []);
        std::fs::create_dir_all(build.join("lib/systemd/system")).unwrap();
        for daemons in [base.join("usr/lib"), build.join("usr/libexec")] {
            std::fs::create_dir_all(daemons.join("pacemaker")).unwrap();
            std::fs::write(daemons.join("pacemaker/pacemaker-based"), "").unwrap();
        }
        let mends = misplaced(&build, &base).into_iter().map(|(_, mend)| mend);
        assert!(mends.eq([
            "--with-systemdsystemunitdir=/usr/lib/systemd/system",
            "--libexecdir=/usr/lib"
        ]));
        let e = try_it().unwrap_err();
        assert!(e.message().contains("usr/sbin is a directory"), "{e}");
    }
}
