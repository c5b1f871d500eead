//! A lab described in a file: the options of `lab up` as TOML keys.

use crate::cli::LabShape;
use crate::error::{Error, Result};

/// Reads a file's text.
///
/// # Errors
/// [`crate::error::Kind::Usage`] with line, column and, for an unknown key, the nearest known one.
pub fn parse(text: &str, what: &str) -> Result<LabShape> {
    toml::from_str(text).map_err(|e| {
        let place = e.span().map(|span| position(text, span.start));
        let message = e.message();
        let said = match unknown(message) {
            Some((key, known)) => match nearest(key, &known) {
                Some(near) => format!("there is no key {key}; did you mean {near}?"),
                None => format!("there is no key {key}; there are {}", known.join(", ")),
            },
            None => message.to_owned(),
        };
        let place = place.map_or(String::new(), |(line, column)| {
            format!(", line {line}, column {column}")
        });
        Error::usage(format!("{what}{place}: {said}"))
    })
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

/// Takes serde's "unknown field `a`, expected one of `b`, `c`" apart.
fn unknown(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).collect();
    Some((key, known))
}

fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let close = |k: &&&str| strsim::jaro_winkler(key, k) > 0.75;
    known
        .iter()
        .filter(close)
        .copied()
        .max_by(|a, b| strsim::jaro_winkler(key, a).total_cmp(&strsim::jaro_winkler(key, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_options() {
        let shape = parse(
            "name = \"qa\"\ncluster-nodes = 5\nfencing = false\nnetwork = \"10.9.0.1/24\"\n",
            "lab.toml",
        )
        .unwrap();
        assert_eq!(shape.name.as_deref(), Some("qa"));
        assert_eq!(shape.cluster_nodes, Some(5));
        assert_eq!(shape.fencing, Some(false));
    }

    /// All but the one that names the file.
    #[test]
    fn every_option_has_its_key() {
        use clap::Args;
        let command = LabShape::augment_args(clap::Command::new("x"));
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            // A key that is known is refused for the kind of its value only.
            let said = parse(&format!("{option} = {{}}\n"), "lab.toml")
                .unwrap_err()
                .to_string();
            assert_eq!(said.contains("there is no key"), option == "file", "{said}");
        }
    }

    #[test]
    fn mistakes_are_placed_and_the_nearest_key_is_named() {
        let e = parse("name = \"qa\"\ncluster-node = 5\n", "lab.toml").unwrap_err();
        let said = e.to_string();
        assert!(said.contains("lab.toml, line 2, column 1"), "{said}");
        assert!(said.contains("did you mean cluster-nodes?"), "{said}");
        let e = parse("containers = \"two\"\n", "lab.toml").unwrap_err();
        assert!(e.to_string().contains("line 1, column 14"), "{e}");
    }
}
