//! What people type who come from other programs or guess, and what they mean by it. Used for
//! messages only: nothing here is accepted.

mod arguments;
mod options;
mod verbs;

pub(super) use arguments::{argument, exec, missing, value};

use options::OPTIONS;
use verbs::VERBS;

/// What a verb means that is none; `before` is the command in front of it.
pub(super) fn verb(before: &str, typed: &str) -> Option<&'static str> {
    let mut all = VERBS.iter();
    let found = all.find(|(command, names, _)| *command == before && names.contains(&typed));
    found.map(|(_, _, mend)| *mend)
}

/// What an option means that the command does not have.
pub(super) fn option(command: &str, typed: &str) -> Option<&'static str> {
    let is_for = |commands: &[&str]| {
        commands.iter().any(|it| match it.strip_suffix('*') {
            Some(beginning) => command.starts_with(beginning),
            None => *it == command,
        })
    };
    let mut all = OPTIONS.iter();
    let found = all.find(|(commands, names, _)| is_for(commands) && names.contains(&typed));
    found.map(|(_, _, mend)| *mend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    /// Finds a command such as `lab up`.
    fn command<'a>(whole: &'a clap::Command, name: &str) -> Option<&'a clap::Command> {
        let mut words = name.split_whitespace();
        words.try_fold(whole, |command, word| command.find_subcommand(word))
    }

    #[test]
    fn no_hint_is_about_what_there_is() {
        let mut whole = Cli::command();
        whole.build();
        for (before, names, _) in VERBS {
            let before = command(&whole, before).unwrap();
            for name in *names {
                assert!(before.find_subcommand(name).is_none(), "{name}");
            }
        }
        for (commands, names, _) in OPTIONS {
            for name in commands.iter().filter(|name| !name.contains('*')) {
                let it = command(&whole, name).unwrap_or_else(|| panic!("no command {name}"));
                let long = |l: &str| names.contains(&format!("--{l}").as_str());
                let short = |s: char| names.contains(&format!("-{s}").as_str());
                for arg in it.get_arguments() {
                    let known =
                        arg.get_long().is_some_and(long) || arg.get_short().is_some_and(short);
                    assert!(!known, "{name} has {arg}");
                }
            }
        }
    }
}
