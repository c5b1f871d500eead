//! Directories of resource agents under work.

use super::share::{absolute, check_path};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A directory of the host with resource agents, which nodes see as a provider's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Agents {
    /// Path on the host.
    pub directory: PathBuf,
    /// The provider: agents are ocf:PROVIDER:FILE.
    pub provider: String,
}

impl Agents {
    /// With an absolute path.
    ///
    /// # Errors
    /// When there is no working directory.
    pub(in crate::lab) fn absolute(&self) -> Result<Agents> {
        Ok(Agents {
            directory: absolute(&self.directory)?,
            provider: self.provider.clone(),
        })
    }
}

const FORM: &str = "--agents DIR:PROVIDER, with letters, digits, '.', '_' and '-' in PROVIDER";

impl FromStr for Agents {
    type Err = Error;

    /// DIR:PROVIDER, or DIR, whose name is the provider's then: a provider is a directory
    /// (OCF Resource Agent API 1.1, "Resource agent directory").
    fn from_str(text: &str) -> Result<Agents> {
        let (directory, provider) = match text.rsplit_once(':') {
            Some((directory, provider)) => (directory, provider.to_owned()),
            None => {
                let path = absolute(Path::new(text))?;
                let name = path.file_name().unwrap_or_default();
                (text, name.to_string_lossy().into_owned())
            }
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let fits =
            provider.bytes().all(plain) && provider.bytes().any(|b| b.is_ascii_alphanumeric());
        if directory.is_empty() || !fits || provider.starts_with('.') {
            let why = format!("--agents {text}: {provider:?} cannot be the name of a provider");
            return Err(Error::usage(why).mend(FORM));
        }
        Ok(Agents {
            directory: directory.into(),
            provider,
        })
    }
}

impl TryFrom<String> for Agents {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Agents, String> {
        text.parse().map_err(|e: Error| e.message().to_owned())
    }
}

impl From<Agents> for String {
    fn from(agents: Agents) -> String {
        agents.to_string()
    }
}

impl fmt::Display for Agents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.directory.display(), self.provider)
    }
}

/// The error for agents that cannot be shown.
pub(in crate::lab) fn bad(agents: &Agents, why: &str) -> Error {
    Error::usage(format!("--agents {}: {why}", agents.directory.display()))
}

/// Refuses paths that are no plain ones, and two directories of one provider. Whether the base tree has
/// the provider is asked elsewhere.
pub(super) fn check(all: &[Agents]) -> Result<()> {
    for (number, agents) in all.iter().enumerate() {
        check_path(&agents.directory, |why| bad(agents, why))?;
        if all[..number].iter().any(|a| a.provider == agents.provider) {
            let why = format!("two directories are of provider {}", agents.provider);
            return Err(bad(agents, &why).mend(FORM));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_is_named_or_is_the_directorys_name() {
        let agents = |text: &str| text.parse::<Agents>().map(|a| a.to_string());
        assert_eq!(agents("/srv/mine").unwrap(), "/srv/mine:mine");
        assert_eq!(agents("/srv/mine/:qa").unwrap(), "/srv/mine/:qa");
        assert_eq!(agents("/srv/a:b:qa").unwrap(), "/srv/a:b:qa");
        for bad in [
            "/",
            ":qa",
            "/srv/mine:",
            "/srv/mine:a/b",
            "/srv/my agents",
            "/srv/x:..",
            "",
        ] {
            assert!(agents(bad).is_err(), "{bad}");
        }
        let two: Vec<Agents> = ["/a:qa", "/b:qa"].map(|t| t.parse().unwrap()).into();
        check(&two[..1]).unwrap();
        let e = check(&two).unwrap_err();
        assert_eq!(
            e.message(),
            "--agents /b: two directories are of provider qa"
        );
    }
}
