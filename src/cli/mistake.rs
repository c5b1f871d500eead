//! A command line that clap refuses, told as all of our errors are: what is wrong, and what mends it.

use super::{Cli, hints};
use crate::error::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory};
use std::ffi::OsString;

/// How alike two names are, by [`strsim::jaro_winkler`], when one may be meant by the other; clap
/// takes `--quiet` for like `--guests`.
const ALIKE: f64 = 0.86;

/// clap's error about these arguments, the program's name in front, as one of ours.
pub(super) fn explain(error: &clap::Error, args: &[OsString]) -> Error {
    let mut whole = Cli::command();
    whole.build();
    let typed = Typed::of(&whole, args);
    let told = match error.kind() {
        ErrorKind::UnknownArgument => typed.unknown(text(error, ContextKind::InvalidArg)),
        ErrorKind::InvalidSubcommand => typed.no_verb(text(error, ContextKind::InvalidSubcommand)),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Some(typed.verb_missing())
        }
        ErrorKind::MissingRequiredArgument => typed.missing(error),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => typed.value(error),
        _ => None,
    };
    told.unwrap_or_else(|| {
        let said = error.to_string();
        let said = said.split("\n\n").next().unwrap_or_default();
        let said = said.strip_prefix("error: ").unwrap_or(said);
        let words: Vec<&str> = said.split_whitespace().collect();
        Error::usage(words.join(" ")).mend(match error.kind() {
            ErrorKind::ArgumentConflict if error.get(ContextKind::PriorArg).is_some() => {
                "leave one of them out".to_owned()
            }
            _ => typed.help(),
        })
    })
}

/// Whether the arguments ask for JSON, although clap refuses them.
pub fn asks_for_json(args: &[OsString]) -> bool {
    let ours = args.iter().take_while(|arg| *arg != "--");
    ours.into_iter().any(|arg| arg == "--json")
}

/// What was typed: the command, and its definition.
struct Typed<'a> {
    /// As `lab up`; nothing for the program itself.
    name: String,
    command: &'a Command,
    /// The words behind the command, up to `--`.
    rest: Vec<String>,
}

impl<'a> Typed<'a> {
    /// Finds the command among the arguments, past the values of options.
    fn of(whole: &'a Command, args: &[OsString]) -> Typed<'a> {
        let words: Vec<String> = args
            .iter()
            .skip(1)
            .take_while(|arg| *arg != "--")
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        let mut typed = Typed {
            name: String::new(),
            command: whole,
            rest: Vec::new(),
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if let Some(command) = typed.command.find_subcommand(&word) {
                typed.name = format!("{} {word}", typed.name).trim_start().to_owned();
                typed.command = command;
                typed.rest.clear();
                continue;
            }
            let value = typed.takes_next(&word).then(|| words.next()).flatten();
            typed.rest.push(word);
            typed.rest.extend(value);
        }
        typed
    }

    /// Whether the word is an option whose value is the next word.
    fn takes_next(&self, word: &str) -> bool {
        let is_it = |arg: &&Arg| match word.strip_prefix("--") {
            Some(long) => arg.get_long() == Some(long),
            None => {
                word.len() == 2 && word.starts_with('-') && arg.get_short() == word.chars().nth(1)
            }
        };
        let option = self.command.get_arguments().find(is_it);
        option.is_some_and(|o| o.get_action().takes_values() && !o.is_require_equals_set())
    }

    /// The command as a person types it.
    fn line(&self) -> String {
        format!("lxc-autogen {}", self.name).trim_end().to_owned()
    }

    fn help(&self) -> String {
        format!("{} --help says what can be given", self.line())
    }

    /// The first example that the command's help has.
    fn example(&self) -> String {
        let help = self.command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let first = help.lines().find_map(|line| {
            let line = line.strip_prefix("  ")?;
            line.split("    ").next()
        });
        first.map_or_else(|| self.help(), |line| format!("such as: {line}"))
    }

    /// The commands that stand behind this one.
    fn verbs(&self) -> String {
        let all = self.command.get_subcommands();
        let shown = all.filter(|c| !c.is_hide_set() && c.get_name() != "help");
        let names: Vec<&str> = shown.map(Command::get_name).collect();
        let of = match self.name.as_str() {
            "" => String::new(),
            name => format!(" of {name}"),
        };
        format!("the commands{of} are {}", names.join(", "))
    }

    fn no_verb(&self, typed: &str) -> Option<Error> {
        let of = match self.name.as_str() {
            "" => String::new(),
            name => format!("{name} "),
        };
        let all = self.command.get_subcommands().filter(|c| !c.is_hide_set());
        let mend = hints::verb(&self.name, typed)
            .map(ToOwned::to_owned)
            .or_else(|| {
                alike(typed, all.map(Command::get_name))
                    .map(|n| format!("perhaps {} {n}", self.line()))
            })
            .unwrap_or_else(|| self.help());
        Some(
            Error::usage(format!("there is no command '{of}{typed}'"))
                .detail(self.verbs())
                .mend(mend),
        )
    }

    fn verb_missing(&self) -> Error {
        let error = Error::usage(format!("{} takes a command behind it", self.name));
        error.detail(self.verbs()).mend(self.example())
    }

    fn unknown(&self, typed: &str) -> Option<Error> {
        let name = match self.name.as_str() {
            "" => "lxc-autogen",
            name => name,
        };
        let is_option = typed.starts_with('-') && typed.len() > 1;
        let (what, mend) = if is_option {
            let options = self.command.get_arguments().filter(|a| !a.is_hide_set());
            let longs = options.filter_map(Arg::get_long);
            let option = typed.split('=').next().unwrap_or(typed);
            let long = option.trim_start_matches('-');
            let is_exec = ["exec", "lab exec"].contains(&self.name.as_str());
            let in_node = is_exec.then(|| hints::exec(&self.name, &self.rest));
            let mend = hints::option(&self.name, option)
                .map(ToOwned::to_owned)
                .or_else(|| in_node.flatten())
                .or_else(|| alike(long, longs).map(|n| format!("perhaps --{n}")));
            (format!("{name} has no option {option}"), mend)
        } else {
            let mend = hints::argument(&self.name, typed, &self.rest);
            (format!("{name} does not take the argument '{typed}'"), mend)
        };
        Some(Error::usage(what).mend(mend.unwrap_or_else(|| self.help())))
    }

    fn missing(&self, error: &clap::Error) -> Option<Error> {
        let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else {
            return None;
        };
        // As `<NODE>`, `<COMMAND>...`, or `<-o <FILE>|--compare <FILE>>` where one of them will do.
        let bare = |it: &String| {
            let it = it.trim_end_matches("...").replacen('<', "", 1);
            let it = it.strip_suffix('>').unwrap_or(&it);
            it.replace('|', " or ")
        };
        let missing: Vec<String> = missing.iter().map(bare).collect();
        let what = format!("{} lacks {}", self.name, missing.join(" and "));
        let mend = hints::missing(&self.name, &self.rest);
        Some(Error::usage(what).mend(mend.unwrap_or_else(|| self.example())))
    }

    fn value(&self, error: &clap::Error) -> Option<Error> {
        // As `--memory <MIB>`.
        let option = text(error, ContextKind::InvalidArg);
        let (option, kind) = match option.split_once(" <") {
            Some((option, kind)) => (option, kind.trim_end_matches('>')),
            None => (option.trim_matches(['<', '>']), ""),
        };
        let value = text(error, ContextKind::InvalidValue);
        let possible = match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(values)) => values.clone(),
            _ => Vec::new(),
        };
        let what = match value {
            "" => format!("{option} lacks its value"),
            _ => format!("{option} cannot be '{value}'"),
        };
        let mend = if possible.is_empty() {
            hints::value(option, kind, value)
        } else {
            let all = either(&possible);
            Some(match option.starts_with('-') {
                true => format!("{option} {all}"),
                false => all,
            })
        };
        let why = std::error::Error::source(error).map(ToString::to_string);
        let error = match (&mend, why) {
            (None, Some(why)) => Error::usage(format!("{what}: {why}")),
            _ => Error::usage(what),
        };
        Some(error.mend(mend.unwrap_or_else(|| self.help())))
    }
}

/// `a`, `a or b`, `a, b or c`.
fn either(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} or {last}", before.join(", ")),
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> &str {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text,
        _ => "",
    }
}

/// The name that is most like what was typed, if one is.
fn alike<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let like = names.map(|name| (strsim::jaro_winkler(typed, name), name));
    let best = like.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= ALIKE).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_command_is_found_past_the_values_of_options() {
        let mut whole = Cli::command();
        whole.build();
        for (line, name, rest) in [
            ("lxc-autogen", "", ""),
            (
                "lxc-autogen --state-dir up lab up --name down x",
                "lab up",
                "--name down x",
            ),
            ("lxc-autogen -c 3 up", "up", ""),
            ("lxc-autogen lab exec node1 -- lab up", "lab exec", "node1"),
            ("lxc-autogen lab up --ssh qa", "lab up", "--ssh qa"),
        ] {
            let typed = Typed::of(&whole, &args(line));
            assert_eq!(
                (typed.name.as_str(), typed.rest.join(" ").as_str()),
                (name, rest)
            );
        }
    }

    #[test]
    fn json_is_asked_for_in_front_of_a_node_s_command_only() {
        assert!(asks_for_json(&args("x lab up --json --guests")));
        assert!(!asks_for_json(&args("x lab exec node1 -- crm_mon --json")));
    }

    #[test]
    fn words_that_have_something_in_common_are_not_alike() {
        let names = || ["quiet", "containers", "cleanup"].into_iter();
        assert_eq!(alike("contianers", names()), Some("containers"));
        assert_eq!(alike("clenup", names()), Some("cleanup"));
        assert_eq!(alike("guests", names()), None);
    }
}
