//! Which steps of a run change something: what a dry run prints. The others see to what is there.

use super::steps::{Step, Steps};
use crate::look::Look;
use crate::machine::{self, Doing};
use crate::plan::Set;

/// The steps that would change something, as text; `before` is the set that is there.
pub(crate) fn told(look: &Look<'_>, set: &Set, before: Option<&Set>, steps: &Steps) -> Vec<String> {
    let there = There::of(look, set);
    let changing = steps.all().iter().filter_map(|s| there.changed(s, before));
    changing.map(|step| step.to_string()).collect()
}

/// What is there already, as far as libvirt and the cluster can be asked.
#[derive(Debug, Default)]
struct There {
    /// The set's network.
    network: bool,
    /// All of its containers run.
    running: bool,
    /// How many of its nodes the CIB has.
    in_cib: u32,
}

impl There {
    fn of(look: &Look<'_>, set: &Set) -> There {
        let guests = set.guests();
        let names: Vec<String> = guests.iter().map(|g| g.name.clone()).collect();
        let domains = machine::of_form(set.spec.form()).watch(&look.context.host, &names);
        let domains = domains.unwrap_or_default();
        let runs = |name: &str| domains.get(name).is_some_and(|it| it.doing == Doing::Runs);
        let known = look.cib().map_or(0, |cib| {
            let known = guests.iter().filter(|g| cib.has_id(&g.resource));
            known.count()
        });
        There {
            network: matches!(look.network(&set.network), Ok(Some(_))),
            running: guests.iter().all(|g| runs(&g.name)),
            in_cib: u32::try_from(known).unwrap_or_default(),
        }
    }

    /// The part of a step that changes something.
    fn changed(&self, step: &Step, before: Option<&Set>) -> Option<Step> {
        let stays = match step {
            Step::Keep(..) => true,
            // It is seen to each time.
            Step::Machines(_) => before.is_some(),
            Step::Network { .. } => before.is_some() && self.network,
            Step::Hosts(lines) => before.is_some_and(|b| b.spec.hosts && b.spec.count() == *lines),
            Step::Start(_) => self.running,
            Step::Join { containers, .. } => self.in_cib == *containers,
            _ => false,
        };
        match step {
            _ if stays => None,
            Step::Join { containers, kind } => Some(Step::Join {
                containers: containers - self.in_cib,
                kind: *kind,
            }),
            step => Some(step.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Form, NodeKind};

    #[test]
    fn what_is_there_is_not_told() {
        let there = There {
            network: true,
            running: true,
            in_cib: 2,
        };
        let network = Step::Network {
            name: "lxc-autogen".into(),
            subnet: "192.168.123.0/24".into(),
        };
        let join = |containers| Step::Join {
            containers,
            kind: NodeKind::Guest,
        };
        let set = crate::plan::tests::sample(2);
        let told = |step: &Step| there.changed(step, Some(&set)).map(|s| s.to_string());
        let (keep, start) = (Step::Keep(2, Form::Container), Step::Start(Form::Container));
        for step in [&keep, &network, &start, &join(2)] {
            assert_eq!(told(step), None);
        }
        // A network of this name is in the way of a new set.
        assert!(there.changed(&network, None).is_some());
        assert_eq!(
            told(&join(5)).unwrap(),
            "add 3 guest nodes to the CIB, in one change"
        );
        assert!(told(&Step::Wait).is_some());
    }
}
