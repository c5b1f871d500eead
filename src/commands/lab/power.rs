//! `lab stop`, `lab start`, `lab restart` and `lab kill`: single nodes of a lab.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::users;
use crate::lab::chosen::{Chosen, chosen};
use crate::lab::power::{self, guests};
use crate::report::{json, result};
use crate::state::State;

/// What is done to nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Verb {
    Stop,
    Start,
    Restart,
    Kill,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Verb::Stop => "stop",
            Verb::Start => "start",
            Verb::Restart => "restart",
            Verb::Kill => "kill",
        }
    }
}

/// # Errors
/// When there is no such node, it is a guest node and the cluster's business, or it does not do as
/// it is told.
pub(in crate::commands) fn run(context: &Context, verb: Verb, names: &[String]) -> Result<()> {
    let word = verb.word();
    if !context.options.dry_run {
        users::require_root(&format!("lab {word}"))?;
    }
    let all = chosen(context, names)?;
    if matches!(verb, Verb::Stop | Verb::Start) {
        (all.iter()).try_for_each(|c| guests::refuse(&c.lab, &c.guests, word))?;
    }
    if context.options.dry_run {
        return preview(context, word, &all);
    }
    let mut done = Vec::new();
    for chosen in &all {
        for told in in_one(chosen, verb)? {
            context.report.line(told.line(verb));
            done.push(told);
        }
    }
    match context.options.json {
        true => json(&as_json(&done, "state")),
        false => Ok(()),
    }
}

/// Nodes of one lab, and a word for all of them.
#[derive(Debug)]
struct Told {
    lab: String,
    names: Vec<String>,
    word: &'static str,
}

impl Told {
    fn of(chosen: &Chosen, names: Vec<String>, word: &'static str) -> Told {
        let lab = chosen.lab.spec.name.clone();
        Told { lab, names, word }
    }

    fn line(&self, verb: Verb) -> String {
        let already = match (verb, self.names.len()) {
            (Verb::Kill, 1) if self.word == OFF => "is off already",
            (Verb::Kill, _) if self.word == OFF => "are off already",
            _ => self.word,
        };
        format!("lab {}: {} {already}", self.lab, self.names.join(", "))
    }
}

const OFF: &str = "off";

/// Gives back what the nodes are then.
fn in_one(chosen: &Chosen, verb: Verb) -> Result<Vec<Told>> {
    let Chosen {
        context,
        lab,
        nodes,
        guests,
    } = chosen;
    if verb == Verb::Kill {
        // At any time, also in the middle of another command.
        let guests = guests::kill(context, lab, guests)?;
        let off = [power::kill(context, lab, nodes)?, guests].concat();
        let mut killed = names_of(chosen);
        killed.retain(|name| !off.contains(name));
        let all = [(killed, "killed"), (off, OFF)].into_iter();
        let all = all.filter(|(names, _)| !names.is_empty());
        return Ok(all
            .map(|(names, word)| Told::of(chosen, names, word))
            .collect());
    }
    let state = State::open_in_turn(context)?;
    let mut state = state.ok_or_else(|| Error::failed("the lab has just been taken down"))?;
    let online = |online: bool| if online { "online" } else { "started" };
    let word = match verb {
        Verb::Stop | Verb::Kill => {
            power::stop(context, lab, nodes)?;
            OFF
        }
        Verb::Start => online(power::start(context, &mut state, lab, nodes)?),
        Verb::Restart => {
            let is_online = power::restart(context, &mut state, lab, nodes)?;
            guests::restart(context, lab, guests)?;
            online(is_online)
        }
    };
    Ok(vec![Told::of(chosen, names_of(chosen), word)])
}

fn preview(context: &Context, word: &'static str, all: &[Chosen]) -> Result<()> {
    let all = all.iter().map(|it| Told::of(it, names_of(it), word));
    let all: Vec<Told> = all.collect();
    if context.options.json {
        return json(&as_json(&all, "would"));
    }
    let each = |it: &Told| format!("would {word} {} of lab {}\n", it.names.join(", "), it.lab);
    result(all.iter().map(each).collect::<String>());
    Ok(())
}

fn names_of(chosen: &Chosen) -> Vec<String> {
    let both = chosen.nodes.iter().chain(&chosen.guests);
    both.map(|node| node.name.clone()).collect()
}

fn as_json(all: &[Told], key: &str) -> serde_json::Value {
    let of = |told: &Told| {
        let each = told
            .names
            .iter()
            .map(|name| serde_json::json!({"lab": told.lab, "name": name, key: told.word}));
        each.collect::<Vec<_>>()
    };
    serde_json::json!({"nodes": all.iter().flat_map(of).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_pulls_the_plug_of_what_is_off_is_told_so() {
        let line = |verb, names: &[&str], word| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let lab = "lab".to_owned();
            Told { lab, names, word }.line(verb)
        };
        let off = line(Verb::Kill, &["lab-node1", "lab-node2"], OFF);
        assert_eq!(off, "lab lab: lab-node1, lab-node2 are off already");
        let one = line(Verb::Kill, &["lxc1"], OFF);
        assert_eq!(one, "lab lab: lxc1 is off already");
        assert_eq!(
            line(Verb::Stop, &["lab-node1"], OFF),
            "lab lab: lab-node1 off"
        );
        assert_eq!(
            line(Verb::Kill, &["lxc1"], "killed"),
            "lab lab: lxc1 killed"
        );
    }
}
