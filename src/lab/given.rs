//! Directories of the host that options name: whether they are there, and what is in them.

use super::LabSpec;
use super::spec::{bad_agents, check_shared, not_sharable};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::files;
use crate::rootfs::{Layout, RESOURCE_AGENTS};
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
    for share in &spec.share {
        // What a link leads to is what nodes would see.
        let leads_to = share.source.canonicalize();
        let leads_to = leads_to.ok().filter(|path| *path != share.source);
        if let Some(path) = leads_to.filter(|path| check_shared(path).is_err()) {
            let why = format!("it is a link that leads to {}", path.display());
            let (path, target) = (path.display(), share.target.display());
            return Err(not_sharable(&share.source, &why).mend(format!(
                "say so, if nodes are to see that: --share {path}:{target}"
            )));
        }
    }
    if let Some(path) = spec.overlay.as_ref().filter(|path| !path.is_dir()) {
        return Err(Error::usage(format!("--overlay {}: {ABSENT}", path.display())).mend(MEND));
    }
    match spec.agents.iter().find(|a| !a.directory.is_dir()) {
        Some(agents) if agents.directory.is_file() => {
            let above = agents.directory.parent().unwrap_or(&agents.directory);
            let mend = format!(
                "name the directory that it is in: --agents {}",
                above.display()
            );
            Err(bad_agents(agents, "it is a file").mend(mend))
        }
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
                "--agents: the nodes take {} for no agent, since it cannot be executed{} (mend: chmod 755 {})",
                first.display(),
                match without.len() {
                    1 => String::new(),
                    more => format!(", nor {} others", more - 1),
                },
                first.display(),
            ));
        }
    }
    Ok(())
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
        let link = there.join("link");
        std::os::unix::fs::symlink("/etc", &link).unwrap();
        let leads = LabSpec {
            share: vec![share(&link)],
            ..LabSpec::default()
        };
        let e = check(&leads).unwrap_err();
        assert!(e.message().ends_with("a link that leads to /etc"), "{e}");
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
