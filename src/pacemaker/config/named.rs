//! How a set's constraints name its primitives.
//!
//! By a tag of the CIB, which has a reference to each of them (Pacemaker Explained, "Tagging
//! Configuration Elements"): people see in it what is meant, and can name all of a set's containers by
//! it in commands of their own. A pattern says the same, but crmsh knows only what has a name: `crm
//! configure verify` warns of "resource None" (crmsh 4.4.1, crmsh/cibconfig.py,
//! _check_if_constraint_ref_is_child).
//!
//! Sets of versions before have a pattern, and keep it until cleanup: a merge cannot make a tag of it,
//! since a constraint has either the one or the other, and nothing that works is taken out of a
//! cluster to be put in anew.

use crate::plan::Set;
use crate::spec::NodeKind;
use crate::xml::El;

/// How the constraints of a set name its primitives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// By the id of the set's tag in the CIB.
    Tag,
    /// By a pattern of their ids, as sets of versions before do.
    Pattern,
}

impl Named {
    /// The constraint, with what names all of the set's primitives.
    pub(super) fn on_all(self, set: &Set, location: El) -> El {
        match self {
            Named::Tag => location.attr("rsc", containers_tag(&set.tag())),
            Named::Pattern => location.attr("rsc-pattern", all_of(set)),
        }
    }

    /// The section of the CIB with the set's tag, where there is one.
    pub(super) fn section(self, set: &Set) -> Option<El> {
        let guests = set.guests().into_iter();
        let all = guests.map(|guest| El::new("obj_ref").attr("id", guest.resource));
        let tag = El::new("tag")
            .attr("id", containers_tag(&set.tag()))
            .children(all);
        (self == Named::Tag).then(|| El::new(TAGS).child(tag))
    }
}

/// The section of the CIB that has tags.
pub const TAGS: &str = "tags";

/// The id of the tag of a set's containers.
pub fn containers_tag(tag: &str) -> String {
    format!("{tag}-containers")
}

/// The pattern (an extended regular expression) of the ids of the set's primitives, and of no other
/// that somebody else could have: `^container([1-9]|1[0-2])$` of twelve.
fn all_of(set: &Set) -> String {
    numbered(&stem(&ids_of_first(set)[0]), set)
}

/// The pattern of the ids of the set's primitives and of those of its guest nodes' connections, which
/// are their names.
pub(super) fn all_with_connections_of(set: &Set) -> String {
    let stems = ids_of_first(set).map(|id| stem(&id));
    numbered(&format!("({})", stems.join("|")), set)
}

/// The ids of the primitive and of the connection that a set's first container has or would have.
fn ids_of_first(set: &Set) -> [String; 2] {
    let prefix = &set.spec.prefix;
    match set.spec.kind {
        NodeKind::Guest => [prefix.resource(1), prefix.node(1)],
        NodeKind::Remote => [prefix.node(1), prefix.node(1)],
    }
}

/// What precedes the number in the id of a set's first container, as a pattern.
fn stem(id: &str) -> String {
    id.trim_end_matches('1').replace('.', "[.]")
}

fn numbered(stem: &str, set: &Set) -> String {
    let numbers = up_to(set.spec.containers);
    match numbers.as_slice() {
        [one] => format!("^{stem}{one}$"),
        several => format!("^{stem}({})$", several.join("|")),
    }
}

/// Patterns of the numbers from 1 to `last`, by their digits.
fn up_to(last: u32) -> Vec<String> {
    let digits = last.to_string().into_bytes();
    let range = |from: u8, to: u8| match from == to {
        true => char::from(from).to_string(),
        false => format!("[{}-{}]", char::from(from), char::from(to)),
    };
    let any = |count: usize| "[0-9]".repeat(count);
    // Those of fewer digits.
    let mut all: Vec<String> = (0..digits.len() - 1)
        .map(|more| format!("[1-9]{}", any(more)))
        .collect();
    // Those that begin with some of its digits and go on with a smaller one; and itself.
    for (at, digit) in digits.iter().enumerate() {
        let least = if at == 0 { b'1' } else { b'0' };
        let last = at + 1 == digits.len();
        let most = if last { *digit } else { digit - 1 };
        if most >= least && *digit > 0 {
            let begin = String::from_utf8_lossy(&digits[..at]).into_owned();
            let rest = any(digits.len() - at - 1);
            all.push(begin + &range(least, most) + &rest);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;

    /// Every number is matched against the pattern, as grep -E would.
    #[test]
    fn a_pattern_is_of_the_sets_primitives_and_of_no_other() {
        assert_eq!(all_of(&sample(1)), "^container1$");
        assert_eq!(all_of(&sample(12)), "^container([1-9]|1[0-2])$");
        assert_eq!(
            all_with_connections_of(&sample(12)),
            "^(container|lxc)([1-9]|1[0-2])$"
        );
        assert_eq!(
            all_of(&sample(1203)),
            "^container([1-9]|[1-9][0-9]|[1-9][0-9][0-9]|1[0-1][0-9][0-9]|120[0-3])$"
        );
        for last in [
            1, 9, 10, 19, 20, 99, 100, 101, 110, 600, 999, 1000, 1203, 2000,
        ] {
            let pattern = regex::Regex::new(&all_of(&sample(last))).unwrap();
            for number in 0..2500 {
                let of_set = (1..=last).contains(&number);
                let id = format!("container{number}");
                assert_eq!(pattern.is_match(&id), of_set, "{number} of {last}");
            }
            assert!(!pattern.is_match("container01") && !pattern.is_match("xcontainer1"));
        }
    }
}
