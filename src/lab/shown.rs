//! What nodes see of this host's directories: those that are shared, and resource agents under work.
//!
//! Where a node's /usr is the base tree's, read-only, there is no place in it for a provider more. So
//! the directory of providers is one of the lab's own there, with the base tree's mounted in it. A node
//! with its whole system has a /usr of its own, which is mounted over all that libvirt mounts in it;
//! there the provider is a link to a directory elsewhere.

use super::{AGENTS, Agents, Lab, Root, config};
use crate::plan::{Kind, Mount, link};
use crate::rootfs::{Entry, RESOURCE_AGENTS};
use std::path::{Path, PathBuf};

/// Where nodes with a /usr of their own see agents.
pub(super) const AGENTS_IN_NODE: &str = "/.agents";

/// The mounts of a node of this kind, in their order.
pub(super) fn mounts(lab: &Lab, kind: Kind) -> Vec<Mount> {
    let shares = lab.spec.share.iter();
    let shares = shares.map(|share| Mount::live(&share.source, &share.target));
    let agents = match kind {
        Kind::Qnetd => Vec::new(),
        Kind::Cluster | Kind::Remote | Kind::Guest => agents(lab, kind),
    };
    let build = lab.spec.overlay.iter().filter(|_| config::has_build(kind));
    let build = build.map(|b| Mount::live(&b.join("usr"), Path::new(config::BUILD_IN_NODE)));
    shares.chain(agents).chain(build).collect()
}

/// Paths of what guest nodes see too: in a cluster node, and at the same place in guests on it.
pub(super) fn in_guests(lab: &Lab) -> Vec<PathBuf> {
    // A build is in the cluster node's own /usr, which is theirs, too.
    let all = mounts(lab, Kind::Cluster).into_iter();
    all.filter_map(|mount| match mount {
        Mount::Host { target, .. } => {
            (target != Path::new(config::BUILD_IN_NODE)).then_some(target)
        }
        _ => None,
    })
    .collect()
}

fn agents(lab: &Lab, kind: Kind) -> Vec<Mount> {
    let all = lab.spec.agents.iter();
    if has_own_usr(lab, kind) {
        let mount = |a: &Agents| Mount::live(&a.directory, &in_node(a));
        return all.map(mount).collect();
    }
    if lab.spec.agents.is_empty() {
        return Vec::new();
    }
    let providers = Path::new(RESOURCE_AGENTS);
    let of_base = lab
        .layout
        .base
        .join(RESOURCE_AGENTS.trim_start_matches('/'));
    let own = Mount::read_only(&lab.path(AGENTS), providers);
    let of_tree = lab.layout.providers.iter();
    let of_tree = of_tree.map(|name| Mount::read_only(&of_base.join(name), &providers.join(name)));
    let ours = all.map(|a| Mount::live(&a.directory, &providers.join(&a.provider)));
    [own].into_iter().chain(of_tree).chain(ours).collect()
}

/// Names of the directories in [`AGENTS`]: all providers.
pub(super) fn providers(lab: &Lab) -> impl Iterator<Item = &String> {
    let ours = lab.spec.agents.iter().map(|agents| &agents.provider);
    lab.layout.providers.iter().chain(ours)
}

/// Links in the /usr of a node that has one of its own.
pub(super) fn links(lab: &Lab, kind: Kind) -> Vec<Entry> {
    let all = lab.spec.agents.iter().filter(|_| kind != Kind::Qnetd);
    let of = |agents: &Agents| {
        let provider = config::own_usr()
            .join("lib/ocf/resource.d")
            .join(&agents.provider);
        let path = provider.strip_prefix("/").unwrap_or(&provider);
        link(&path.to_string_lossy(), &in_node(agents).to_string_lossy())
    };
    all.map(of).collect()
}

fn in_node(agents: &Agents) -> PathBuf {
    Path::new(AGENTS_IN_NODE).join(&agents.provider)
}

fn has_own_usr(lab: &Lab, kind: Kind) -> bool {
    lab.spec.root == Root::Full && lab.is_system(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Init;
    use crate::lab::tests::sample;

    fn seen(lab: &Lab, kind: Kind) -> Vec<String> {
        let all = mounts(lab, kind).into_iter();
        all.map(|mount| match mount {
            Mount::Host { source, target, .. } => {
                format!("{} {}", source.display(), target.display())
            }
            other => panic!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn agents_are_in_nodes_of_every_kind() {
        let mut lab = sample(1, 1);
        lab.spec.share = vec!["/srv/a:/srv/b".parse().unwrap()];
        assert_eq!(seen(&lab, Kind::Remote), ["/srv/a /srv/b"]);
        lab.spec.agents = vec!["/home/me/agents:qa".parse().unwrap()];
        let lean = [
            "/srv/a /srv/b",
            "/var/lib/lxc-autogen-lab-lab/agents /usr/lib/ocf/resource.d",
            "/usr/lib/ocf/resource.d/heartbeat /usr/lib/ocf/resource.d/heartbeat",
            "/usr/lib/ocf/resource.d/pacemaker /usr/lib/ocf/resource.d/pacemaker",
            "/home/me/agents /usr/lib/ocf/resource.d/qa",
        ];
        assert_eq!(seen(&lab, Kind::Cluster), lean);
        assert_eq!(seen(&lab, Kind::Remote), lean);
        assert_eq!(seen(&lab, Kind::Qnetd), lean[..1]);
        assert_eq!(in_guests(&lab)[1], Path::new(RESOURCE_AGENTS));
        // Remote nodes are no machines then.
        lab.spec.root = Root::Full;
        assert_eq!(seen(&lab, Kind::Remote), lean);
        lab.spec.init = Init::Systemd;
        lab.spec.overlay = Some("/home/me/build".into());
        let full = [
            "/srv/a /srv/b",
            "/home/me/agents /.agents/qa",
            "/home/me/build/usr /.build",
        ];
        assert_eq!(seen(&lab, Kind::Remote), full);
        let guests = in_guests(&lab);
        assert_eq!(guests, ["/srv/b", "/.agents/qa"].map(PathBuf::from));
        let path = ".changes/usr/upper/lib/ocf/resource.d/qa";
        assert_eq!(links(&lab, Kind::Cluster), [link(path, "/.agents/qa")]);
    }
}
