//! Which steps of `lab up` change something: what a dry run prints. The others see to what is there.

use super::steps::{Step, Steps};
use super::{Lab, hosts};

/// The steps that would change something, as text; `saved` is the lab that is there.
pub(crate) fn told(lab: &Lab, saved: Option<&Lab>, steps: &Steps) -> Vec<String> {
    let changing = |step: &&Step| saved.is_none_or(|saved| changes(step, lab, saved));
    let told = steps.all().iter().filter(changing);
    told.map(Step::to_string).collect()
}

fn changes(step: &Step, lab: &Lab, saved: &Lab) -> bool {
    match step {
        Step::Files(nodes) | Step::Reconcile(nodes) => !nodes.is_empty(),
        Step::Networks(_) | Step::Groups | Step::Settle => false,
        Step::Hosts(_) => {
            lab.spec.hosts != saved.spec.hosts || hosts::lines(lab) != hosts::lines(saved)
        }
        Step::Fencing(nodes) => *nodes != saved.members().len(),
        Step::Guests(guests) => {
            *guests != saved.spec.containers
                || lab.spec.guest_memory_mib != saved.spec.guest_memory_mib
        }
        Step::Device(_) => !saved.spec.qnetd,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::sample;

    #[test]
    fn of_a_lab_that_is_there_only_the_difference_is_told() {
        let (lab, saved) = (sample(3, 1), sample(2, 1));
        let files = |names: &[&str]| Step::Files(names.iter().map(|n| (*n).to_owned()).collect());
        for (step, is_told) in [
            (files(&["lab-node3"]), true),
            (files(&[]), false),
            (Step::Networks(Vec::new()), false),
            (Step::Fencing(4), true),
            (Step::Fencing(3), false),
            (Step::Reconcile(Vec::new()), false),
            (Step::Guests(saved.spec.containers), false),
            (Step::Guests(9), true),
            (Step::Wait, true),
        ] {
            assert_eq!(changes(&step, &lab, &saved), is_told, "{step}");
        }
    }
}
