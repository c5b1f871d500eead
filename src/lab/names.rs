//! Names of a lab's nodes: `LAB-nodeN` in its cluster, `LAB-remoteN` of a remote node.

use crate::plan::Kind;

/// The name of node `number` of this kind.
pub(super) fn node(lab: &str, kind: Kind, number: u32) -> String {
    format!("{lab}-{}{number}", word(kind))
}

/// The number of the node of this name, when it is one of the lab's of this kind.
pub(super) fn number(lab: &str, kind: Kind, name: &str) -> Option<u32> {
    let rest = name.strip_prefix(lab)?.strip_prefix('-')?;
    let digits = rest.strip_prefix(word(kind))?;
    // Parsing alone would accept a sign in front of the number, too.
    let only_digits = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| only_digits)
}

/// Whether a node has a name of this lab's.
pub(super) fn is_of(lab: &str, name: &str) -> bool {
    let kinds = [Kind::Cluster, Kind::Remote];
    kinds.into_iter().any(|k| number(lab, k, name).is_some())
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Cluster => "node",
        Kind::Remote => "remote",
        // Guests are named by their set; none of the lab's own nodes is one.
        Kind::Guest => "guest",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for kind in [Kind::Cluster, Kind::Remote] {
            assert_eq!(number("qa-2", kind, &node("qa-2", kind, 31)), Some(31));
        }
        assert_eq!(node("lab", Kind::Remote, 2), "lab-remote2");
        assert_eq!(number("lab", Kind::Cluster, "lab-remote2"), None);
        assert!(is_of("lab", "lab-remote2"));
        for other in ["node1", "lab-node", "lab-node+1", "lab-nodex", "labs-node1"] {
            assert!(!is_of("lab", other), "{other}");
        }
    }
}
