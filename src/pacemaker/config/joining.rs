//! What is otherwise in the CIB while nodes join, and how it is put back.
//!
//! The scheduler runs again for every few nodes that join, and most of its time goes into looking
//! up, for every resource on every node, whether it has failed there too often: each look compiles
//! two regular expressions (Pacemaker 2.1.5, lib/pengine/failcounts.c, pe_get_failcount; of a run
//! over 200 guest nodes 58 % of the time). With `migration-threshold` 0 it does not look
//! (lib/pacemaker/pcmk_sched_resource.c, pcmk__threshold_reached). It is 0 while nodes join only,
//! for what cannot start would be tried for ever.
//!
//! The containers' monitors begin when all have joined: until then the connections tell as much,
//! and each costs as much as the start of a container that runs already.

use super::constraints::{self, NEVER, home, home_id};
use super::{Discovery, monitor, nvpairs};
use crate::pacemaker::cib::Cib;
use crate::plan::Set;
use crate::spec::NodeKind;
use crate::xml::El;

/// What makes the cluster's work easier while many resources of a set start or stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Easing {
    /// The set's tag.
    pub tag: String,
    /// The schema has rules that single out a resource's type (pacemaker-3.4 and later,
    /// xml/rule-3.4.rng: `rsc_expression`).
    pub type_rules: bool,
    /// The CIB has a section of resource defaults already.
    pub has_defaults: bool,
}

/// What a join needs in this cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// The set is new to the CIB.
    pub first: bool,
    /// There are nodes beside this one that the cluster would ask for the containers.
    pub others: bool,
    /// For the scheduler.
    pub easing: Easing,
}

/// How an element of the CIB is put back when the nodes have joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Afterwards {
    /// The element's XML id.
    pub id: String,
    /// Finds it, where it still is as it is while nodes join.
    pub xpath: String,
    /// What it is then; it is deleted when there is nothing.
    pub then: Option<String>,
}

/// The id of what tells that nodes of a set are joining, in its template.
pub fn joining_id(tag: &str) -> String {
    format!("{tag}-joining")
}

const DEFAULTS: &str = "-joining-connections";

fn defaults_id(tag: &str) -> String {
    format!("{tag}{DEFAULTS}")
}

/// What joins have left in a CIB that no template tells of any more.
pub fn left_over(cib: &Cib) -> Vec<Afterwards> {
    let ids = cib.ids().into_iter();
    ids.filter(|id| id.starts_with("lxc-autogen-") && id.ends_with(DEFAULTS))
        .map(|id| gone(id.to_owned()))
        .collect()
}

/// What finds a limit that is lifted and takes it away.
fn gone(id: String) -> Afterwards {
    let (name, value) = UNLIMITED;
    Afterwards {
        xpath: format!(
            "//meta_attributes[@id='{id}' and nvpair[@name='{name}' and @value='{value}']]"
        ),
        id,
        then: None,
    }
}

const UNLIMITED: (&str, &str) = ("migration-threshold", "0");

fn unlimited() -> [(&'static str, String); 1] {
    [(UNLIMITED.0, UNLIMITED.1.to_owned())]
}

impl Easing {
    /// The containers' part, for the template.
    pub(super) fn meta(&self) -> El {
        nvpairs("meta_attributes", &joining_id(&self.tag), &unlimited())
    }

    /// The connections' part: their resources are implicit, so that only a default reaches them.
    pub(super) fn defaults(&self) -> Option<El> {
        let id = defaults_id(&self.tag);
        let rule = El::new("rule")
            .attr("id", format!("{id}-rule"))
            .attr("score", "0")
            .child(
                El::new("rsc_expression")
                    .attr("id", format!("{id}-rule-0"))
                    .attr("class", "ocf")
                    .attr("provider", "pacemaker")
                    .attr("type", "remote"),
            );
        let mut set = nvpairs("meta_attributes", &id, &unlimited());
        set.children.insert(0, rule);
        self.type_rules.then(|| El::new("rsc_defaults").child(set))
    }

    /// How both are put back. What somebody else changed meanwhile is left.
    pub fn afterwards(&self) -> Vec<Afterwards> {
        // Undone from the last to the first: the section goes when it is empty.
        let section = (self.type_rules && !self.has_defaults).then(|| Afterwards {
            id: "rsc_defaults".to_owned(),
            xpath: "/cib/configuration/rsc_defaults[not(*)]".to_owned(),
            then: None,
        });
        let meta = gone(joining_id(&self.tag));
        let defaults = self.type_rules.then(|| gone(defaults_id(&self.tag)));
        section.into_iter().chain([meta]).chain(defaults).collect()
    }
}

impl Joining {
    /// Nobody is asked where the containers run.
    pub(super) fn constraint(&self, set: &Set) -> Option<El> {
        let asks = self.others && set.spec.kind == NodeKind::Guest;
        asks.then(|| constraints::unprobed(set))
    }

    /// How all of it is put back. What somebody else changed meanwhile is left.
    pub fn afterwards(&self, set: &Set, this_node: &str) -> Vec<Afterwards> {
        let mut all = self.easing.afterwards();
        if !set.spec.anywhere {
            let id = home_id(set);
            all.push(Afterwards {
                xpath: format!("//rsc_location[@id='{id}' and @resource-discovery='{NEVER}']"),
                id,
                then: Some(home(set, this_node, Discovery::Joined).render()),
            });
        }
        if self.first && set.spec.kind == NodeKind::Guest {
            let on = monitor(set);
            let id = on.get("id").unwrap_or_default().to_owned();
            all.push(Afterwards {
                xpath: format!("//op[@id='{id}' and @enabled='false']"),
                id,
                then: Some(on.render()),
            });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacemaker::config::{Cluster, Part, additions};
    use crate::pacemaker::schema::Roles;
    use crate::plan::tests::sample;
    use std::collections::HashSet;

    #[test]
    fn all_that_is_otherwise_is_put_back() {
        let set = sample(2);
        let joining = Joining {
            first: true,
            others: true,
            easing: Easing {
                tag: set.tag(),
                type_rules: true,
                has_defaults: true,
            },
        };
        let mut cluster = Cluster {
            this_node: "node1".into(),
            roles: Roles::of_schema("pacemaker-3.9"),
            revive: Vec::new(),
            joining: Some(joining.clone()),
        };
        let during = additions(&set, Part::All, &cluster);
        cluster.joining = None;
        let after = additions(&set, Part::All, &cluster);
        for back in joining.afterwards(&set, "node1") {
            let of = |tree: &El| {
                let all = tree.walk().into_iter();
                all.filter(|e| e.get("id") == Some(&back.id))
                    .map(El::render)
                    .next()
            };
            assert!(of(&during).is_some(), "{}", back.id);
            assert_ne!(of(&during), of(&after), "{}", back.id);
            assert_eq!(of(&after), back.then, "{}", back.id);
        }
        // Beside these only the constraint is otherwise, which has a record of its own.
        let ids = |tree: &El| -> HashSet<String> {
            let all = tree.walk().into_iter();
            all.filter_map(|e| e.get("id")).map(str::to_owned).collect()
        };
        let recorded = |id: &String| {
            ["lxc-autogen-lxc-joining", "lxc-autogen-lxc-unprobed"]
                .iter()
                .any(|of| id.starts_with(of))
        };
        let (during, after) = (ids(&during), ids(&after));
        assert!(after.is_subset(&during));
        assert!(during.difference(&after).all(recorded), "{during:?}");
    }
}
