//! What is otherwise in the CIB while nodes join, and how it is put back.
//!
//! The scheduler runs again for every few nodes that join, and most of its time goes into looking
//! up, for every resource on every node, whether it has failed there too often: each look compiles
//! two regular expressions (Pacemaker 2.1.5, lib/pengine/failcounts.c, pe_get_failcount; of a run
//! over 200 guest nodes 58 % of the time). With `migration-threshold` 0 it does not look
//! (lib/pacemaker/pcmk_sched_resource.c, pcmk__threshold_reached). It is 0 while nodes join only,
//! for what cannot start would be tried for ever; a large set keeps it, since without it a run takes
//! longer than pacemakerd waits for an answer ([`is_large`]).
//!
//! Nor is it written down that an operation begins ([`UNTOLD`]).
//!
//! The containers' monitors begin when all have joined: until then the connections tell as much,
//! and each costs as much as the start of a container that runs already.

use super::constraints::{self, NEVER, home, home_id};
use super::named::{Named, TAGS};
use super::{Discovery, nvpairs};
use crate::pacemaker::cib::Cib;
use crate::plan::{Machine, Set};
use crate::spec::NodeKind;
use crate::xml::El;

/// Sets of so many keep `migration-threshold` 0 for as long as they are there. With it a run of the
/// scheduler over 600 guest nodes takes 2 to 3 s, without it 20 s, and four times that for twice as
/// many; pacemakerd ends a scheduler that does not answer for 35 s (2 cores, Pacemaker 2.1.5).
const EASED_FROM: u32 = 400;

/// Whether a set of so many nodes is one of these.
pub fn is_large(nodes: u32) -> bool {
    nodes >= EASED_FROM
}

/// Whether the CIB element with this id stays for as long as a set of this size is in the CIB, and
/// not only while its nodes join. The connections' default (`migration-threshold` in
/// `rsc_defaults`) would hold for other people's connections too: it stays only where there are
/// none. The section of tags has the set's for as long as the set is there.
pub fn stays(id: &str, set: &Set, others_connect: bool) -> bool {
    if id == TAGS {
        return true;
    }
    if !is_large(set.spec.containers) {
        return false;
    }
    let of_connections = id == defaults_id(&set.tag()) || id == SECTIONS[0];
    let of_containers = id == joining_id(&set.tag()) || id == containers_id(&set.tag());
    of_containers || (of_connections && !others_connect)
}

/// What makes the cluster's work easier while many resources of a set start or stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Easing {
    /// The set's tag.
    pub tag: String,
    /// The schema has rules that single out a resource's type (pacemaker-3.4 and later,
    /// xml/rule-3.4.rng: `rsc_expression`).
    pub type_rules: bool,
    /// Of [`SECTIONS`], those that the CIB does not have yet, or has only since another set joins:
    /// whichever set is the last to be ready takes them away.
    pub missing: Vec<&'static str>,
}

/// What a join needs in this cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// The set is new to the CIB.
    pub first: bool,
    /// There are nodes beside this one that the cluster would ask for the containers.
    pub others: bool,
    /// Nodes where the containers that are new to the cluster run already, in turn.
    pub placed: Vec<String>,
    /// How the set's constraints name its primitives.
    pub named: Named,
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

/// The id of the meta attributes that tell that nodes of a set are joining, in its marker.
pub fn joining_id(tag: &str) -> String {
    format!("{tag}-joining")
}

/// Sections of the CIB with what holds where a resource does not say it.
pub const SECTIONS: [&str; 2] = ["rsc_defaults", "op_defaults"];

pub(super) const CONTAINERS: &str = "-joining-containers";
const DEFAULTS: &str = "-joining-connections";
const OPERATIONS: &str = "-joining-operations";

/// Stands for the meta attribute that is in each container's primitive.
fn containers_id(tag: &str) -> String {
    format!("{tag}{CONTAINERS}")
}

fn defaults_id(tag: &str) -> String {
    format!("{tag}{DEFAULTS}")
}

fn operations_id(tag: &str) -> String {
    format!("{tag}{OPERATIONS}")
}

/// What joins have left in a CIB that no marker tells of any more.
pub fn left_over(cib: &Cib) -> Vec<Afterwards> {
    let ids = cib.ids().into_iter();
    ids.filter(|id| id.starts_with("lxc-autogen-"))
        .filter_map(|id| match id {
            id if id.ends_with(DEFAULTS) => Some(gone(id.to_owned(), UNLIMITED)),
            id if id.ends_with(OPERATIONS) => Some(gone(id.to_owned(), UNTOLD)),
            _ => None,
        })
        .collect()
}

/// Whether this section has nothing but what sets of ours have in it while they join.
pub fn is_of_joins(cib: &Cib, section: &str) -> bool {
    let all = cib.section(section).map(|it| it.children.as_slice());
    let all = all.unwrap_or_default();
    let is_ours = |id: &str| {
        id.starts_with("lxc-autogen-") && (id.ends_with(DEFAULTS) || id.ends_with(OPERATIONS))
    };
    !all.is_empty() && all.iter().all(|it| it.get("id").is_some_and(is_ours))
}

/// The end of an XPath that finds an element only when nothing is in it.
const EMPTY: &str = "[not(*)]";

/// Whether what this XPath of an [`Afterwards`] finds goes only when it is empty.
pub fn goes_when_empty(xpath: &str) -> bool {
    xpath.ends_with(EMPTY)
}

/// What takes a section of the CIB away when it is empty.
pub fn section_gone(name: &str) -> Afterwards {
    Afterwards {
        id: name.to_owned(),
        xpath: format!("/cib/configuration/{name}{EMPTY}"),
        then: None,
    }
}

/// What finds meta attributes of ours that say this and takes them away.
pub(super) fn gone(id: String, (name, value): (&str, &str)) -> Afterwards {
    Afterwards {
        xpath: format!(
            "//meta_attributes[@id='{id}' and nvpair[@name='{name}' and @value='{value}']]"
        ),
        id,
        then: None,
    }
}

/// What finds the meta attribute in the primitives of a set's containers and takes it away.
pub(super) fn gone_from_containers(tag: &str) -> Afterwards {
    let (name, value) = UNLIMITED;
    Afterwards {
        xpath: format!(
            "/cib/configuration/resources/primitive[contains(@description,' of {tag})')]/meta_attributes/nvpair\
             [@name='{name}' and @value='{value}' and @id=concat(../@id,'-{name}')]"
        ),
        id: containers_id(tag),
        then: None,
    }
}

/// The meta attribute (name, value) that every container's primitive has while many start or stop.
pub(super) fn eased_meta() -> (&'static str, &'static str) {
    UNLIMITED
}

pub(super) const UNLIMITED: (&str, &str) = ("migration-threshold", "0");
/// An operation is written into the CIB when it ends, not when it begins too: of 200 nodes that join
/// a third fewer changes, of 200 that leave a fifth (Pacemaker Explained, "Operation properties").
pub(super) const UNTOLD: (&str, &str) = ("record-pending", "false");

fn meta(id: &str, (name, value): (&str, &str)) -> El {
    nvpairs("meta_attributes", id, &[(name, value.to_owned())])
}

/// Meta attributes that hold for resources of these types (provider, name).
fn meta_for(types: &[(&str, &str)], id: &str, pair: (&str, &str)) -> El {
    let of = types.iter().enumerate().map(|(n, (provider, name))| {
        El::new("rsc_expression")
            .attr("id", format!("{id}-rule-{n}"))
            .attr("class", "ocf")
            .attr("provider", *provider)
            .attr("type", *name)
    });
    let rule = El::new("rule")
        .attr("id", format!("{id}-rule"))
        .attr("score", "0")
        .attr("boolean-op", "or")
        .children(of);
    let mut set = meta(id, pair);
    set.children.insert(0, rule);
    set
}

impl Easing {
    /// Tells that many of the set's resources start or stop, for its marker.
    pub(super) fn mark(&self) -> El {
        meta(&joining_id(&self.tag), UNLIMITED)
    }

    /// The connections' part, whose resources are implicit, so that only a default reaches them; and
    /// that of the operations of both.
    pub(super) fn defaults(&self) -> Vec<El> {
        if !self.type_rules {
            return Vec::new();
        }
        let (connection, container) = (("pacemaker", "remote"), ("heartbeat", "VirtualDomain"));
        let (defaults, operations) = (defaults_id(&self.tag), operations_id(&self.tag));
        let all = [
            meta_for(&[connection], &defaults, UNLIMITED),
            meta_for(&[connection, container], &operations, UNTOLD),
        ];
        let sections = SECTIONS.into_iter().zip(all);
        sections
            .map(|(section, set)| El::new(section).child(set))
            .collect()
    }

    /// How all of it is put back. What somebody else changed meanwhile is left.
    pub fn afterwards(&self) -> Vec<Afterwards> {
        let mark = gone(joining_id(&self.tag), UNLIMITED);
        let containers = gone_from_containers(&self.tag);
        if !self.type_rules {
            return vec![mark, containers];
        }
        // Undone from the last to the first: a section goes when it is empty.
        let sections = self.missing.iter().map(|name| section_gone(name));
        let defaults = gone(defaults_id(&self.tag), UNLIMITED);
        let operations = gone(operations_id(&self.tag), UNTOLD);
        let ours = [mark, containers, defaults, operations];
        sections.chain(ours).collect()
    }
}

impl Joining {
    /// Nobody is asked where the containers run; and those that run already, and whose primitives are
    /// not among these, are to run where they do.
    pub fn constraints(&self, set: &Set, there: &[String]) -> Vec<El> {
        if !self.others || set.spec.kind != NodeKind::Guest {
            return Vec::new();
        }
        let guests = set.guests().into_iter();
        let new: Vec<Machine> = guests.filter(|g| !there.contains(&g.resource)).collect();
        let share = |place: usize| {
            let on_it = |g: &&Machine| (g.number as usize - 1) % self.placed.len() == place;
            new.iter().filter(on_it).collect::<Vec<_>>()
        };
        let places = self.placed.iter().enumerate();
        let placed =
            places.map(|(place, node)| constraints::placed(set, place, node, &share(place)));
        let placed = placed.flatten();
        [constraints::unprobed(set)]
            .into_iter()
            .chain(placed)
            .collect()
    }

    /// Whether the containers' monitors begin only when all have joined.
    pub fn has_monitors_later(&self, set: &Set) -> bool {
        self.first && set.spec.kind == NodeKind::Guest
    }

    /// How the rest of it is put back. What somebody else changed meanwhile is left.
    pub fn afterwards(&self, set: &Set, this_node: &str) -> Vec<Afterwards> {
        let mut all = self.easing.afterwards();
        if !set.spec.anywhere {
            let id = home_id(set);
            all.push(Afterwards {
                xpath: format!("//rsc_location[@id='{id}' and @resource-discovery='{NEVER}']"),
                id,
                then: Some(home(set, self.named, this_node, Discovery::Joined).render()),
            });
        }
        all
    }
}

#[cfg(test)]
mod tests;
