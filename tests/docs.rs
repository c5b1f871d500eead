//! Holds the documents against the program: man page and README against the clap definition and
//! the exit statuses, CONTRIBUTING against the files that are there.
//!
//! Long because each document is held against the same few readings of it, which all tests share.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use clap::{Arg, Command, CommandFactory, Parser, error::ErrorKind};
use lxc_autogen::cli::Cli;
use lxc_autogen::error::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const PAGE: &str = "man/lxc-autogen.8";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

// ---------------------------------------------------------------- what clap says

/// An option: every name it has, and what its value is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Opt {
    names: BTreeSet<String>,
    value: Option<String>,
}

fn clap() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// The subcommands that a person may type, by name; of one with subcommands of its own, those.
fn subcommands(clap: &Command) -> BTreeMap<String, &Command> {
    let mut all = BTreeMap::new();
    for command in clap.get_subcommands() {
        if command.is_hide_set() || command.get_name() == "help" {
            continue;
        }
        let name = command.get_name().to_owned();
        if command.has_subcommands() {
            let inner = subcommands(command).into_iter();
            all.extend(inner.map(|(n, c)| (format!("{name} {n}"), c)));
        } else {
            all.insert(name, command);
        }
    }
    all
}

/// The options that a person may give.
fn visible(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|a| !a.is_hide_set() && !a.is_positional())
}

fn opt(arg: &Arg) -> Opt {
    let shorts = arg.get_short_and_visible_aliases().unwrap_or_default();
    let longs = arg.get_long_and_visible_aliases().unwrap_or_default();
    let names: BTreeSet<String> = shorts
        .into_iter()
        .map(|s| format!("-{s}"))
        .chain(longs.into_iter().map(|l| format!("--{l}")))
        .collect();
    assert!(!names.is_empty(), "{} is no option", arg.get_id());
    let value = takes_value(arg).then(|| {
        let names = arg.get_value_names().unwrap_or_default();
        names
            .iter()
            .map(|n| n.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    });
    Opt { names, value }
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn possible_values(arg: &Arg) -> BTreeSet<String> {
    if !takes_value(arg) {
        return BTreeSet::new();
    }
    let values = arg.get_possible_values();
    // What a BOOL can be need not be said.
    if values
        .iter()
        .all(|v| matches!(v.get_name(), "true" | "false"))
    {
        return BTreeSet::new();
    }
    values
        .iter()
        .filter(|v| !v.is_hide_set())
        .map(|v| v.get_name().to_owned())
        .collect()
}

/// The default that clap prints, or that the help text says.
fn default(arg: &Arg) -> Option<String> {
    if takes_value(arg) && !arg.is_hide_default_value_set() {
        if let Some(value) = arg.get_default_values().first() {
            return Some(value.to_string_lossy().into_owned());
        }
    }
    let help = arg.get_help()?.to_string();
    let (_, rest) = help.split_once("[default: ")?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// Every option of the program and of all its subcommands.
fn every_arg(clap: &Command) -> Vec<&Arg> {
    visible(clap)
        .chain(subcommands(clap).into_values().flat_map(visible))
        .collect()
}

/// The same, each with whether it is a command's of `lab`: a lab's options can have names that
/// others have too, and other defaults.
fn of_labs_and_others(clap: &Command) -> Vec<(bool, &Arg)> {
    let mut all: Vec<(bool, &Arg)> = visible(clap).map(|a| (false, a)).collect();
    for (name, command) in subcommands(clap) {
        let of_lab = name.starts_with("lab ");
        all.extend(visible(command).map(|a| (of_lab, a)));
    }
    all
}

fn is_of_lab(item: &Item) -> bool {
    ["Lab options", "Which lab"].contains(&item.subsection.as_str())
        || item.subsection.starts_with("lab ")
}

// ---------------------------------------------------------------- what the page says

/// A list item of the page.
#[derive(Debug, Default)]
struct Item {
    section: String,
    subsection: String,
    /// How many lists it is in.
    depth: usize,
    /// The words of its `.It` line.
    head: Vec<String>,
    /// The lines of its text, lists inside it included.
    body: String,
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// The page's list items, outer before inner.
fn items() -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    // Indices of the items that a line now belongs to, one for each open list.
    let mut open: Vec<Option<usize>> = Vec::new();
    let (mut section, mut subsection) = (String::new(), String::new());
    for line in read(PAGE).lines() {
        if let Some(title) = line.strip_prefix(".Sh ") {
            title.clone_into(&mut section);
            subsection.clear();
        } else if let Some(title) = line.strip_prefix(".Ss ") {
            title.clone_into(&mut subsection);
        } else if line.starts_with(".El") {
            open.pop();
        } else if line.starts_with(".Bl ") {
            open.push(None);
        }
        if let Some(head) = line.strip_prefix(".It ") {
            let depth = open.len();
            open[depth - 1] = Some(items.len());
            items.push(Item {
                section: section.clone(),
                subsection: subsection.clone(),
                depth,
                head: words(head),
                body: String::new(),
            });
        } else {
            for index in open.iter().flatten() {
                items[*index].body.push_str(line);
                items[*index].body.push('\n');
            }
        }
    }
    items
}

/// What follows each `macro_name` in a line of macros: `.Fl c , Fl -containers` → c, -containers.
fn arguments_of(macro_name: &str, line: &[String]) -> Vec<String> {
    line.windows(2)
        .filter(|w| w[0].trim_start_matches('.') == macro_name)
        .map(|w| w[1].clone())
        .collect()
}

/// The option that an item describes, if it describes one.
fn described(item: &Item) -> Option<Opt> {
    let names: BTreeSet<String> = arguments_of("Fl", &item.head)
        .into_iter()
        .map(|n| format!("-{n}"))
        .collect();
    let values = arguments_of("Ar", &item.head);
    (!names.is_empty()).then(|| Opt {
        names,
        value: (!values.is_empty()).then(|| values.join(" ")),
    })
}

fn options_in(items: &[Item], section: &str, subsection: &str) -> BTreeSet<Opt> {
    items
        .iter()
        .filter(|i| i.section == section && i.subsection == subsection && i.depth == 1)
        .filter_map(described)
        .collect()
}

/// The words of one way to call the program, by its subcommand (none: the options alone).
fn synopsis() -> Vec<(Option<String>, Vec<String>)> {
    let page = read(PAGE);
    let text = page
        .split(".Sh SYNOPSIS")
        .nth(1)
        .and_then(|t| t.split(".Sh ").next())
        .expect("a SYNOPSIS");
    text.split(".Nm")
        .skip(1)
        .map(|call| {
            let line: Vec<String> = call.lines().flat_map(words).collect();
            let command = call.lines().find_map(|l| l.strip_prefix(".Cm "));
            (command.map(str::to_owned), line)
        })
        .collect()
}

/// The options that the page gives a subcommand, or the program itself: those of the groups that
/// its synopsis names, and those written out there and described with the subcommand.
fn documented(items: &[Item], subcommand: Option<&str>) -> BTreeSet<Opt> {
    let mut options = BTreeSet::new();
    let mut written_out = BTreeSet::new();
    for (_, line) in synopsis()
        .iter()
        .filter(|(c, _)| c.as_deref() == subcommand)
    {
        for group in arguments_of("Ar", line) {
            let title = match group.as_str() {
                "actions" => "Actions",
                "container-options" => "Container options",
                "lab-options" => "Lab options",
                "which-options" => "Which lab",
                "node-options" => "Node options",
                "general-options" => "General options",
                _ => continue,
            };
            let group = options_in(items, "OPTIONS", title);
            assert!(!group.is_empty(), "{PAGE}: no list of {title}");
            options.extend(group);
        }
        written_out.extend(
            arguments_of("Fl", line)
                .into_iter()
                .map(|f| format!("-{f}")),
        );
    }
    if let Some(name) = subcommand {
        let own = options_in(items, "COMMANDS", name);
        let names: BTreeSet<String> = own.iter().flat_map(|o| o.names.clone()).collect();
        assert_eq!(
            written_out, names,
            "{PAGE}: {name} in SYNOPSIS and COMMANDS"
        );
        options.extend(own);
    }
    options
}

/// The sentence of a text with macros that says what the default is.
fn default_sentence(body: &str) -> Option<String> {
    let text: Vec<&str> = body
        .split_whitespace()
        .filter(|w| !(w.len() == 3 && w.starts_with('.')))
        .collect();
    let text = text.join(" ");
    let (_, rest) = text.split_once("default is ")?;
    // A full stop after a macro stands by itself.
    let end = rest.find(". ").unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches([' ', '.']).to_owned())
}

// ---------------------------------------------------------------- commands in documents

/// The arguments of a command line of ours, without prompt and comment; none for other lines.
fn our_arguments(line: &str) -> Option<Vec<String>> {
    let line = line.trim();
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let line = line.strip_prefix("# ").unwrap_or(line);
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let mut words = line.split_whitespace();
    (words.next()? == "lxc-autogen").then(|| {
        words
            .take_while(|w| !matches!(*w, "#" | "|" | ">" | "&&" | "\\"))
            .map(|w| w.trim_matches('\'').to_owned())
            .collect()
    })
}

fn parses(what: &str, arguments: &[String]) {
    let line = std::iter::once("lxc-autogen").chain(arguments.iter().map(String::as_str));
    let shown = arguments.join(" ");
    match Cli::try_parse_from(line) {
        Ok(_) => {}
        Err(e) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {}
        Err(e) => panic!("{what}: lxc-autogen {shown}\n{e}"),
    }
}

/// A Markdown text's code: lines of fenced blocks, and spans.
fn code(text: &str) -> Vec<String> {
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            blocks.push(line.to_owned());
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    let spans = prose.split('`').skip(1).step_by(2);
    // A span may be broken across lines.
    blocks.extend(spans.map(|s| s.split_whitespace().collect::<Vec<_>>().join(" ")));
    blocks
}

// ---------------------------------------------------------------- the tests

#[test]
fn the_page_has_every_command_and_no_other() {
    let clap = clap();
    let known: BTreeSet<String> = subcommands(&clap).into_keys().collect();
    let page = read(PAGE);
    let commands = page.split(".Sh COMMANDS").nth(1).expect("COMMANDS");
    let commands = commands.split("\n.Sh ").next().expect("its text");
    let described: BTreeSet<String> = commands
        .lines()
        .filter_map(|l| l.strip_prefix(".Ss "))
        .map(str::to_owned)
        .collect();
    assert_eq!(described, known, "left: {PAGE}, COMMANDS; right: clap");
    let called: BTreeSet<String> = synopsis().into_iter().filter_map(|(c, _)| c).collect();
    assert_eq!(called, known, "left: {PAGE}, SYNOPSIS; right: clap");
    // Anywhere in the text: commands and the values of options are set with Cm.
    let values: BTreeSet<String> = every_arg(&clap)
        .into_iter()
        .flat_map(possible_values)
        .collect();
    for line in page.lines().filter(|l| l.starts_with('.')) {
        for name in arguments_of("Cm", &words(line)) {
            let of_several = known.iter().any(|k| k.starts_with(&format!("{name} ")));
            assert!(
                of_several || known.contains(&name) || values.contains(&name) || name == "help",
                "{PAGE}: there is no command {name}: {line}"
            );
        }
    }
}

#[test]
fn the_page_has_every_option_of_every_command_and_no_other() {
    let clap = clap();
    let items = items();
    let commands = subcommands(&clap);
    let all = commands
        .iter()
        .map(|(name, command)| (Some(name.as_str()), *command))
        .chain([(None, &clap)]);
    for (name, command) in all {
        let known: BTreeSet<Opt> = visible(command).map(opt).collect();
        let documented = documented(&items, name);
        let shown = name.unwrap_or("the program itself");
        let missing: Vec<&Opt> = known.difference(&documented).collect();
        assert!(missing.is_empty(), "{PAGE}: {shown} without {missing:?}");
        let extra: Vec<&Opt> = documented.difference(&known).collect();
        assert!(extra.is_empty(), "{PAGE}: {shown} has no {extra:?}");
    }
}

#[test]
fn the_page_mentions_no_option_that_is_not_there() {
    let known: BTreeSet<String> = every_arg(&clap())
        .into_iter()
        .flat_map(|a| opt(a).names)
        .collect();
    for line in read(PAGE).lines().filter(|l| l.starts_with('.')) {
        for name in arguments_of("Fl", &words(line)) {
            assert!(
                known.contains(&format!("-{name}")),
                "{PAGE}: there is no option -{name}: {line}"
            );
        }
    }
}

#[test]
fn values_and_defaults_on_the_page_are_the_programs() {
    let clap = clap();
    let all = items();
    for (of_lab, arg) in of_labs_and_others(&clap) {
        let names = opt(arg).names;
        let mut found = false;
        for (index, item) in all.iter().enumerate() {
            // clap adds --help to each command.
            let everywhere = arg.is_global_set() || arg.get_id() == "help";
            let elsewhere = !everywhere && of_lab != is_of_lab(item);
            if elsewhere || described(item).is_none_or(|o| o.names != names) {
                continue;
            }
            found = true;
            let inner: BTreeSet<String> = all[index + 1..]
                .iter()
                .take_while(|i| i.depth > item.depth)
                .flat_map(|i| arguments_of("Cm", &i.head))
                .collect();
            assert_eq!(inner, possible_values(arg), "{PAGE}: values of {names:?}");
            let Some(default) = default(arg) else {
                continue;
            };
            let said = default_sentence(&item.body)
                .unwrap_or_else(|| panic!("{PAGE}: {names:?} says no default; it is {default}"));
            let is_said = said
                .split([' ', ','])
                .any(|w| w == default.as_str() || said == default);
            assert!(
                is_said,
                "{PAGE}: the default of {names:?} is {default}, not: {said}"
            );
        }
        assert!(found, "{PAGE}: no {names:?}");
    }
}

#[test]
fn the_page_has_the_programs_environment_variables() {
    let known: BTreeSet<String> = every_arg(&clap())
        .into_iter()
        .filter_map(|a| Some(a.get_env()?.to_string_lossy().into_owned()))
        // Of no option.
        .chain([lxc_autogen::boot::VARIABLE.to_owned()])
        .collect();
    let described: BTreeSet<String> = items()
        .iter()
        .filter(|i| i.section == "ENVIRONMENT")
        .flat_map(|i| arguments_of("Ev", &i.head))
        .filter(|n| n.starts_with("LXC_AUTOGEN_"))
        .collect();
    assert_eq!(described, known, "left: {PAGE}, ENVIRONMENT; right: clap");
}

#[test]
fn the_pages_exit_statuses_are_the_programs() {
    let all = [
        Kind::Failed,
        Kind::Usage,
        Kind::Cant,
        Kind::LeftBehind,
        Kind::NotOnline,
        Kind::NotEntered,
        Kind::Interrupted,
    ];
    for kind in all {
        // A new kind does not compile here until it is in the list above.
        match kind {
            Kind::Failed
            | Kind::Usage
            | Kind::Cant
            | Kind::LeftBehind
            | Kind::NotOnline
            | Kind::NotEntered
            | Kind::Interrupted => {}
        }
    }
    let known: BTreeSet<u8> = all.iter().map(|k| k.exit_code()).chain([0]).collect();
    let described: BTreeSet<u8> = items()
        .iter()
        .filter(|i| i.section == "EXIT STATUS")
        .map(|i| i.head[0].parse().expect("a number"))
        .collect();
    assert_eq!(described, known, "left: {PAGE}, EXIT STATUS; right: Kind");
    for kind in all {
        let number = kind.exit_code().to_string();
        let item = items().into_iter().find(|i| i.head[0] == number);
        let words = arguments_of("Li", &item.unwrap().head);
        assert_eq!(words, [kind.word()], "{PAGE}, EXIT STATUS {number}");
    }
}

/// What `snapshot` looks at and leaves out, as the program does.
#[test]
fn the_pages_files_of_a_snapshot_are_the_programs() {
    use lxc_autogen::snapshot::{TREES, left_out::ALWAYS};
    let page = read(PAGE);
    let text = page.split(".Ss snapshot\n").nth(1).expect("its text");
    let text = text.split("\n.Ss ").next().expect("its end");
    let lines = text.lines().map(words);
    let mut named: BTreeSet<String> = lines.flat_map(|l| arguments_of("Pa", &l)).collect();
    // No file of the machine's.
    for other in ["/proc/sys", "scripts/world"] {
        assert!(named.remove(other), "{other}");
    }
    let always = ALWAYS.iter().flat_map(|(_, paths)| *paths);
    let known = always.chain(TREES).map(|p| (*p).to_owned()).collect();
    assert_eq!(named, known, "left: {PAGE}, snapshot; right: src/snapshot");
}

#[test]
fn commands_in_the_documents_parse() {
    for (path, at_least) in [
        ("README.md", 8),
        ("docs/ci.md", 5),
        ("docs/builds.md", 12),
        ("CONTRIBUTING.md", 0),
    ] {
        let found: Vec<Vec<String>> = code(&read(path))
            .iter()
            .filter_map(|l| our_arguments(l))
            .collect();
        assert!(found.len() >= at_least, "{path}: found only {found:?}");
        for arguments in found {
            parses(path, &arguments);
        }
    }
    // In a literal block, or quoted in the text.
    let page = read(PAGE);
    let found: Vec<Vec<String>> = page
        .lines()
        .map(|l| l.strip_prefix(".Ql ").unwrap_or(l))
        .map(|l| l.trim_end_matches([' ', ',', '.']))
        .filter_map(our_arguments)
        .collect();
    assert!(found.len() >= 12, "{PAGE}: found only {found:?}");
    for arguments in found {
        parses(PAGE, &arguments);
    }
}

#[test]
fn examples_in_the_help_texts_parse() {
    let clap = clap();
    let commands = subcommands(&clap);
    for command in commands.into_values().chain([&clap]) {
        let name = command.get_name();
        let text = command.get_after_help().map(ToString::to_string);
        let text = text.unwrap_or_else(|| panic!("{name}: no examples"));
        let found: Vec<Vec<String>> = text
            .lines()
            // A remark stands two columns behind the example.
            .map(|l| l.trim_start().split("  ").next().unwrap_or_default())
            .filter_map(our_arguments)
            .filter(|a| !a.is_empty())
            .collect();
        assert!(!found.is_empty(), "{name}: no examples in {text:?}");
        for arguments in found {
            parses(&format!("help of {name}"), &arguments);
        }
    }
}

#[test]
fn files_named_in_the_documents_are_there() {
    const ROOMS: &[&str] = &[
        ".ci/",
        "docs/",
        "man/",
        "packaging/",
        "scripts/",
        "src/",
        "tests/",
    ];
    let is_ours = |word: &str| {
        ROOMS.iter().any(|r| word.starts_with(r))
            || (!word.contains('/') && (word.ends_with(".md") || word.ends_with(".toml")))
    };
    for (path, at_least) in [
        ("CONTRIBUTING.md", 20),
        ("README.md", 3),
        ("CHANGELOG.md", 2),
    ] {
        let text = read(path);
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|t| t.split(')').next())
            .filter(|t| !t.starts_with("http") && !t.starts_with('#'))
            .map(str::to_owned);
        let in_code: Vec<String> = code(&text)
            .iter()
            .flat_map(|c| words(c))
            .map(|w| w.trim_start_matches('(').to_owned())
            .map(|w| w.trim_end_matches([')', ',', ';', ':', '.']).to_owned())
            .filter(|w| is_ours(w))
            .collect();
        let named: Vec<String> = in_code.into_iter().chain(links).collect();
        assert!(named.len() >= at_least, "{path}: found only {named:?}");
        for name in named {
            assert!(root().join(&name).exists(), "{path}: there is no {name}");
        }
    }
}

#[test]
fn the_page_has_every_place_that_stays_out_of_a_nodes_etc() {
    let page = read("man/lxc-autogen.8");
    for (why, places) in lxc_autogen::rootfs::left_out::LEFT_OUT {
        assert!(page.contains(&format!(".It {why}\n")), "{why}");
        for place in *places {
            let listed = page.lines().any(|l| {
                l.strip_prefix(".Pa ")
                    .is_some_and(|l| l.trim_end_matches(" ,") == *place)
            });
            assert!(listed, "{place}");
        }
    }
}

#[test]
fn every_room_of_the_source_is_in_contributing() {
    let text = read("CONTRIBUTING.md");
    let table: Vec<&str> = text.lines().filter(|l| l.starts_with('|')).collect();
    let named = code(&table.join("\n"));
    for entry in std::fs::read_dir(root().join("src")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let room = format!("src/{}", name.trim_end_matches(".rs"));
        // A module may be a file, a directory, or both.
        let names = [room.clone(), format!("{room}/"), format!("{room}.rs")];
        assert!(
            names.iter().any(|n| named.contains(n)),
            "CONTRIBUTING.md: src/{name} is in no room of the table"
        );
    }
}
