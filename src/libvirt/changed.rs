//! A container's domain XML with another memory limit or /dev/shm. What else is in it stays: people
//! may have changed it.

use crate::xml::El;

/// Puts another memory limit in the place of one of these, in MiB. Gives back whether the domain
/// has the new one then; where it has neither, somebody has changed it, and it stays.
pub fn with_memory(domain: &mut El, former: &[u32], mib: u32) -> bool {
    let memory = domain.children.iter_mut().find(|e| e.name == "memory");
    let Some(memory) = memory.filter(|e| e.get("unit") == Some("MiB")) else {
        return false;
    };
    replaced(&mut memory.text, former, mib, |mib| mib.to_string())
}

/// As [`with_memory`], for the size of /dev/shm.
pub fn with_shm(domain: &mut El, former: &[u32], mib: u32) -> bool {
    let devices = domain.children.iter_mut().find(|e| e.name == "devices");
    let is_shm = |e: &El| {
        let target = e.find("target").and_then(|t| t.get("dir"));
        e.get("type") == Some("ram") && target == Some("/dev/shm")
    };
    let shm = devices.and_then(|d| d.children.iter_mut().find(|e| is_shm(e)));
    let source = shm.and_then(|e| e.children.iter_mut().find(|e| e.name == "source"));
    let usage = source
        .filter(|e| e.get("units") == Some("KiB"))
        .and_then(|e| e.attrs.iter_mut().find(|(name, _)| name == "usage"));
    let kib = |mib: u32| (u64::from(mib) * 1024).to_string();
    usage.is_some_and(|(_, value)| replaced(value, former, mib, kib))
}

fn replaced(value: &mut String, former: &[u32], new: u32, text: impl Fn(u32) -> String) -> bool {
    if former.iter().any(|mib| *value == text(*mib)) {
        *value = text(new);
    }
    *value == text(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::container;
    use crate::plan::{blueprint, tests::sample};
    use crate::xml;

    #[test]
    fn what_is_ours_is_changed_and_what_is_not_stays() {
        let set = sample(1);
        let was = container::domain(&blueprint(&set, &set.guests()[0]));
        let mut domain = xml::parse(&was.render(), "domain.xml").unwrap();
        assert!(with_memory(&mut domain, &[100, 196], 256));
        assert!(with_shm(&mut domain, &[147], 200));
        let mut other = set.clone();
        other.spec.memory_mib = 256;
        other.spec.shm_mib = 200;
        let wanted = container::domain(&blueprint(&other, &other.guests()[0]));
        assert_eq!(domain.render(), wanted.render());
        // Once more is no change, and a value of somebody else's is not ours to change.
        assert!(with_memory(&mut domain, &[196], 256));
        assert!(!with_memory(&mut domain, &[196], 300));
        assert!(!with_shm(&mut domain, &[], 300));
        assert_eq!(domain.render(), wanted.render());
    }
}
