//! Marks of this state directory, by which several kinds find their changes without the journal.

use super::{Domain, Journal, Network};
use crate::context::Context;
use crate::error::Result;
use crate::host::Host;
use crate::libvirt::hypervisor::{self, LXC};
use crate::libvirt::virsh;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::{config, tools};
use crate::plan::Set;
use std::path::Path;

/// Things that carry marks of ours, looked for once.
#[derive(Debug)]
pub struct Traces<'a> {
    context: &'a Context,
    set: Option<&'a Set>,
    /// Whether the state directory has a journal that tells of everything.
    pub(super) has_journal: bool,
    /// Domains with our mark.
    pub(super) running: Vec<Domain>,
    /// Networks with our mark.
    pub(super) networks: Vec<Network>,
    /// The CIB, where the cluster answers, and the tags of the sets in it that are ours.
    in_cib: Option<(&'a Cib, Vec<String>)>,
}

impl<'a> Traces<'a> {
    pub(super) fn of(
        context: &'a Context,
        cib: Option<&'a Cib>,
        set: Option<&'a Set>,
    ) -> Result<Self> {
        let dir = &context.state_dir;
        let mut running = Vec::new();
        let mut networks = Vec::new();
        for hypervisor in hypervisor::ALL.iter().filter(|it| it.has_domains()) {
            match virsh::domains_of(&context.host, hypervisor, dir) {
                Ok(names) => {
                    running.extend(names.into_iter().map(|n| Domain::at(hypervisor, n)));
                    // The networks of machines of all kinds are asked for there.
                    if **hypervisor == LXC {
                        networks = Network::marked(&context.host, dir)?;
                    }
                }
                Err(e) => context
                    .report
                    .warn(format!("domains cannot be looked for: {}", e.message())),
            }
        }
        let in_cib = match cib {
            Some(cib) => Some((cib, tags(context, cib, set)?)),
            None => None,
        };
        Ok(Traces {
            context,
            set,
            has_journal: Journal::is_whole(dir),
            running,
            networks,
            in_cib,
        })
    }

    /// The marks in this CIB alone.
    pub(super) fn of_cib(context: &'a Context, cib: &'a Cib, set: Option<&'a Set>) -> Result<Self> {
        Ok(Traces {
            context,
            set,
            has_journal: true,
            running: Vec::new(),
            networks: Vec::new(),
            in_cib: Some((cib, tags(context, cib, set)?)),
        })
    }

    /// The door to this host.
    pub(super) fn host(&self) -> &'a Host {
        &self.context.host
    }

    /// Path of the state directory.
    pub(super) fn dir(&self) -> &Path {
        &self.context.state_dir
    }

    /// The CIB, where the cluster answers, and the tags of the sets in it that are ours.
    pub(super) fn in_cib(&self) -> Option<(&'a Cib, &[String])> {
        let (cib, tags) = self.in_cib.as_ref()?;
        Some((*cib, tags))
    }

    /// The set in the state directory.
    pub(super) fn set(&self) -> Option<&'a Set> {
        self.set
    }

    /// Names of our guest and remote nodes in the CIB.
    pub(super) fn nodes(&self) -> Vec<String> {
        let Some((cib, tags)) = self.in_cib() else {
            return Vec::new();
        };
        let nodes = tags.iter().flat_map(|tag| cib.nodes_of_set(tag));
        nodes.map(|(node, _)| node.to_owned()).collect()
    }

    /// Names of domains with our mark, and of our nodes in the CIB.
    pub(super) fn domains(&self) -> Vec<String> {
        let running = self.running.iter().map(|domain| domain.name.clone());
        running.chain(self.nodes()).collect()
    }

    /// The CIB, where it may have elements that a join of ours left: one of a lost journal, and
    /// while no set joins. Such elements alone are no sign that anything was made from this
    /// directory.
    pub(super) fn left_by_joining(&self) -> Option<&'a Cib> {
        let (cib, tags) = self.in_cib()?;
        let ours = !(self.running.is_empty() && self.networks.is_empty() && tags.is_empty());
        ((self.has_journal || ours) && !others_join(cib, self.set)).then_some(cib)
    }
}

/// Tags of the sets that this state directory made on this node.
fn tags(context: &Context, cib: &Cib, set: Option<&Set>) -> Result<Vec<String>> {
    let mut ours = Vec::new();
    for tag in cib.our_sets() {
        let whose = cib.description(tag).unwrap_or_default();
        if set.is_some_and(|s| whose.ends_with(&format!(", set {}", s.mark()))) {
            ours.push(tag.to_owned());
            continue;
        }
        let dir = format!(" in {}, set ", context.state_dir.display());
        if !whose.contains(&dir) {
            continue;
        }
        let here = format!(" on {}{dir}", tools::this_node(&context.host)?);
        if whose.contains(&here) || context.options.force {
            ours.push(tag.to_owned());
        } else {
            context.report.warn(format!(
                "not ours, and left: {whose}; clean up there, or use --force"
            ));
        }
    }
    Ok(ours)
}

/// Whether nodes of another set are joining. A large set's CIB objects look so for as long as it is
/// there; its nodes are joining only as long as not all of them are connected.
fn others_join(cib: &Cib, set: Option<&Set>) -> bool {
    let ours = set.map(Set::tag);
    let connected = cib.connected();
    let at_rest = |tag: &str| {
        let nodes = cib.nodes_of_set(tag);
        u32::try_from(nodes.len()).is_ok_and(config::is_large)
            && nodes.iter().all(|(node, _)| connected.contains(*node))
    };
    let mut tags = cib.our_sets().into_iter();
    tags.any(|tag| {
        ours.as_deref() != Some(tag) && cib.has_id(&config::joining_id(tag)) && !at_rest(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::kinds::Kind;
    use crate::change::{CibObject, Domain, Node, Resource};
    use crate::context::Options;

    const CIB: &str = r#"<cib><configuration><resources>
        <template id="lxc-autogen-lxc" class="ocf" provider="pacemaker" type="Dummy"/>
        <primitive id="container1" description="(guest node lxc1 of lxc-autogen-lxc)" class="ocf"
        provider="heartbeat" type="VirtualDomain"><meta_attributes id="m">
        <nvpair id="r" name="remote-node" value="lxc1"/></meta_attributes></primitive>
        <primitive id="theirs" class="ocf" provider="heartbeat" type="VirtualDomain">
        <meta_attributes id="n"><nvpair id="s" name="remote-node" value="other"/>
        </meta_attributes></primitive></resources><constraints>
        <rsc_location id="lxc-autogen-lxc-clone-on-guests" rsc="lxc-clone"/></constraints>
        <rsc_defaults/></configuration></cib>"#;

    fn keys<T: Kind>(traces: &Traces<'_>) -> Vec<String> {
        T::found(traces).unwrap().iter().map(T::key).collect()
    }

    #[test]
    fn what_says_that_it_is_ours_is_found_and_nothing_else() {
        let context = Context::new(Options::default(), "/var/lib/lxc-autogen".into());
        let cib = Cib::parse(CIB).unwrap();
        let traces = |tags: &[&str], has_journal| Traces {
            context: &context,
            set: None,
            has_journal,
            running: vec![Domain::named("lxc7")],
            networks: Vec::new(),
            in_cib: Some((&cib, tags.iter().map(|tag| (*tag).to_owned()).collect())),
        };
        let ours = traces(&["lxc-autogen-lxc"], true);
        assert_eq!(keys::<Node>(&ours), ["node lxc1 of the cluster"]);
        assert_eq!(keys::<Domain>(&ours), ["domain lxc7", "domain lxc1"]);
        let resources = ["container1", "lxc-clone"].map(|id| format!("resource {id} of the CIB"));
        assert_eq!(keys::<Resource>(&ours), resources);
        let objects = ["lxc-autogen-lxc-clone-on-guests", "lxc-autogen-lxc"];
        let objects = objects.map(|id| format!("{id} of the CIB"));
        assert_eq!(keys::<CibObject>(&ours), objects);
        let none = traces(&[], true);
        assert!(keys::<Node>(&none).is_empty() && keys::<Resource>(&none).is_empty());
        assert_eq!(keys::<Domain>(&none), ["domain lxc7"]);
    }

    #[test]
    fn what_a_join_has_left_is_no_sign_of_ours_alone() {
        let context = Context::new(Options::default(), "/var/lib/lxc-autogen".into());
        let cib = Cib::parse(CIB).unwrap();
        let left = |running: &[&str], has_journal| {
            let traces = Traces {
                context: &context,
                set: None,
                has_journal,
                running: running.iter().map(|name| Domain::named(*name)).collect(),
                networks: Vec::new(),
                in_cib: Some((&cib, Vec::new())),
            };
            traces.left_by_joining().is_some()
        };
        assert!(!left(&[], false));
        assert!(left(&[], true) && left(&["lxc1"], false));
    }
}
