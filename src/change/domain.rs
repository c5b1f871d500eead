//! Domains: libvirt's view of the containers.

use super::allowed;
use super::kinds::{About, Kind};
use super::traces::Traces;
use super::{Batch, Item, Undoer};
use crate::error::{Error, Result};
use crate::host::cgroups;
use crate::host::poll::{Poll, Seen};
use crate::libvirt::hypervisor::{Hypervisor, LXC};
use crate::libvirt::virsh;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// Destroy (and undefine) a machine's domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Domain name.
    pub name: String,
    /// libvirt's connection that has the domain. `None` for a container, at `lxc:///`, as in every
    /// journal of 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
}

impl Domain {
    /// The domain of this name at a hypervisor. A container's record names none, as in 0.1.0.
    pub fn at(hypervisor: &Hypervisor, name: impl Into<String>) -> Self {
        Domain {
            name: name.into(),
            uri: (hypervisor != &LXC).then(|| hypervisor.uri.to_owned()),
        }
    }

    /// The domain of the container of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Domain {
            name: name.into(),
            uri: None,
        }
    }

    fn uri(&self) -> &str {
        self.uri.as_deref().unwrap_or(LXC.uri)
    }
}

impl Kind for Domain {
    fn key(&self) -> String {
        match &self.uri {
            None => format!("domain {}", self.name),
            Some(uri) => format!("domain {} of {uri}", self.name),
        }
    }

    fn about(&self) -> About<'_> {
        About {
            has_identity: false,
            is_shared: false,
            container: Some(&self.name),
            scope: Scope::Libvirt,
            needs: None,
        }
    }

    fn check(&self, _: &Path) -> Result<()> {
        allowed::name(&self.name)
    }

    fn found(traces: &Traces<'_>) -> Result<Vec<Self>> {
        let nodes = traces.nodes().into_iter().map(Domain::named);
        Ok(traces.running.iter().cloned().chain(nodes).collect())
    }
}

/// Destroys the domains that carry our mark, all those of one connection at once. A domain of the
/// same name without the mark is not ours.
pub(super) fn destroy(undoer: &Undoer<'_>, items: &[Item<Domain>]) -> Batch {
    let mut batch = Batch::default();
    for (uri, items) in by_connection(items) {
        if let Err(e) = destroy_at(undoer, uri, &items, &mut batch) {
            batch.keep_all(&items, &e);
        }
    }
    batch
}

fn by_connection(items: &[Item<Domain>]) -> BTreeMap<&str, Vec<Item<Domain>>> {
    let mut all: BTreeMap<&str, Vec<Item<Domain>>> = BTreeMap::new();
    for item in items {
        all.entry(item.1.uri()).or_default().push(item.clone());
    }
    all
}

fn destroy_at(
    undoer: &Undoer<'_>,
    uri: &str,
    items: &[Item<Domain>],
    batch: &mut Batch,
) -> Result<()> {
    let hypervisor = Hypervisor::of(Some(uri))?;
    let wanted: HashSet<&str> = items.iter().map(|(_, it)| it.name.as_str()).collect();
    let ours: HashMap<String, bool> =
        virsh::marked_domains(undoer.host, hypervisor, undoer.state_dir)?
            .into_iter()
            .filter(|(name, _)| wanted.contains(name.as_str()))
            .collect();
    let destroy: Vec<String> = ours
        .iter()
        .filter(|(_, mine)| **mine)
        .map(|(name, _)| name.clone())
        .collect();
    virsh::destroy_domains(undoer.host, hypervisor, &destroy)?;
    for item in items {
        let name = &item.1.name;
        if ours.get(name) == Some(&false) {
            batch.keep(&item.1, "a domain of that name runs that we did not make");
        } else {
            batch.record(item, remove_container_cgroups(name));
        }
    }
    Ok(())
}

/// Removes control groups that a container can leave which was killed, or had a libvirtd in it. Its
/// processes have been killed; the kernel may take a moment to end them.
fn remove_container_cgroups(name: &str) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let began = Instant::now();
    for hierarchy in cgroups::hierarchies()? {
        for group in cgroups::left_of_container(&hierarchy.join(cgroups::MACHINE), name) {
            let poll = Poll::every(Duration::from_millis(10), PATIENCE).since(began);
            let look = |_: &mut Poll| Ok(Seen::ready_if(cgroups::remove(&group)?, ()));
            poll.uninterrupted().until(look, |()| {
                let text = format!("its control group {} is still in use", group.display());
                Error::failed(text)
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Context, Options};

    #[test]
    fn each_connection_has_its_own() {
        let far = |name: &str| Domain {
            uri: Some("qemu:///system".to_owned()),
            ..Domain::named(name)
        };
        let items = [(3, far("vm1")), (2, Domain::named("lxc1")), (1, far("vm2"))];
        let all = by_connection(&items);
        let of = |uri: &str| all[uri].iter().map(|(seq, _)| *seq).collect::<Vec<_>>();
        assert_eq!(
            (all.len(), of("lxc:///"), of("qemu:///system")),
            (2, vec![2], vec![3, 1])
        );
    }

    #[test]
    fn one_that_cannot_be_reached_stays() {
        let text = r#"{"name":"vm1","uri":"moon:///"}"#;
        let domain: Domain = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&domain).unwrap(), text);
        let context = Context::new(Options::default(), "/nonexistent".into());
        let batch = destroy(&Undoer::of(&context, None), &[(1, domain.clone())]);
        let why = "domain vm1 of moon:///: this lxc-autogen knows no hypervisor at moon:///";
        assert_eq!(
            (batch.remains, batch.kept),
            (vec![why.to_owned()], vec![domain.into()])
        );
    }
}
