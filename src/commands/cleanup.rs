//! `cleanup`: removes everything that was made. Changes that the journal does not have are found by
//! the marks that things carry.

use crate::change::{Change, InCib, Journal, Outcome, Rank, Undoer};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::{files, users};
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::virsh;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::tools;
use crate::peer::Target;
use crate::report::{count, json, result};
use crate::set::{discover, easing};
use crate::share;
use crate::spec::{Scope, Sharing};
use crate::state::{State, turn};
use std::slice::from_ref;
use std::time::Duration;

/// # Errors
/// [`Kind::Cant`] when the cluster or libvirt cannot be asked (unless --force), before anything is
/// touched; [`Kind::LeftBehind`] with the list of what had to stay.
pub(super) fn run(
    context: &Context,
    scope: Scope,
    sharing: &Sharing,
    forget: &[String],
) -> Result<()> {
    if context.options.dry_run {
        return preview(context, scope);
    }
    users::require_root("cleanup")?;
    let _host = turn::host(context, from_ref(&context.state_dir))?;
    let cib = tools::query(&context.host);
    let found = discover::found(context, cib.as_ref().ok())?;
    let known = known_peers(&Journal::peek(&context.state_dir)?);
    let asked_for = share::answering(context, sharing, &known)?;
    let mut state = match State::open_to_undo(context)? {
        Some(state) => state,
        None if found.is_empty() => {
            State::clear_unfinished(&context.state_dir)?;
            let (undone, remains) =
                share::undo_on(context, scope, &asked_for, cib.is_err(), forget);
            if undone == 0 && remains.is_empty() {
                return nothing(context, cib.is_err());
            }
            let mut outcome = Outcome::default();
            outcome.add(undone, remains);
            return end(context, scope, outcome);
        }
        None => {
            context.report.warn(format!(
                "{} is gone; what carries its mark is removed, and whether the key or kernel \
                 settings were ours cannot be known",
                context.state_dir.display()
            ));
            State::open_or_make(&context.state_dir)?
        }
    };
    state.journal.remember(found);
    check_reachable(context, scope, &state.journal, &cib)?;
    let eased = match &cib {
        Ok(cib) if scope != Scope::Libvirt => easing::ease_removal(context, &mut state, cib)?,
        _ => None,
    };
    let mut undoer = Undoer::of(context, state.set.as_ref());
    // Stopping takes longer in a cluster under load.
    undoer.stop_timeout += Duration::from_millis(500) * resources(&state.journal);
    undoer.easing = eased;
    undoer.cluster_down = cib.is_err();
    undoer.forget = forget.to_vec();
    undoer.ssh_options.clone_from(&sharing.ssh_options);
    let mut outcome = undoer.replay(&mut state.journal, |_, change| change.is_of(scope));
    // Nodes that the options name and that this journal did not have, whatever group they belong
    // to.
    let (elsewhere, left) = share::undo_on(context, scope, &asked_for, cib.is_err(), forget);
    outcome.add(elsewhere, left);
    if scope == Scope::Libvirt {
        let known: Vec<Change> = state
            .journal
            .outstanding()
            .map(|(_, u)| u.clone())
            .collect();
        let known = known_peers(&known);
        let (undone, left) = share::undo_on(context, scope, &known, cib.is_err(), forget);
        outcome.add(undone, left);
    }
    end(context, scope, outcome)
}

/// Reports the changes that were undone, and those that stay.
fn end(context: &Context, scope: Scope, outcome: Outcome) -> Result<()> {
    if context.options.json {
        json(&serde_json::json!({"undone": outcome.undone, "remains": outcome.remains}))?;
    }
    let undone = match (outcome.into_result(), context.host.check_interrupt()) {
        (Err(e), Err(_)) => return Err(e.context("interrupted").with_kind(Kind::Interrupted)),
        (result, _) => result?,
    };
    context.report.line(match scope {
        Scope::All => format!("{} undone, nothing left", count(undone, "change")),
        _ => format!("{} undone", count(undone, "change")),
    });
    Ok(())
}

/// Number of resources to be taken out of the CIB.
fn resources(journal: &Journal) -> u32 {
    let all = journal.outstanding();
    let count = all.filter(|(_, change)| matches!(change, Change::Cib(InCib::Resource(_))));
    u32::try_from(count.count()).unwrap_or(u32::MAX)
}

fn known_peers(undos: &[Change]) -> Vec<Target> {
    let peers = undos.iter().filter_map(|change| match change {
        Change::Peers(peer) => Some(peer.target.clone()),
        _ => None,
    });
    peers.collect()
}

fn nothing(context: &Context, cluster_down: bool) -> Result<()> {
    if cluster_down {
        context
            .report
            .warn("the cluster cannot be asked whether it has anything of ours");
    }
    if context.options.json {
        json(&serde_json::json!({"undone": 0, "remains": []}))?;
    }
    context.report.line("nothing to clean up");
    Ok(())
}

/// Refuses to begin where the cluster would stop nothing (maintenance-mode), and, without --force,
/// where the cluster or libvirt is needed and does not answer.
fn check_reachable(
    context: &Context,
    scope: Scope,
    journal: &Journal,
    cib: &Result<Cib>,
) -> Result<()> {
    let concerns = |ranks: &[Rank]| {
        journal
            .outstanding()
            .any(|(_, u)| u.is_of(scope) && ranks.contains(&u.rank()))
    };
    let in_cluster = [Rank::Cib, Rank::Nodes, Rank::Properties];
    if let Err(e) = cib {
        if concerns(&in_cluster) && !context.options.force {
            let e = e.clone();
            return Err(e.context("the guest nodes cannot be taken out of the cluster").mend(
                "start the cluster, or use --force to remove the rest and keep what is in the CIB for a later cleanup",
            ));
        }
    }
    if let Ok(cib) = cib {
        if cib.flag("maintenance-mode", false) && concerns(&[Rank::Cib]) {
            return Err(
                Error::cant("the cluster would stop nothing: maintenance-mode is true")
                    .mend("crm_attribute -n maintenance-mode -v false"),
            );
        }
    }
    if concerns(&[Rank::Domains, Rank::Network]) && !context.options.force {
        virsh::connect(&context.host, &LXC)?;
    }
    if scope == Scope::Libvirt && !context.options.force {
        let running = cib.as_ref().is_ok_and(|cib| {
            journal
                .outstanding()
                .any(|(_, u)| matches!(u, Change::Cib(InCib::Resource(it)) if cib.has_id(&it.id)))
        });
        if running {
            return Err(Error::new(
                Kind::Cant,
                "the cluster would restart the containers at once: they are in its CIB",
            )
            .mend("take them out first: -p, or all at once: -R"));
        }
    }
    Ok(())
}

fn preview(context: &Context, scope: Scope) -> Result<()> {
    let cib = tools::query(&context.host);
    let mut undos = if users::is_root() {
        Journal::peek(&context.state_dir)?
    } else {
        Vec::new()
    };
    if users::is_root() {
        if let Some(told) = Journal::peek_unreadable(&context.state_dir)? {
            context.report.warn(told);
        }
    }
    undos.extend(discover::found(context, cib.as_ref().ok())?);
    undos.sort_by_key(|undo| (undo.rank(), undo.key()));
    undos.dedup_by_key(|undo| undo.key());
    undos.retain(|undo| undo.is_of(scope));
    if context.options.json {
        return json(&serde_json::json!({ "would_undo": undos }));
    }
    if !users::is_root() && files::exists(&context.state_dir) {
        context.report.warn(format!(
            "only root can read the journal in {}; what follows is what can be seen without",
            context.state_dir.display()
        ));
    }
    if undos.is_empty() {
        result("nothing to clean up\n");
        return Ok(());
    }
    result("would undo, in this order:\n");
    for undo in undos {
        result(format!("  {}\n", undo.key()));
    }
    Ok(())
}
