//! `lab stop`, `lab start`, `lab restart` and `lab kill`: single nodes of a lab.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::users;
use crate::lab::chosen::{Chosen, chosen};
use crate::lab::power;
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

    /// What the nodes are then.
    fn then(self) -> &'static str {
        match self {
            Verb::Stop => "off",
            Verb::Start | Verb::Restart => "online",
            Verb::Kill => "killed",
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
        (all.iter()).try_for_each(|c| power::refuse_guests(&c.lab, &c.guests, word))?;
    }
    if context.options.dry_run {
        return preview(context, word, &all);
    }
    for chosen in &all {
        in_one(chosen, verb)?;
        context.report.line(format!(
            "lab {}: {} {}",
            chosen.lab.spec.name,
            names_of(chosen).join(", "),
            verb.then()
        ));
    }
    match context.options.json {
        true => json(&as_json(&all, "state", verb.then())),
        false => Ok(()),
    }
}

fn in_one(chosen: &Chosen, verb: Verb) -> Result<()> {
    let Chosen {
        context,
        lab,
        nodes,
        guests,
    } = chosen;
    if verb == Verb::Kill {
        // At any time, also in the middle of another command.
        power::kill_guests(context, lab, guests)?;
        return power::kill(context, lab, nodes);
    }
    let state = State::open_in_turn(context)?;
    let mut state = state.ok_or_else(|| Error::failed("the lab has just been taken down"))?;
    match verb {
        Verb::Stop => power::stop(context, lab, nodes),
        Verb::Start => power::start(context, &mut state, lab, nodes),
        Verb::Restart => {
            if !nodes.is_empty() {
                power::restart(context, &mut state, lab, nodes)?;
            }
            power::restart_guests(context, lab, guests)
        }
        Verb::Kill => Ok(()),
    }
}

fn preview(context: &Context, word: &str, all: &[Chosen]) -> Result<()> {
    if context.options.json {
        return json(&as_json(all, "would", word));
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

fn as_json(all: &[Chosen], key: &str, value: &str) -> serde_json::Value {
    let of = |chosen: &Chosen| {
        let lab = chosen.lab.spec.name.clone();
        let names = names_of(chosen).into_iter();
        let each = names.map(move |name| serde_json::json!({"lab": lab, "name": name, key: value}));
        each.collect::<Vec<_>>()
    };
    serde_json::json!({"nodes": all.iter().flat_map(of).collect::<Vec<_>>()})
}
