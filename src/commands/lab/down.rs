//! `lab down`: the journal, backwards. Needs none of the lab's own daemons.

use super::{Context, all, fence, lost, no_lab, of_lab};
use crate::commands::marks;
use crate::commands::preview::print_value;
use crate::error::{Error, Result};
use crate::host::{lock, users};
use crate::journal::{Journal, Undo};
use crate::lab::FENCE;
use crate::libvirt::virsh;
use crate::report::{count, result};
use crate::state::State;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// # Errors
/// [`crate::error::Kind::LeftBehind`] with the list of what had to stay.
pub(super) fn run(context: &Context, name: Option<&str>, every: bool) -> Result<()> {
    let names = if every {
        [all(context), lost(context)].concat()
    } else {
        vec![name.unwrap_or(super::DEFAULT_NAME).to_owned()]
    };
    if context.common.dry_run {
        return preview(context, &names);
    }
    users::require_root("lab down")?;
    let _host = lock::host()?;
    let mut undone = 0;
    let mut failed: Option<Error> = None;
    for name in &names {
        match one(&of_lab(context, name)?, name) {
            Ok(number) => undone += number,
            // The others are taken down all the same.
            Err(e) => failed = Some(failed.map_or(e.clone(), |f| f.details([e.to_string()]))),
        }
    }
    if context.common.json {
        print_value(&serde_json::json!({"labs": names, "undone": undone}))?;
    }
    match failed {
        Some(e) => Err(e),
        None => {
            context.report.line(match names.len() {
                0 => "no labs".to_owned(),
                _ => format!(
                    "{} down, {} undone, nothing left",
                    names.join(", "),
                    count(undone, "change")
                ),
            });
            Ok(())
        }
    }
}

fn one(context: &Context, name: &str) -> Result<usize> {
    virsh::connect(&context.host)?;
    let found = marks::found(context, None)?;
    let mut state = match State::open(&context.state_dir)? {
        Some(state) => state,
        None if found.is_empty() => {
            State::clear_unfinished(&context.state_dir)?;
            return Err(no_lab(context, name));
        }
        None => {
            context.report.warn(format!(
                "{} is gone; what carries its mark is removed",
                context.state_dir.display()
            ));
            let mut state = State::open_or_make(&context.state_dir)?;
            // Known by its place alone.
            state.journal.intend([Undo::Daemon {
                program: fence::PROGRAM.to_owned(),
                configuration: context.state_dir.join(FENCE).join(fence::CONFIGURATION),
            }])?;
            state
        }
    };
    state.journal.intend(found)?;
    let undoer = context.undoer(None);
    // First whatever could start a container again.
    let daemons = |_: u64, undo: &Undo| matches!(undo, Undo::Daemon { .. });
    let first = undoer.replay(&mut state.journal, daemons);
    pull_the_plugs(context, &state)?;
    let rest = undoer.replay(&mut state.journal, |_, _| true);
    let undone = first.undone + rest.undone;
    let again = format!("mend what is named, then run lxc-autogen lab down --name {name} again");
    for outcome in [first, rest] {
        outcome.into_result().map_err(|e| e.mend(again.clone()))?;
    }
    Ok(undone)
}

/// Ends every node's PID 1, and with it all that runs in the node, all nodes at once. libvirt's own
/// way begins with SIGTERM and patience, one node after the other.
fn pull_the_plugs(context: &Context, state: &State) -> Result<()> {
    let names: Vec<String> = virsh::domains_of(&context.host, &state.dir)?;
    for (_, pid) in virsh::init_pids(&context.host, &names)? {
        if let Ok(pid) = i32::try_from(pid) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    Ok(())
}

fn preview(context: &Context, names: &[String]) -> Result<()> {
    let mut text = String::new();
    let mut values = Vec::new();
    for name in names {
        let context = of_lab(context, name)?;
        let lost = !crate::host::files::exists(&context.state_dir);
        let undos = if lost {
            // Nobody but libvirt knows of it any more.
            marks::found(&context, None)?
        } else {
            Journal::peek(&context.state_dir)?
        };
        if lost && undos.is_empty() {
            return Err(no_lab(&context, name));
        }
        let keys: Vec<String> = undos.iter().map(Undo::key).collect();
        text.push_str(&format!("would take lab {name} down:\n"));
        if lost {
            let directory = context.state_dir.display();
            text.push_str(&format!("  {directory} is gone; by the marks there are:\n"));
        }
        for key in &keys {
            text.push_str(&format!("  undo {key}\n"));
        }
        values.push(serde_json::json!({"lab": name, "lost": lost, "undo": keys}));
    }
    if context.common.json {
        return print_value(&serde_json::json!({ "labs": values }));
    }
    result(if names.is_empty() {
        "no labs\n".to_owned()
    } else {
        text
    });
    Ok(())
}
