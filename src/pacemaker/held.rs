//! What somebody has done to single nodes of a set, which lxc-autogen leaves alone: disabled,
//! unmanaged, kept off where they could run.

use super::cib::Cib;
use super::config;
use crate::plan::Set;
use crate::xml::El;
use std::collections::{HashMap, HashSet};

/// Why the cluster does not start or manage a node's resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// `target-role` is Stopped (`pcs resource disable`, `crm resource stop`).
    Disabled,
    /// `is-managed` is false, or `maintenance` is true (`pcs resource unmanage`).
    Unmanaged,
    /// A constraint against each node where it could run (`pcs resource ban`).
    Banned,
}

impl How {
    /// One word for people.
    pub fn word(self) -> &'static str {
        match self {
            How::Disabled => "disabled",
            How::Unmanaged => "unmanaged",
            How::Banned => "banned",
        }
    }
}

/// A node of a set that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Name of the node.
    pub node: String,
    /// Id of the primitive that runs it.
    pub resource: String,
    /// Every reason.
    pub how: Vec<How>,
    /// Ids of the constraints by which it is banned.
    pub bans: Vec<String>,
}

impl Held {
    /// Every reason in a word.
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.how.iter().map(|how| how.word()).collect();
        words.join(", ")
    }

    /// Whether the cluster stops it, if it has not done so yet.
    pub fn leaves(&self) -> bool {
        self.how.iter().all(|how| *how != How::Unmanaged)
    }

    /// `lxc2 (disabled)`.
    pub fn in_short(&self) -> String {
        format!("{} ({})", self.node, self.words())
    }
}

impl Cib {
    /// The nodes of a set that somebody holds; `places` are the cluster nodes where they can run. A
    /// resource that an interrupted removal of ours has stopped is none of them.
    pub fn held(&self, set: &Set, places: &[String]) -> Vec<Held> {
        let primitives = self.primitives_of_set(&set.tag()).into_iter();
        let by_id: HashMap<&str, &El> =
            primitives.filter_map(|p| Some((p.get("id")?, p))).collect();
        let leaving: HashSet<&str> = self.leaving().into_iter().collect();
        let guests = set.guests().into_iter();
        let all = guests.filter_map(|guest| {
            let primitive = by_id.get(guest.resource.as_str())?;
            let ids = [guest.name.as_str(), guest.resource.as_str()];
            let bans = self.bans_everywhere(&ids, places);
            let mut how = Vec::new();
            if is_disabled(primitive)
                && !leaving.contains(config::leaving_id(&guest.resource).as_str())
            {
                how.push(How::Disabled);
            }
            if is_unmanaged(primitive) {
                how.push(How::Unmanaged);
            }
            if !bans.is_empty() {
                how.push(How::Banned);
            }
            let bans = bans.into_iter().map(str::to_owned).collect();
            (!how.is_empty()).then_some(Held {
                node: guest.name,
                resource: guest.resource,
                how,
                bans,
            })
        });
        all.collect()
    }

    /// Ids of the marks of resources that an interrupted removal of ours has stopped
    /// ([`config::leaving_id`]).
    pub fn leaving(&self) -> Vec<&str> {
        let pairs = self.in_section("resources").into_iter();
        pairs
            .filter(|e| e.name == "nvpair" && e.get("name") == Some(config::NODE_ATTRIBUTE))
            .filter(|e| e.get("value") == Some(config::LEAVING))
            .filter_map(|e| e.get("id"))
            .collect()
    }

    /// Of these primitives, those that the cluster does not manage.
    pub fn unmanaged<'a>(&self, ids: &'a [String]) -> Vec<&'a str> {
        let all = self.in_section("resources").into_iter();
        let unmanaged: HashSet<&str> = all
            .filter(|e| e.name == "primitive" && is_unmanaged(e))
            .filter_map(|e| e.get("id"))
            .collect();
        let ids = ids.iter().map(String::as_str);
        ids.filter(|id| unmanaged.contains(id)).collect()
    }

    /// The constraints against all of these places; none where one of them is free.
    fn bans_everywhere(&self, ids: &[&str], places: &[String]) -> Vec<&str> {
        let mut all = Vec::new();
        for place in places {
            let bans = self.bans_of(ids, place);
            if bans.is_empty() {
                return Vec::new();
            }
            all.extend(bans);
        }
        all
    }
}

/// The value of a resource's meta attribute. Sets with rules do not count.
fn meta<'a>(resource: &'a El, name: &str) -> Option<&'a str> {
    let sets = resource
        .children
        .iter()
        .filter(|e| e.name == "meta_attributes");
    sets.filter(|set| set.find("rule").is_none())
        .flat_map(|set| &set.children)
        .find(|pair| pair.get("name") == Some(name))?
        .get("value")
}

fn is_disabled(resource: &El) -> bool {
    meta(resource, "target-role").is_some_and(|role| role.eq_ignore_ascii_case("stopped"))
}

fn is_unmanaged(resource: &El) -> bool {
    let is = |name: &str, value: &str| {
        meta(resource, name).is_some_and(|v| v.eq_ignore_ascii_case(value))
    };
    is("is-managed", "false") || is("maintenance", "true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;

    #[test]
    fn what_people_do_is_told_from_what_a_removal_did() {
        let primitive = |id: &str, pairs: &str| {
            format!(
                "<primitive id=\"{id}\" class=\"ocf\" provider=\"heartbeat\" type=\"VirtualDomain\" \
                 description=\"(guest node lxc1 of lxc-autogen-lxc)\"><meta_attributes id=\"{id}-meta_attributes\">{pairs}\
                 </meta_attributes></primitive>"
            )
        };
        let pair = |id: &str, name: &str, value: &str| {
            format!("<nvpair id=\"{id}\" name=\"{name}\" value=\"{value}\"/>")
        };
        let stopped = pair("r", "target-role", "Stopped");
        let ours = pair(
            &config::leaving_id("container2"),
            "lxc-autogen",
            config::LEAVING,
        );
        let resources = [
            primitive("container1", &stopped),
            primitive("container2", &(stopped.replace("\"r\"", "\"r2\"") + &ours)),
            primitive("container3", &pair("m", "is-managed", "false")),
            primitive("container4", &pair("t", "target-role", "Started")),
            primitive("container5", ""),
        ];
        let text = format!(
            "<cib><configuration><resources>{}</resources><constraints><rsc_location id=\"ban\" \
             rsc=\"container5\" node=\"n1\" score=\"-INFINITY\"/></constraints></configuration></cib>",
            resources.concat()
        );
        let cib = Cib::parse(&text).unwrap();
        let in_short = |places: &[&str]| {
            let places: Vec<String> = places.iter().map(|p| (*p).to_owned()).collect();
            let held = cib.held(&sample(5), &places);
            held.iter()
                .map(Held::in_short)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let two = "lxc1 (disabled) lxc3 (unmanaged)";
        assert_eq!(in_short(&["n1"]), format!("{two} lxc5 (banned)"));
        let leaves = cib.held(&sample(5), &["n1".to_owned()]);
        let leaves: Vec<bool> = leaves.iter().map(Held::leaves).collect();
        assert_eq!(leaves, [true, false, true]);
        // Elsewhere it could run.
        assert_eq!(in_short(&["n1", "n2"]), two);
    }
}
