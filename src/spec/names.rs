//! Names of containers, and the characters allowed in them.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// The beginning of every name of a set: container N is the domain and node `PREFIXN`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(String);

/// Longest prefix in characters; it leaves room for the number within the 63 of a host name label.
const LONGEST: usize = 40;

impl Prefix {
    /// Checks a prefix.
    ///
    /// It must begin with a letter, since the resource ids made from it are XML names (xs:ID in
    /// Pacemaker's schema), and since crm_node takes names of digits only for node ids.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] for a prefix that breaks a rule; the error tells the rules.
    pub fn parse(text: &str) -> Result<Self> {
        let rest_fits = has_name_characters(text);
        let first_fits = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        if !first_fits || !rest_fits || text.len() > LONGEST {
            return Err(
                Error::usage(format!("{text:?} cannot be a name prefix")).mend(format!(
                    "a letter, then letters, digits, '-', '_' or '.', {LONGEST} characters at most"
                )),
            );
        }
        Ok(Prefix(text.to_owned()))
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The node and domain name of container `number` (from 1).
    pub fn node(&self, number: u32) -> String {
        format!("{}{number}", self.0)
    }

    /// The resource id of container `number`: `containerN` with the prefix `lxc`, as in
    /// lxc_autogen.sh, and `PREFIX-containerN` with any other prefix.
    pub fn resource(&self, number: u32) -> String {
        if self.0 == "lxc" {
            format!("container{number}")
        } else {
            format!("{}-container{number}", self.0)
        }
    }

    /// The number in the node name `node`; `None` unless it is a container's name with this prefix.
    pub fn number(&self, node: &str) -> Option<u32> {
        let digits = node.strip_prefix(&self.0)?;
        let number: u32 = digits.parse().ok()?;
        (number > 0 && digits == number.to_string()).then_some(number)
    }
}

/// The name of the node that a container's resource runs, from the resource's id: the reverse of
/// [`Prefix::resource`].
pub fn node_of_resource(id: &str) -> Option<String> {
    let (prefix, number) = match id.strip_prefix("container") {
        Some(number) => ("lxc", number),
        None => id.rsplit_once("-container")?,
    };
    let number: u32 = number.parse().ok()?;
    Some(Prefix::parse(prefix).ok()?.node(number))
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Prefix {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Prefix::parse(&text)
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> String {
        prefix.0
    }
}

/// Whether a text that was read from outside may be a node or domain name in our command lines.
pub fn valid_node_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && !text.bytes().all(|b| b.is_ascii_digit())
        && text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric())
        && has_name_characters(text)
}

/// Whether a text has only ASCII letters, digits, '-', '_' and '.', as names of nodes have. None of
/// these has a special meaning to a shell or in XML.
pub fn has_name_characters(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Whether a path has only ASCII letters, digits and `/._-+@:`. None of these has a special meaning
/// to VirtualDomain's shell code, to virsh, or to ssh's remote shell.
pub fn is_plain_path(path: &Path) -> bool {
    path.to_str().is_some_and(|text| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-+@:".contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_can_and_cannot_be() {
        for good in ["lxc", "a", "test-", "q_a.1"] {
            assert!(Prefix::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1",
            "12a",
            "-x",
            "a/b",
            "a b",
            "ü",
            "a;b",
            &"x".repeat(41),
        ] {
            assert!(Prefix::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_that_no_shell_misreads() {
        for (path, plain) in [
            ("/var/lib/a_b-c.d+e@f:1", true),
            ("/a b", false),
            ("/a;b", false),
            ("/a$b", false),
            ("/\u{fc}", false),
        ] {
            assert_eq!(is_plain_path(Path::new(path)), plain, "{path}");
        }
    }

    #[test]
    fn resources_keep_the_originals_names() {
        let lxc = Prefix::parse("lxc").unwrap();
        let qa = Prefix::parse("qa").unwrap();
        assert_eq!(
            (lxc.node(3), lxc.resource(3)),
            ("lxc3".into(), "container3".into())
        );
        assert_eq!(qa.resource(3), "qa-container3");
        assert_eq!(lxc.number("lxc12"), Some(12));
        for (id, node) in [
            ("container3", Some("lxc3")),
            ("qa-container3", Some("qa3")),
            ("vm", None),
        ] {
            assert_eq!(node_of_resource(id).as_deref(), node, "{id}");
        }
        for other in ["lxc", "lxc0", "lxc01", "lxcx", "qa1"] {
            assert_eq!(lxc.number(other), None, "{other}");
        }
    }
}
