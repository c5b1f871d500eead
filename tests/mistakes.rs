//! What people are told whose command line is wrong.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "common/anyone.rs"]
mod anyone;
#[path = "common/nobody.rs"]
mod nobody;
#[path = "common/schema.rs"]
mod schema;

use clap::CommandFactory;
use nobody::{lxa, run_all};

const TESTS: &[(&str, fn())] = &[
    (
        "the_commonest_first_mistakes_of_five_kinds_of_people",
        the_commonest_first_mistakes_of_five_kinds_of_people,
    ),
    (
        "failures_are_json_too_and_people_read_them_all_the_same",
        failures_are_json_too_and_people_read_them_all_the_same,
    ),
];

/// What five kinds of people type first and get wrong, and what they are told, word for word. None
/// of these lines gets as far as changing something.
const MISTAKES: &str = include_str!("data/mistakes.txt");
const PROMPT: &str = "$ lxc-autogen ";

fn main() {
    run_all(TESTS);
}

/// The commands that people may type behind this one.
fn names(command: &clap::Command) -> String {
    let all = command.get_subcommands().filter(|c| !c.is_hide_set());
    let names: Vec<&str> = all.map(clap::Command::get_name).collect();
    names.join(", ")
}

fn the_commonest_first_mistakes_of_five_kinds_of_people() {
    let whole = lxc_autogen::cli::Cli::command();
    let lab = whole.find_subcommand("lab").unwrap();
    let text = MISTAKES
        .replace("{}", &names(&whole))
        .replace("{of lab}", &names(lab));
    let mut people = 0;
    for person in text.split("\n== ").skip(1) {
        people += 1;
        let (name, lines) = person.split_once('\n').unwrap();
        let lines: Vec<&str> = lines.split(PROMPT).skip(1).collect();
        assert!(lines.len() >= 10, "{name}: {}", lines.len());
        for mistake in lines {
            let (line, told) = mistake.split_once('\n').unwrap();
            let said = lxa(line);
            let code = said.code.unwrap();
            let is = format!("{}exit status {code}\n", said.err);
            assert_eq!(is.trim_end(), told.trim_end(), "{name}: {line}");
            assert_eq!(said.out, "", "{line}");
            // Who is told what is wrong is told what to do.
            let last = said.err.lines().last().unwrap();
            assert!(
                last.starts_with("  mend: ") || last.contains("out of bounds"),
                "{last}"
            );
        }
    }
    assert_eq!(people, 5);
}

fn failures_are_json_too_and_people_read_them_all_the_same() {
    for (args, code, kind) in [
        // Of clap, of the checks of values, of the host.
        ("lab up --guests 4 --json", 2, "usage"),
        ("--json nonsense", 2, "usage"),
        ("up -c 0 --dry-run --json", 2, "usage"),
        ("lab status --json", 3, "cannot"),
        ("snapshot --compare /nonexistent --json", 3, "cannot"),
        ("lab exec node1 --json", 125, "not-entered"),
        ("--json lab exec node1 -- true", 125, "not-entered"),
    ] {
        let said = lxa(args);
        assert_eq!(said.code, Some(code), "{args}: {}", said.err);
        let json = schema::conforms("error", &said.out);
        assert_eq!(json["kind"], kind, "{args}");
        // The same words as on stderr.
        let lines = json["details"].as_array().unwrap().iter();
        let lines = lines.map(|line| format!("\n  {}", line.as_str().unwrap()));
        let mend = json["mend"].as_str();
        let text = format!(
            "lxc-autogen: {}{}{}\n",
            json["error"].as_str().unwrap(),
            lines.collect::<String>(),
            mend.map_or_else(String::new, |mend| format!("\n  mend: {mend}")),
        );
        assert_eq!(text, said.err, "{args}");
    }
    // The command's option is not ours.
    let said = lxa("lab exec node1 -- crm_mon --json");
    assert_eq!((said.code, said.out.as_str()), (Some(125), ""));
    // What is found wrong is the result, and there is one value.
    let said = lxa("verify --quick --json");
    assert_eq!(said.code, Some(3), "{}", said.err);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert!(json["error"].is_null() && json["checks"].is_array());
}
