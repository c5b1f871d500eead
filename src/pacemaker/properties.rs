//! The cluster's properties in a CIB, and whether they enable fencing.

use super::cib::Cib;
use crate::xml::El;

impl Cib {
    /// The value of a cluster property, from the first property set that has it.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.in_section("crm_config")
            .into_iter()
            .find(|e| e.name == "nvpair" && e.get("name") == Some(name))
            .and_then(|e| e.get("value"))
    }

    /// The `<cluster_property_set>` elements.
    pub fn property_sets(&self) -> Vec<&El> {
        let section = self.section("crm_config").into_iter();
        section.flat_map(|s| &s.children).collect()
    }

    /// Every place where a cluster property is set, as (set, nvpair).
    pub fn property_pairs(&self, name: &str) -> Vec<(&El, &El)> {
        self.property_sets()
            .into_iter()
            .flat_map(|set| set.all("nvpair").into_iter().map(move |pair| (set, pair)))
            .filter(|(_, pair)| pair.get("name") == Some(name))
            .collect()
    }

    /// Whether a cluster property has a value that Pacemaker takes for true; `default` when it is
    /// not set.
    pub fn flag(&self, name: &str, default: bool) -> bool {
        match self.property(name) {
            None => default,
            Some(value) => {
                let value = value.to_ascii_lowercase();
                matches!(value.as_str(), "true" | "on" | "yes" | "y" | "1")
            }
        }
    }

    /// Whether nodes can be fenced: by a device, or by their own watchdogs (sbd without a disk).
    pub fn can_fence(&self) -> bool {
        let device = self
            .in_section("resources")
            .iter()
            .any(|e| e.get("class") == Some("stonith"));
        let watchdog = self.flag("have-watchdog", false)
            && self
                .property("stonith-watchdog-timeout")
                .or_else(|| self.property("fencing-watchdog-timeout"))
                .is_some_and(|t| !t.trim_matches(['0', 's']).is_empty());
        device || watchdog
    }

    /// Whether fencing is enabled: `fencing-enabled` since Pacemaker 3.0.2, `stonith-enabled`
    /// before.
    pub fn fencing_enabled(&self) -> bool {
        self.flag("fencing-enabled", self.flag("stonith-enabled", true))
    }
}
