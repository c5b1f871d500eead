//! The cluster's own throttling, raised while many nodes join.
//!
//! Every guest node that joins ends the running transition and makes the scheduler run again. Each
//! transition starts only as many connections as a node's job limit allows. The limit is
//! `node-action-limit` (twice the number of cores when unset) while the load is low, half of it at
//! medium load, and one at high load; `load-threshold` says which load counts as high (Pacemaker
//! Explained, "Cluster Options").
//!
//! The controller looks at the load every 30 s, and it takes over a new limit only when the load's
//! class has changed then (Pacemaker 2.1.5, daemons/controld/controld_throttle.c: throttle_timer_cb
//! sends the limit with the mode). So a higher limit does not help a join that takes less than 30
//! s; it keeps a long join from being slowed down to one node at a time.

use super::cib::Cib;
use crate::xml::El;
use std::collections::BTreeSet;

/// The beginning of the ids of our nvpairs, and the id of our own property set in a CIB that has
/// none.
const SET: &str = "lxc-autogen-join";

/// The properties that are raised, and their raised values. The last one is the number of messages
/// that may wait for a daemon before pacemaker-based takes that daemon for dead, which ends the
/// controller and all its connections (Pacemaker Explained, "Cluster Options"; seen when 500 guest
/// nodes were stopped, with the default of 500).
const RAISED: [(&str, &str); 3] = [
    ("node-action-limit", "100"),
    ("load-threshold", "10000%"),
    (IPC_LIMIT, "100000"),
];
const IPC_LIMIT: &str = "cluster-ipc-limit";

/// One property that is raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    /// The property's name.
    pub name: String,
    /// XML id of the nvpair that has the property, or will have it.
    pub nvpair: String,
    /// XML id of the set that the nvpair is in.
    set: String,
    /// The raised value.
    pub raised: String,
    /// The value before, if the property was set.
    pub previous: Option<String>,
}

/// What to raise in this cluster while nodes leave: only the limit that keeps the daemons
/// connected. A higher job limit would not help, since many agents at a time take no less time than
/// a few when all of them want the processor.
pub fn raises_to_leave(cib: &Cib) -> Vec<Raise> {
    let all = raises(cib).into_iter();
    all.filter(|raise| raise.name == IPC_LIMIT).collect()
}

/// What to raise in this cluster while nodes join. A property is left alone if its value is as high
/// already, or if it is set several times (by rules, say).
pub fn raises(cib: &Cib) -> Vec<Raise> {
    let set = set_for(cib);
    let raise = |wanted: &(&str, &str)| {
        let (name, raised) = wanted;
        let new = new(wanted, &set);
        match cib.property_pairs(name).as_slice() {
            [] => Some(new),
            // Our own nvpair: left by a run whose journal is lost, or by another set that is
            // joining now.
            [(set, pair)] if pair.get("id") == Some(&new.nvpair) && is_raised(pair, raised) => {
                Some(Raise {
                    set: set.get("id")?.to_owned(),
                    ..new
                })
            }
            [(set, pair)] if !is_raised(pair, raised) => Some(Raise {
                nvpair: pair.get("id")?.to_owned(),
                set: set.get("id")?.to_owned(),
                previous: Some(pair.get("value")?.to_owned()),
                ..new
            }),
            _ => None,
        }
    };
    RAISED.iter().filter_map(raise).collect()
}

/// The id of the property set for a property that is not set yet: an existing set without a rule,
/// since the controller does not notice a new set (Pacemaker 2.1.5, lib/common/alerts.c,
/// pcmk__alert_in_patchset). In a CIB without any such set it is our own.
fn set_for(cib: &Cib) -> String {
    let sets = cib.property_sets();
    let holds = |s: &&&El| s.find("rule").is_none();
    let usual = sets
        .iter()
        .find(|s| s.get("id") == Some("cib-bootstrap-options"));
    usual
        .filter(holds)
        .or_else(|| sets.iter().find(holds))
        .and_then(|s| s.get("id"))
        .unwrap_or(SET)
        .to_owned()
}

/// Properties that lxc-autogen raised though no journal records it: a cluster that was killed comes
/// back with the last CIB on its disk. [`raised`] finds what is still in the CIB.
pub fn left_over(cib: &Cib) -> Vec<Raise> {
    let all: Vec<Raise> = RAISED.iter().map(|wanted| new(wanted, SET)).collect();
    if cib.has_id(SET) || all.iter().any(|r| cib.has_id(&r.nvpair)) {
        all
    } else {
        Vec::new()
    }
}

fn new((name, raised): &(&str, &str), set: &str) -> Raise {
    Raise {
        name: (*name).to_owned(),
        nvpair: format!("{SET}-{name}"),
        set: set.to_owned(),
        raised: (*raised).to_owned(),
        previous: None,
    }
}

fn is_raised(pair: &El, raised: &str) -> bool {
    let number = |text: &str| text.trim_end_matches('%').parse::<u64>().unwrap_or(0);
    number(pair.get("value").unwrap_or_default()) >= number(raised)
}

/// The `<crm_config>` section that raises these properties. It goes into the change that adds the
/// nodes, since every change ends the running transition.
pub fn crm_config(raises: &[Raise]) -> El {
    let pair = |r: &Raise| {
        El::new("nvpair")
            .attr("id", &r.nvpair)
            .attr("name", &r.name)
            .attr("value", &r.raised)
    };
    let sets: BTreeSet<&str> = raises.iter().map(|r| r.set.as_str()).collect();
    El::new("crm_config").children(sets.into_iter().map(|id| {
        El::new("cluster_property_set")
            .attr("id", id)
            .children(raises.iter().filter(|r| r.set == id).map(pair))
    }))
}

/// Whether this is a property that is raised, and the value that it is raised to.
pub fn is_one(name: &str, raised: &str) -> bool {
    RAISED.contains(&(name, raised))
}

/// Finds a raised property's nvpair in the CIB, unless somebody has set another value since.
pub fn raised(nvpair: &str, value: &str) -> String {
    format!("//crm_config//nvpair[@id='{nvpair}' and @value='{value}']")
}

/// The nvpair of a property as it was before.
pub fn previous(nvpair: &str, name: &str, value: &str) -> String {
    let pair = El::new("nvpair").attr("id", nvpair).attr("name", name);
    pair.attr("value", value).render()
}

/// Finds our own property set in the CIB when it is empty.
pub fn own_set_emptied() -> String {
    format!("//crm_config/cluster_property_set[@id='{SET}' and not(*)]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cib(crm_config: &str) -> Cib {
        let text = format!(
            "<cib><configuration><crm_config>{crm_config}</crm_config></configuration></cib>"
        );
        Cib::parse(&text).unwrap()
    }

    fn set(id: &str, name: &str, value: &str) -> String {
        format!(
            r#"<cluster_property_set id="{id}"><nvpair id="{id}-{name}" name="{name}" value="{value}"/></cluster_property_set>"#
        )
    }

    #[test]
    fn what_is_unset_goes_into_a_set_of_our_own() {
        let raises = raises(&cib(""));
        let all: Vec<_> = raises
            .iter()
            .map(|r| (r.nvpair.as_str(), r.raised.as_str(), r.previous.as_deref()))
            .collect();
        let expected = [
            ("lxc-autogen-join-node-action-limit", "100", None),
            ("lxc-autogen-join-load-threshold", "10000%", None),
            ("lxc-autogen-join-cluster-ipc-limit", "100000", None),
        ];
        let to_leave = raises_to_leave(&cib(""));
        let names: Vec<_> = to_leave.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["cluster-ipc-limit"]);
        assert_eq!(all, expected);
    }

    #[test]
    fn what_is_set_is_raised_in_its_place_and_its_value_kept() {
        let raises = raises(&cib(&set("opts", "node-action-limit", "4")));
        assert_eq!(raises[0].nvpair, "opts-node-action-limit");
        assert_eq!(raises[0].previous.as_deref(), Some("4"));
        let xml = crm_config(&raises).render();
        // Both in the set that is there.
        assert_eq!(xml.matches("<cluster_property_set").count(), 1, "{xml}");
        assert!(xml.contains(r#"<cluster_property_set id="opts">"#), "{xml}");
        assert!(xml.contains(r#"value="100""#), "{xml}");
    }

    #[test]
    fn high_enough_or_ambiguous_values_are_left_alone() {
        let high = set("opts", "node-action-limit", "200");
        assert!(
            raises(&cib(&high))
                .iter()
                .all(|r| r.name != "node-action-limit")
        );
        let twice = set("a", "load-threshold", "50%") + &set("b", "load-threshold", "90%");
        assert!(
            raises(&cib(&twice))
                .iter()
                .all(|r| r.name != "load-threshold")
        );
    }

    #[test]
    fn what_a_lost_run_left_raised_is_taken_over() {
        let left = set(SET, "node-action-limit", "100");
        let taken = raises(&cib(&left));
        assert_eq!(taken[0].nvpair, "lxc-autogen-join-node-action-limit");
        assert_eq!(taken[0].previous, None);
        let names: Vec<_> = left_over(&cib(&left)).into_iter().map(|r| r.name).collect();
        assert_eq!(names, RAISED.map(|(name, _)| name));
        assert!(left_over(&cib("")).is_empty());
    }
}
