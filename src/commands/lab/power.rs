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
        let state = in_one(chosen, verb)?;
        context.report.line(format!(
            "lab {}: {} {state}",
            chosen.lab.spec.name,
            names_of(chosen).join(", ")
        ));
        done.push((chosen, state));
    }
    match context.options.json {
        true => json(&as_json(&done, "state")),
        false => Ok(()),
    }
}

/// Gives back what the nodes are then, in a word.
fn in_one(chosen: &Chosen, verb: Verb) -> Result<&'static str> {
    let Chosen {
        context,
        lab,
        nodes,
        guests,
    } = chosen;
    if verb == Verb::Kill {
        // At any time, also in the middle of another command.
        guests::kill(context, lab, guests)?;
        power::kill(context, lab, nodes)?;
        return Ok("killed");
    }
    let state = State::open_in_turn(context)?;
    let mut state = state.ok_or_else(|| Error::failed("the lab has just been taken down"))?;
    let online = match verb {
        Verb::Stop | Verb::Kill => {
            power::stop(context, lab, nodes)?;
            return Ok("off");
        }
        Verb::Start => power::start(context, &mut state, lab, nodes)?,
        Verb::Restart => {
            let online = power::restart(context, &mut state, lab, nodes)?;
            guests::restart(context, lab, guests)?;
            online
        }
    };
    Ok(if online { "online" } else { "started" })
}

fn preview(context: &Context, word: &str, all: &[Chosen]) -> Result<()> {
    if context.options.json {
        let all: Vec<(&Chosen, &str)> = all.iter().map(|chosen| (chosen, word)).collect();
        return json(&as_json(&all, "would"));
    }
    let each = |chosen: &Chosen| {
        let names = names_of(chosen).join(", ");
        format!("would {word} {names} of lab {}\n", chosen.lab.spec.name)
    };
    result(all.iter().map(each).collect::<String>());
    Ok(())
}

fn names_of(chosen: &Chosen) -> Vec<&str> {
    let both = chosen.nodes.iter().chain(&chosen.guests);
    both.map(|node| node.name.as_str()).collect()
}

fn as_json(all: &[(&Chosen, &str)], key: &str) -> serde_json::Value {
    let of = |(chosen, value): &(&Chosen, &str)| {
        let lab = &chosen.lab.spec.name;
        let names = names_of(chosen).into_iter();
        let each = names.map(|name| serde_json::json!({"lab": lab, "name": name, key: value}));
        each.collect::<Vec<_>>()
    };
    serde_json::json!({"nodes": all.iter().flat_map(of).collect::<Vec<_>>()})
}
