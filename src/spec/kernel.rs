//! Which kernel virtual machines boot.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A kernel as somebody names it: `cloud`, `generic`, a package, the version in a package's name, or the
/// root of a tree that has boot/vmlinuz-RELEASE and lib/modules/RELEASE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KernelChoice {
    /// The distribution's newest of this build.
    Newest(Flavour),
    /// A package of the distribution's.
    Package(String),
    /// A tree, by its absolute path.
    Tree(PathBuf),
}

/// A distribution's builds of one kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// For virtual machines alone: small, and it boots sooner.
    Cloud,
    /// With all modules: DLM, GFS2, watchdogs.
    Generic,
}

/// The beginning of the names of packages with a kernel.
pub(crate) const PACKAGE: &str = "linux-image-";

impl Default for KernelChoice {
    fn default() -> Self {
        KernelChoice::Newest(Flavour::Cloud)
    }
}

impl FromStr for KernelChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<KernelChoice, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".+-~_".contains(c);
        match text {
            "cloud" => Ok(KernelChoice::Newest(Flavour::Cloud)),
            "generic" => Ok(KernelChoice::Newest(Flavour::Generic)),
            _ if text.starts_with('/') => Ok(KernelChoice::Tree(text.into())),
            _ if text.is_empty() || !text.chars().all(is_plain) => Err(
                "not cloud, generic, a version, a package, or the absolute path of a tree"
                    .to_owned(),
            ),
            _ if text.starts_with(PACKAGE) => Ok(KernelChoice::Package(text.to_owned())),
            _ if text.starts_with(|c: char| c.is_ascii_digit()) => {
                Ok(KernelChoice::Package(format!("{PACKAGE}{text}")))
            }
            _ => Err(format!(
                "the package of a kernel begins with {PACKAGE}; cloud and generic are the newest ones"
            )),
        }
    }
}

impl fmt::Display for KernelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KernelChoice::Newest(Flavour::Cloud) => f.write_str("cloud"),
            KernelChoice::Newest(Flavour::Generic) => f.write_str("generic"),
            KernelChoice::Package(name) => f.write_str(name),
            KernelChoice::Tree(path) => write!(f, "{}", path.display()),
        }
    }
}

impl TryFrom<String> for KernelChoice {
    type Error = String;

    fn try_from(text: String) -> Result<KernelChoice, String> {
        text.parse()
    }
}

impl From<KernelChoice> for String {
    fn from(choice: KernelChoice) -> String {
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
            let choice: KernelChoice = text.parse().unwrap();
            assert_eq!(choice.to_string(), is);
            let json = serde_json::to_string(&choice).unwrap();
            assert_eq!(serde_json::from_str::<KernelChoice>(&json).unwrap(), choice);
        }
        for text in ["", "tiny", "build/linux", "linux image", "nginx"] {
            assert!(text.parse::<KernelChoice>().is_err(), "{text}");
        }
    }
}
