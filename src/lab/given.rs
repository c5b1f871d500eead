//! Directories of the host that options name: whether they are there, and what is in them.

use super::LabSpec;
use super::spec::{bad_agents, not_sharable};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::files;
use crate::rootfs::{Layout, RESOURCE_AGENTS, Remoted};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Refuses directories that are not there.
///
/// # Errors
/// A usage error with the option.
pub(super) fn check(spec: &LabSpec) -> Result<()> {
    const ABSENT: &str = "there is no such directory";
    const MEND: &str = "name one that is there";
    if let Some(share) = spec.share.iter().find(|share| !share.source.is_dir()) {
        return Err(not_sharable(&share.source, ABSENT).mend(MEND));
    }
    if let Some(path) = spec.overlay.as_ref().filter(|path| !path.is_dir()) {
        return Err(Error::usage(format!("--overlay {}: {ABSENT}", path.display())).mend(MEND));
    }
    match spec.agents.iter().find(|a| !a.directory.is_dir()) {
        Some(agents) => Err(bad_agents(agents, ABSENT).mend(MEND)),
        None => Ok(()),
    }
}

/// Refuses providers that the base tree has, whose agents would be hidden. Warns of files that no node
/// would take for an agent.
///
/// # Errors
/// A usage error with the provider; [`crate::error::Kind::Cant`] where the tree has no resource agents at all.
pub(super) fn check_providers(context: &Context, spec: &LabSpec, layout: &Layout) -> Result<()> {
    if spec.agents.is_empty() {
        return Ok(());
    }
    let at = layout.base.join(RESOURCE_AGENTS.trim_start_matches('/'));
    if !files::is_real_directory(&at) {
        let why = format!("--agents: there is no directory {}", at.display());
        return Err(Error::cant(why)
            .mend("install resource-agents, or Pacemaker's own agents, in that tree"));
    }
    for agents in &spec.agents {
        let provider = &agents.provider;
        if layout.providers.contains(provider) {
            let why = format!("the nodes have a provider {provider} of their own");
            let dir = agents.directory.display();
            return Err(bad_agents(agents, &why)
                .mend(format!("name another one: --agents {dir}:my-{provider}")));
        }
        let without = not_executable(&agents.directory);
        if let Some(first) = without.first() {
            context.report.warn(format!(
                "--agents: {} cannot be executed, and is no agent so{} (mend: chmod 755 {})",
                first.display(),
                match without.len() {
                    1 => String::new(),
                    more => format!(", nor are {} others", more - 1),
                },
                first.display(),
            ));
        }
    }
    Ok(())
}

/// Refuses a build that has no /usr, or that would hide what it does not replace. Tells what of it nodes
/// do not have.
///
/// # Errors
/// A usage error with the reason.
pub(super) fn check_overlay(context: &Context, spec: &LabSpec, layout: &Layout) -> Result<()> {
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

/// The pacemaker-remoted of a build; nodes and guests over them find it in /usr. Tells when another one
/// than the build's was asked for.
pub(super) fn remoted_of_build(context: &Context, spec: &LabSpec) -> Option<Remoted> {
    const PROGRAM: &str = "usr/sbin/pacemaker-remoted";
    let build = spec.overlay.as_ref()?;
    if !build.join(PROGRAM).is_file() {
        return None;
    }
    if let Some(other) = &spec.remoted {
        context.report.warn(format!(
            "--overlay: remote and guest nodes run {} (--remoted or LXC_AUTOGEN_REMOTED), not the build's \
             pacemaker-remoted",
            other.display()
        ));
        return None;
    }
    let path = Path::new("/").join(PROGRAM);
    Some(Remoted::Base { path })
}

/// Whether neither the build nor the tree has a unit for pacemaker-remoted where nodes look for it.
/// `make install` puts it into /lib where pkg-config says so, as on Debian 12, and of a build the nodes
/// have /usr alone; and Debian's cluster hosts have no package with that unit.
pub(super) fn no_remote_unit(spec: &LabSpec, layout: &Layout) -> bool {
    const UNIT: &str = "usr/lib/systemd/system/pacemaker_remote.service";
    let trees = spec.overlay.iter().chain([&layout.base]);
    !trees.into_iter().any(|tree| tree.join(UNIT).is_file())
}

/// Files of a directory, but for hidden ones, that not everybody may execute: ocf-tester and agents that
/// become another user do so (resource-agents 4.12, tools/ocf-tester). Files that are there for
/// others to read, such as documents and libraries, have a dot in their names; agents have none.
fn not_executable(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries
        .filter(|entry| !entry.file_name().to_string_lossy().contains('.'))
        .map(|entry| entry.path())
        .filter(|path| {
            let is_agent =
                |m: std::fs::Metadata| m.is_file() && m.permissions().mode() & 0o5 != 0o5;
            path.metadata().is_ok_and(is_agent)
        })
        .collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Options;
    use crate::error::Kind;

    #[test]
    fn a_directory_to_share_must_be_there() {
        let directory = tempfile::tempdir().unwrap();
        let (there, absent) = (directory.path(), directory.path().join("no"));
        let share = |path: &Path| path.display().to_string().parse().unwrap();
        let mut spec = LabSpec {
            share: vec![share(there)],
            ..LabSpec::default()
        };
        check(&spec).unwrap();
        spec.share.push(share(&absent));
        let e = check(&spec).unwrap_err();
        let said = format!("--share {}: there is no such directory", absent.display());
        assert_eq!((e.kind, e.message()), (Kind::Usage, &*said));
        spec.share.clear();
        spec.agents = vec![format!("{}:qa", absent.display()).parse().unwrap()];
        let said = format!("--agents {}: there is no such directory", absent.display());
        assert_eq!(check(&spec).unwrap_err().message(), said);
    }

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
        let try_it = || check_overlay(&context, &spec, &layout);
        let e = try_it().unwrap_err();
        assert!(
            e.message().ends_with("there is no directory usr in it"),
            "{e}"
        );
        let system = build.join("usr/lib/systemd/system");
        std::fs::create_dir_all(&system).unwrap();
        try_it().unwrap();
        assert_eq!(remoted_of_build(&context, &spec), None);
        std::fs::create_dir(build.join("usr/sbin")).unwrap();
        std::fs::write(build.join("usr/sbin/pacemaker-remoted"), "").unwrap();
        // A build's remoted is what runs wherever its unit went; another one is, if it was asked for.
        let path = "/usr/sbin/pacemaker-remoted".into();
        let builds = Some(Remoted::Base { path });
        assert_eq!(remoted_of_build(&context, &spec), builds);
        let remoted = Some("/opt/other".into());
        let named = LabSpec {
            remoted,
            ..spec.clone()
        };
        assert_eq!(remoted_of_build(&context, &named), None);
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

    #[test]
    fn a_provider_must_be_new_and_its_agents_executable() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        let context = Context::new(Options::default(), base.join("state"));
        std::fs::create_dir_all(base.join("usr/lib/ocf/resource.d/heartbeat")).unwrap();
        let layout = Layout::of(base).unwrap();
        let try_it = |text: String| {
            let spec = LabSpec {
                agents: vec![text.parse().unwrap()],
                ..LabSpec::default()
            };
            check_providers(&context, &spec, &layout)
        };
        try_it(format!("{}:qa", base.display())).unwrap();
        let e = try_it(format!("{}:heartbeat", base.display())).unwrap_err();
        assert!(e.message().contains("have a provider heartbeat"), "{e}");
        for (name, mode) in [("agent", 0o755), ("other", 0o644), ("README.md", 0o644)] {
            let path = base.join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        assert_eq!(not_executable(base), [base.join("other")]);
    }
}
