//! What the scheduler would do with a CIB, as `crm_simulate --show-scores` prints it for people. The
//! text has been the same since Pacemaker 2.0, whose crm_simulate prints no XML yet.

use crate::pacemaker::cib::Cib;
use std::collections::{HashMap, HashSet};

/// The scheduler's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Ids of the resources that it would start; an instance of a clone as `ID:NUMBER`.
    starts: HashSet<String>,
    /// By resource and node: whether the resource may run there. Of several scores, the last counts.
    allowed: HashMap<(String, String), bool>,
}

impl Forecast {
    /// Reads what crm_simulate printed.
    pub fn parse(text: &str) -> Forecast {
        let mut forecast = Forecast::default();
        for line in text.lines() {
            if let Some((at, allowed)) = score(line) {
                forecast.allowed.insert(at, allowed);
            } else if let Some(id) = start(line) {
                forecast.starts.insert(id.to_owned());
            }
        }
        forecast
    }

    /// Whether the scheduler would start this resource now.
    pub fn starts(&self, resource: &str) -> bool {
        self.starts.contains(resource)
    }

    /// Whether a resource, or any of its instances when it is a clone, may run on a node.
    fn may_run(&self, resource: &str, node: &str) -> bool {
        self.allowed.iter().any(|((id, at), allowed)| {
            let id = id.split(':').next().unwrap_or_default();
            *allowed && at == node && id == resource
        })
    }

    /// Other people's resources that the cluster may run on this node. Fence devices are not among
    /// them: they run on cluster nodes only (Pacemaker 2.1.5, lib/pacemaker/pcmk_sched_location.c and
    /// "Pacemaker Remote", "Remote nodes").
    pub fn of_others_on(&self, cib: &Cib, node: &str) -> Vec<String> {
        let theirs = cib.others_resources().into_iter();
        let may = theirs.filter(|(_, primitives)| primitives.iter().any(|p| self.may_run(p, node)));
        may.map(|(id, _)| id.to_owned()).collect()
    }
}

/// `FUNCTION: RESOURCE allocation score on NODE: SCORE`, as the resource on the node and whether the
/// score lets it run there.
fn score(line: &str) -> Option<((String, String), bool)> {
    let (_, rest) = line.split_once(": ")?;
    let (id, rest) = rest.split_once(" allocation score on ")?;
    let (node, score) = rest.split_once(": ")?;
    Some(((id.to_owned(), node.to_owned()), !score.starts_with('-')))
}

/// `Start RESOURCE ( NODE )`, in a list or not.
fn start(line: &str) -> Option<&str> {
    let action = line.trim_start_matches([' ', '*']);
    action.strip_prefix("Start ")?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of Pacemaker 2.1.5, shortened: a clone's instance would start on the guest node.
    const SAID: &str = "\
pcmk__primitive_assign: container1 allocation score on lxc1: -INFINITY
pcmk__primitive_assign: container1 allocation score on node1: INFINITY
pcmk__group_assign: pinned allocation score on lxc1: 0
pcmk__primitive_assign: pinned allocation score on lxc1: -INFINITY
pcmk__primitive_assign: web allocation score on lxc1: 0
pcmk__primitive_assign: db allocation score on lxc1: 100
pcmk__primitive_assign: cp:0 allocation score on lxc1: -INFINITY
pcmk__primitive_assign: cp:1 allocation score on lxc1: 0

Transition Summary:
  * Start      cp:1           (        lxc1 )
  * Start      container1     ( world-node1 )
  * Stop       other          ( world-node1 )
";

    const CIB: &str = r#"<cib><configuration><resources>
        <primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/>
        <primitive id="pinned" class="ocf" provider="pacemaker" type="Dummy"/>
        <primitive id="fence" class="stonith" type="fence_virt"/>
        <group id="g"><primitive id="db" class="ocf" provider="pacemaker" type="Dummy"/></group>
        <clone id="c"><primitive id="cp" class="ocf" provider="pacemaker" type="Dummy"/></clone>
        <template id="lxc-autogen-lxc"/>
        <primitive id="container1" class="ocf" provider="heartbeat" type="VirtualDomain"
          description="(guest node lxc1 of lxc-autogen-lxc)"/>
        <primitive id="far" class="ocf" provider="pacemaker" type="remote"/>
        </resources><constraints/></configuration></cib>"#;

    #[test]
    fn what_starts_and_what_of_others_may_run_on_a_guest() {
        let forecast = Forecast::parse(SAID);
        assert!(forecast.starts("container1") && forecast.starts("cp:1"));
        assert!(!forecast.starts("other") && !forecast.starts("web"));
        // Older ones indent by one, or print one more space.
        assert!(Forecast::parse(" * Start      lxc1     ( node1 )  ").starts("lxc1"));
        let cib = Cib::parse(CIB).unwrap();
        assert_eq!(forecast.of_others_on(&cib, "lxc1"), ["web", "g", "c"]);
        assert!(forecast.of_others_on(&cib, "lxc2").is_empty());
    }
}
