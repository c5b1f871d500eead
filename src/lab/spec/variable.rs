//! Environment variables of Pacemaker's daemons.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A variable of the environment of a node's daemons: NAME=VALUE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The value, which has no quotes nor what a shell would expand.
    pub value: String,
}

impl FromStr for Variable {
    type Err = Error;

    /// A value must mean the same to systemd (systemd.exec(5), `EnvironmentFile=`) and to a shell that
    /// reads the file, as Pacemaker's cts and sysvinit scripts do.
    fn from_str(text: &str) -> Result<Variable> {
        let bad = |why: &str| {
            Error::usage(format!("--env {text}: {why}")).mend("--env NAME=VALUE, as PCMK_debug=yes")
        };
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| bad("there is no = in it"))?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let digit = name.bytes().next().is_none_or(|b| b.is_ascii_digit());
        if digit || !name.bytes().all(plain) {
            return Err(bad(
                "a name has letters, digits and _, and does not begin with a digit",
            ));
        }
        if !value
            .bytes()
            .all(|b| (b' '..=b'~').contains(&b) && !b"\"'\\$`".contains(&b))
        {
            return Err(bad(
                "quotes, \\, $, ` and what is not ASCII cannot stand in the value",
            ));
        }
        Ok(Variable {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

impl Variable {
    /// The line for a file of settings.
    pub(in crate::lab) fn line(&self) -> String {
        format!("{}=\"{}\"\n", self.name, self.value)
    }
}

impl TryFrom<String> for Variable {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Variable, String> {
        text.parse().map_err(|e: Error| e.message().to_owned())
    }
}

impl From<Variable> for String {
    fn from(variable: Variable) -> String {
        variable.to_string()
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_value_that_all_read_alike() {
        for good in [
            "PCMK_debug=yes",
            "A=",
            "VALGRIND_OPTS=--leak-check=full -v",
            "_a1=b",
        ] {
            let variable: Variable = good.parse().unwrap();
            assert_eq!(variable.to_string(), good);
        }
        let spaced: Variable = "A=b c".parse().unwrap();
        assert_eq!(spaced.line(), "A=\"b c\"\n");
        for bad in [
            "PCMK_debug",
            "=yes",
            "1A=b",
            "A B=c",
            "A=$B",
            "A=\"",
            "A=b\nC=d",
            "A=ü",
        ] {
            assert!(bad.parse::<Variable>().is_err(), "{bad}");
        }
    }
}
