//! Completion in the shell: the script a shell reads once, and the answers to what it asks then.
//!
//! The shell calls this program with [`VARIABLE`] set, which clap_complete answers from the command
//! line's own definition; names of labs and nodes are looked up then. Whoever may not read the
//! state directory gets none, and no error: completion has nowhere to show one.

use super::{Cli, DEFAULT_STATE_DIR};
use crate::host::Host;
use crate::lab::{self, Lab};
use crate::pacemaker::tools;
use clap::{CommandFactory, ValueEnum};
use clap_complete::engine::{CompletionCandidate as Candidate, PathCompleter, ValueCompleter};
use clap_complete::env::{CompleteEnv, Shells};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Set by the scripts, to the name of the shell that asks.
pub const VARIABLE: &str = "LXC_AUTOGEN_COMPLETE";

/// Shells that there is a completion script for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// Answers a shell that asks for completions, and ends the program; returns when no shell asks.
pub fn answer() {
    CompleteEnv::with_factory(Cli::command)
        .var(VARIABLE)
        .complete();
}

/// The script of a shell, which calls `lxc-autogen` as it is found on the path.
///
/// # Errors
/// When clap_complete does not write it.
pub fn script(shell: Shell) -> std::io::Result<String> {
    let value = shell.to_possible_value();
    // A value without a name is one that clap skips, and there is none; clap_complete has the same
    // names.
    let name = value.as_ref().map_or("", |v| v.get_name());
    let shells = Shells::builtins();
    let writer = shells.completer(name).ok_or_else(|| {
        std::io::Error::new(std::io::ErrorKind::Unsupported, format!("no {name} script"))
    })?;
    let mut text = Vec::new();
    let program = "lxc-autogen";
    writer.write_registration(VARIABLE, program, program, program, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Names of the labs there are.
pub(super) fn labs() -> Vec<Candidate> {
    candidates(lab::directory::beside(&state_dir()))
}

/// Nodes of the labs there are, by the names that `lab exec` takes.
pub(super) fn nodes() -> Vec<Candidate> {
    candidates(nodes_of_all(&state_dir()))
}

/// Where `lab cp` copies from and to: paths of this host, and nodes with the colon behind them.
pub(super) fn places(typed: &OsStr) -> Vec<Candidate> {
    let mut all = candidates(with_colon(nodes_of_all(&state_dir()), typed));
    all.extend(PathCompleter::any().complete(typed));
    all
}

fn with_colon(nodes: Vec<String>, typed: &OsStr) -> Vec<String> {
    let typed = typed.to_string_lossy();
    let nodes = nodes.into_iter().map(|node| node + ":");
    nodes.filter(|node| node.starts_with(&*typed)).collect()
}

/// Names of the nodes of the cluster that runs here.
pub(super) fn cluster_nodes() -> Vec<Candidate> {
    // A person who waits for a completion does not wait long.
    let asked = tools::cluster_nodes_within(&Host::new(false), Duration::from_secs(2));
    candidates(asked.unwrap_or_default())
}

/// Names of the nodes of the set in the state directory.
pub(super) fn set_nodes() -> Vec<Candidate> {
    let set = crate::state::load_set(&state_dir()).ok().flatten();
    let guests = set.map(|set| set.guests()).unwrap_or_default();
    candidates(guests.into_iter().map(|guest| guest.name))
}

fn candidates(names: impl IntoIterator<Item = String>) -> Vec<Candidate> {
    names.into_iter().map(Candidate::new).collect()
}

/// Path of the state directory. An option that names another one is not known here, where only the
/// text of this argument is.
fn state_dir() -> PathBuf {
    std::env::var_os("LXC_AUTOGEN_STATE_DIR").map_or_else(|| DEFAULT_STATE_DIR.into(), Into::into)
}

fn nodes_of_all(state_dir: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for name in lab::directory::beside(state_dir) {
        let path = lab::directory::directory(state_dir, &name).join(lab::FILE);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if let Ok(lab) = Lab::from_json(&text, "") {
            all.extend(nodes_of(&lab));
        }
    }
    all
}

/// Names of a lab's nodes: without the lab's name in the default lab, with `LAB/` in front in
/// others.
fn nodes_of(lab: &Lab) -> Vec<String> {
    let name = &lab.spec.name;
    let before = match name.as_str() {
        lab::DEFAULT_NAME => String::new(),
        _ => format!("{name}/"),
    };
    let own = format!("{name}-");
    let nodes = lab.nodes().into_iter().map(|n| {
        let short = n.name.strip_prefix(&own).unwrap_or(&n.name);
        format!("{before}{short}")
    });
    let guests = (1..=lab.spec.containers).map(|n| format!("{before}lxc{n}"));
    nodes.chain(guests).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_asks_this_program_by_our_variable() {
        for shell in Shell::value_variants() {
            let text = script(*shell).unwrap();
            assert!(text.contains(VARIABLE), "{text}");
            assert!(text.contains("lxc-autogen"), "{text}");
        }
    }

    #[test]
    fn places_begin_with_what_is_typed() {
        let nodes = || ["node1", "qa/node1"].map(str::to_owned).to_vec();
        assert_eq!(with_colon(nodes(), OsStr::new("")), ["node1:", "qa/node1:"]);
        assert_eq!(with_colon(nodes(), OsStr::new("no")), ["node1:"]);
        assert!(with_colon(nodes(), OsStr::new("node1:/et")).is_empty());
    }

    #[test]
    fn nodes_as_exec_takes_them() {
        let mut lab = crate::lab::tests::sample(2, 1);
        lab.spec.containers = 1;
        assert_eq!(nodes_of(&lab), ["node1", "node2", "remote1", "lxc1"]);
        lab.spec.name = "qa".into();
        assert!(nodes_of(&lab).iter().all(|n| n.starts_with("qa/")));
    }
}
