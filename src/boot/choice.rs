//! Which kernel virtual machines boot.

use super::Flavour;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A kernel as somebody names it: `cloud`, `generic`, a package, the version in a package's name, or the
/// root of a tree that has boot/vmlinuz-RELEASE and lib/modules/RELEASE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Choice {
    /// The distribution's newest of this build.
    Newest(Flavour),
    /// A package of the distribution's.
    Package(String),
    /// A tree, by its absolute path.
    Tree(PathBuf),
}

/// The beginning of the names of packages with a kernel.
pub(super) const PACKAGE: &str = "linux-image-";

impl Default for Choice {
    fn default() -> Self {
        Choice::Newest(Flavour::Cloud)
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Choice, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".+-~_".contains(c);
        match text {
            "cloud" => Ok(Choice::Newest(Flavour::Cloud)),
            "generic" => Ok(Choice::Newest(Flavour::Generic)),
            _ if text.starts_with('/') => Ok(Choice::Tree(text.into())),
            _ if text.is_empty() || !text.chars().all(is_plain) => Err(
                "not cloud, generic, a version, a package, or the absolute path of a tree"
                    .to_owned(),
            ),
            _ if text.starts_with(PACKAGE) => Ok(Choice::Package(text.to_owned())),
            _ if text.starts_with(|c: char| c.is_ascii_digit()) => {
                Ok(Choice::Package(format!("{PACKAGE}{text}")))
            }
            _ => Err(format!(
                "the package of a kernel begins with {PACKAGE}; cloud and generic are the newest ones"
            )),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::Newest(Flavour::Cloud) => f.write_str("cloud"),
            Choice::Newest(Flavour::Generic) => f.write_str("generic"),
            Choice::Package(name) => f.write_str(name),
            Choice::Tree(path) => write!(f, "{}", path.display()),
        }
    }
}

impl TryFrom<String> for Choice {
    type Error = String;

    fn try_from(text: String) -> Result<Choice, String> {
        text.parse()
    }
}

impl From<Choice> for String {
    fn from(choice: Choice) -> String {
        choice.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_read_as_it_is_written() {
        for (text, is) in [
            ("cloud", "cloud"),
            ("generic", "generic"),
            ("6.1.0-56-amd64", "linux-image-6.1.0-56-amd64"),
            (
                "linux-image-6.12.1+deb13-amd64",
                "linux-image-6.12.1+deb13-amd64",
            ),
            ("/srv/build", "/srv/build"),
        ] {
            let choice: Choice = text.parse().unwrap();
            assert_eq!(choice.to_string(), is);
            let json = serde_json::to_string(&choice).unwrap();
            assert_eq!(serde_json::from_str::<Choice>(&json).unwrap(), choice);
        }
        for text in ["", "tiny", "build/linux", "linux image", "nginx"] {
            assert!(text.parse::<Choice>().is_err(), "{text}");
        }
    }
}
