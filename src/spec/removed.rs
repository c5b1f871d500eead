//! Numbers of a set that are left out, because somebody removed single containers.

use super::{Spec, Wanted};
use crate::error::{Error, Result};
use std::collections::BTreeSet;

impl Spec {
    /// The set after what is wanted of single containers: those to be removed are left out, and those
    /// to be enabled are in it again. A set whose last ones are left out is a smaller one.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] for a name that no container has, or when none would be left.
    pub(super) fn without_removed(mut self, wanted: &Wanted) -> Result<Spec> {
        for name in &wanted.remove {
            let number = self.prefix.number(name);
            let number = number.filter(|n| *n <= self.containers && !self.removed.contains(n));
            let number = number.ok_or_else(|| {
                let error = Error::usage(format!("no node of the set is called {name}"));
                match self.removed.iter().any(|n| self.prefix.node(*n) == *name) {
                    true => error.mend("it is removed already"),
                    false => error.mend("lxc-autogen status shows its nodes"),
                }
            })?;
            self.removed.insert(number);
        }
        for name in &wanted.enable {
            self.prefix
                .number(name)
                .map(|number| self.removed.remove(&number));
        }
        self.removed.retain(|number| *number <= self.containers);
        while self.removed.remove(&self.containers) {
            self.containers -= 1;
        }
        match self.containers {
            0 if !wanted.remove.is_empty() => Err(Error::usage("no node of the set would be left")
                .mend("lxc-autogen cleanup removes all of them")),
            _ => Ok(self),
        }
    }

    /// The numbers of the set's containers, from the first to the last.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let removed: BTreeSet<u32> = self.removed.clone();
        (1..=self.containers).filter(move |number| !removed.contains(number))
    }

    /// How many containers the set has.
    pub fn count(&self) -> u32 {
        self.containers - self.removed.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(saved: Option<&Spec>, wanted: Wanted) -> Result<Spec> {
        Spec::resolve(&wanted, saved)
    }

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn gaps_are_remembered_and_closed_on_request() {
        let five = Wanted {
            containers: Some(5),
            ..Wanted::default()
        };
        let set = after(None, five).unwrap();
        let remove = |set: &Spec, all: &[&str]| {
            let remove = names(all);
            let wanted = Wanted {
                remove,
                ..Wanted::default()
            };
            after(Some(set), wanted)
        };
        let numbers = |set: &Spec| set.numbers().collect::<Vec<_>>();
        let gap = remove(&set, &["lxc2"]).unwrap();
        assert_eq!((numbers(&gap), gap.count()), (vec![1, 3, 4, 5], 4));
        // The last ones leave no gap, and take one before them along.
        let gap = remove(&gap, &["lxc4"]).unwrap();
        assert_eq!(numbers(&gap), [1, 3, 5]);
        let short = remove(&gap, &["lxc5"]).unwrap();
        assert_eq!((numbers(&short), short.containers), (vec![1, 3], 3));
        for wrong in [&["lxc2"][..], &["lxc6"], &["web"]] {
            let said = remove(&gap, wrong).unwrap_err().to_string();
            assert!(said.contains(wrong[0]), "{said}");
        }
        let said = remove(&gap, &["lxc1", "lxc3", "lxc5"])
            .unwrap_err()
            .to_string();
        assert!(said.contains("cleanup"), "{said}");
        // Growth keeps it; the node itself can come back.
        let more = Wanted {
            containers: Some(6),
            ..Wanted::default()
        };
        assert_eq!(numbers(&after(Some(&gap), more).unwrap()), [1, 3, 5, 6]);
        let back = Wanted {
            enable: names(&["lxc2"]),
            ..Wanted::default()
        };
        assert_eq!(numbers(&after(Some(&gap), back).unwrap()), [1, 2, 3, 5]);
    }
}
