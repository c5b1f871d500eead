//! Options of a set that can be changed while it is there, and what they were before.

use super::{Form, Spec};
use serde::{Deserialize, Serialize};

/// Values that containers may still have from before a change that is not done yet. What has
/// neither one of these nor the new one has been changed by somebody else, and stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Memory limits in MiB.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory_mib: Vec<u32>,
    /// Sizes of /dev/shm in MiB.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shm_mib: Vec<u32>,
    /// Seconds between two monitors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub monitor_s: Vec<u32>,
}

impl Former {
    /// What is former once a set of `before`, with what was former to it, becomes one of `after`.
    pub fn between(before: &Spec, earlier: &Former, after: &Spec) -> Former {
        let both = |earlier: &[u32], before: u32, after: u32| {
            let mut all = earlier.to_vec();
            all.push(before);
            all.retain(|value| *value != after);
            all.sort_unstable();
            all.dedup();
            all
        };
        Former {
            memory_mib: both(&earlier.memory_mib, before.memory_mib, after.memory_mib),
            shm_mib: both(&earlier.shm_mib, before.shm_mib, after.shm_mib),
            monitor_s: both(&earlier.monitor_s, before.monitor_s, after.monitor_s),
        }
    }

    /// Whether nothing is being changed.
    pub fn is_empty(&self) -> bool {
        self.memory_mib.is_empty() && self.shm_mib.is_empty() && self.monitor_s.is_empty()
    }

    /// What is changed, in words, with what it is to be.
    pub fn told(&self, after: &Spec) -> String {
        let parts = [
            (
                &self.memory_mib,
                match after.form() {
                    Form::Container => format!("memory to {} MiB", after.memory_mib),
                    Form::Virtual => format!(
                        "memory to {} MiB from the next start of each on",
                        after.memory_mib
                    ),
                },
            ),
            (&self.shm_mib, format!("/dev/shm to {} MiB", after.shm_mib)),
            (
                &self.monitor_s,
                format!("monitors to every {} s", after.monitor_s),
            ),
        ];
        let changed = parts.into_iter().filter(|(former, _)| !former.is_empty());
        changed.map(|(_, text)| text).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Wanted;

    fn spec(memory: u32) -> Spec {
        let wanted = Wanted {
            memory: Some(memory),
            ..Wanted::default()
        };
        Spec::resolve(&wanted, None).unwrap()
    }

    #[test]
    fn what_was_is_known_until_the_change_is_done() {
        let none = Former::default();
        assert!(Former::between(&spec(196), &none, &spec(196)).is_empty());
        let first = Former::between(&spec(196), &none, &spec(256));
        assert_eq!(first.memory_mib, [196]);
        assert_eq!(first.told(&spec(256)), "memory to 256 MiB");
        // The same again goes on with it; another change has two values behind it.
        assert_eq!(Former::between(&spec(256), &first, &spec(256)), first);
        let second = Former::between(&spec(256), &first, &spec(300));
        assert_eq!(second.memory_mib, [196, 256]);
        let back = Former::between(&spec(256), &first, &spec(196));
        assert_eq!(back.memory_mib, [256]);
    }
}
