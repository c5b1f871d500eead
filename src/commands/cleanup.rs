//! `cleanup`: everything that was made, away again; what the journal does not know any more is
//! found by the marks it carries.

use super::preview::print_value;
use super::{Context, passing};
use crate::error::{Error, Kind, Result};
use crate::host::{files, hosts, lock, users};
use crate::journal::{Journal, Rank, Undo};
use crate::libvirt::{by_products, marked_state_dir, virsh};
use crate::pacemaker::cib::Cib;
use crate::pacemaker::{config, throttle, tools};
use crate::plan::Set;
use crate::report::{count, result};
use crate::state::State;
use std::path::Path;

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// What is in the CIB (`-p`).
    Cib,
    /// Domains, network, hosts block (`-r`).
    Libvirt,
    /// Everything (`-R`).
    All,
}

impl Scope {
    fn covers(self, undo: &Undo) -> bool {
        let rank = undo.rank();
        match self {
            Scope::All => true,
            Scope::Cib => matches!(rank, Rank::Cib | Rank::Nodes | Rank::Properties),
            Scope::Libvirt => {
                matches!(rank, Rank::Domains | Rank::Network | Rank::Kernel)
                    || matches!(undo, Undo::HostsBlock { .. } | Undo::File { .. })
            }
        }
    }
}

/// # Errors
/// [`Kind::Cant`] when the cluster or libvirt cannot be asked (unless --force), before anything is
/// touched; [`Kind::LeftBehind`] with the list of what had to stay.
pub(super) fn run(context: &Context, scope: Scope) -> Result<()> {
    if context.common.dry_run {
        return preview(context, scope);
    }
    users::require_root("cleanup")?;
    let _host = lock::host()?;
    let cib = tools::query(&context.host);
    let found = found_by_marks(context, cib.as_ref().ok())?;
    let mut state = match State::open(&context.state_dir)? {
        Some(state) => state,
        None if found.is_empty() => {
            State::clear_unfinished(&context.state_dir)?;
            return nothing(context, cib.is_err());
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
    state.journal.intend(found)?;
    check_reachable(context, scope, &state.journal, &cib)?;
    let mut undoer = context.undoer(state.set.as_ref());
    undoer.cluster_down = cib.is_err();
    let outcome = undoer.replay(&mut state.journal, |_, undo| scope.covers(undo));
    if context.common.json {
        print_value(&serde_json::json!({"undone": outcome.undone, "remains": outcome.remains}))?;
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

fn nothing(context: &Context, cluster_down: bool) -> Result<()> {
    if cluster_down {
        context
            .report
            .warn("the cluster cannot be asked whether it has anything of ours");
    }
    if context.common.json {
        print_value(&serde_json::json!({"undone": 0, "remains": []}))?;
    }
    context.report.line("nothing to clean up");
    Ok(())
}

/// Everything that must answer does, or --force says to go on without.
fn check_reachable(
    context: &Context,
    scope: Scope,
    journal: &Journal,
    cib: &Result<Cib>,
) -> Result<()> {
    let concerns = |ranks: &[Rank]| {
        journal
            .outstanding()
            .any(|(_, u)| scope.covers(u) && ranks.contains(&u.rank()))
    };
    let in_cluster = [Rank::Cib, Rank::Nodes, Rank::Properties];
    if let Err(e) = cib {
        if concerns(&in_cluster) && !context.common.force {
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
    if concerns(&[Rank::Domains, Rank::Network]) && !context.common.force {
        virsh::connect(&context.host)?;
    }
    if scope == Scope::Libvirt && !context.common.force {
        let running = cib.as_ref().is_ok_and(|cib| {
            journal
                .outstanding()
                .any(|(_, u)| matches!(u, Undo::Resource { id, .. } if cib.has_id(id)))
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

/// What carries the mark of this state directory, journaled or not.
pub(super) fn found_by_marks(context: &Context, cib: Option<&Cib>) -> Result<Vec<Undo>> {
    let dir = &context.state_dir;
    let set = crate::state::load_set(dir).ok().flatten();
    let mut found = Vec::new();
    match virsh::domains_of(&context.host, dir) {
        Ok(names) => {
            found.extend(networks_of(context, dir)?);
            found.extend(names.into_iter().map(|name| Undo::Domain { name }));
        }
        Err(e) => context
            .report
            .warn(format!("domains cannot be looked for: {}", e.message())),
    }
    if let Some(cib) = cib {
        found.extend(in_cib(context, cib, set.as_ref())?);
        // Of a lost journal, and not of a set that joins right now. Alone it is no sign that
        // anything was made from here.
        let known = files::exists(&dir.join(crate::journal::FILE));
        if (known || !found.is_empty()) && !others_join(cib, set.as_ref()) {
            found.extend(throttle::left_over(cib).iter().map(passing::unraise));
        }
    }
    if !files::exists(&dir.join(crate::journal::FILE)) {
        found.extend(run_files(&found));
    }
    if let Some(bytes) = files::read_optional(Path::new(hosts::PATH))? {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        found.extend(
            hosts::markers_of(&text, dir)
                .into_iter()
                .map(|marker| Undo::HostsBlock {
                    path: hosts::PATH.into(),
                    marker,
                }),
        );
    }
    Ok(found)
}

/// Whether nodes of another set are joining.
fn others_join(cib: &Cib, set: Option<&Set>) -> bool {
    let ours = set.map(Set::tag);
    let mut tags = cib.our_templates().into_iter();
    tags.any(|tag| ours.as_deref() != Some(tag) && cib.has_id(&config::unprobed_id(tag)))
}

fn networks_of(context: &Context, dir: &Path) -> Result<Vec<Undo>> {
    let mut found = Vec::new();
    for name in virsh::networks(&context.host)? {
        let Some(xml) = virsh::dump_network(&context.host, &name)? else {
            continue;
        };
        if marked_state_dir(&xml) == Some(&*dir.to_string_lossy()) {
            let uuid = xml.find("uuid").map(|u| u.text.clone()).unwrap_or_default();
            found.push(Undo::Network { name, uuid });
        }
    }
    Ok(found)
}

/// Templates of this state directory on this node, with their primitives, nodes, constraints and
/// clones. Those of the same directory on another node are another set: made there, and taken
/// away there.
fn in_cib(context: &Context, cib: &Cib, set: Option<&Set>) -> Result<Vec<Undo>> {
    let mut found = Vec::new();
    for tag in cib.our_templates() {
        let whose = cib.description(tag).unwrap_or_default();
        if set.is_some_and(|s| whose.ends_with(&format!(", set {}", s.mark()))) {
            found.extend(of_tag(cib, tag));
            continue;
        }
        let dir = format!(" in {}, set ", context.state_dir.display());
        if !whose.contains(&dir) {
            continue;
        }
        let here = format!(" on {}{dir}", tools::this_node(&context.host)?);
        if whose.contains(&here) || context.common.force {
            found.extend(of_tag(cib, tag));
        } else {
            context.report.warn(format!(
                "not ours, and left: {whose}; clean up there, or use --force"
            ));
        }
    }
    Ok(found)
}

fn of_tag(cib: &Cib, tag: &str) -> Vec<Undo> {
    let mut found = Vec::new();
    let primitives = cib.of_template(tag);
    let nodes = cib.guest_nodes().into_iter();
    for (node, id) in nodes.filter(|(_, id)| primitives.contains(id)) {
        found.push(Undo::Node {
            name: node.to_owned(),
        });
        found.push(Undo::Domain {
            name: node.to_owned(),
        });
        found.push(Undo::Resource {
            id: id.to_owned(),
            container: Some(node.to_owned()),
        });
    }
    let objects = config::ids_of_tag(tag)
        .into_iter()
        .filter(|id| cib.has_id(id));
    found.extend(objects.map(|id| Undo::CibObject { id }));
    if cib.has_id(&config::clone_constraint_id(tag)) {
        let clone = config::clone_id_of_tag(tag);
        found.extend(clone.map(|id| Undo::Resource {
            id,
            container: None,
        }));
    }
    found
}

/// What the containers left under /run; only for a journal that is lost, since one that is there
/// knows what was there before. The log stays then: it may be another's of that name.
fn run_files(found: &[Undo]) -> Vec<Undo> {
    let names = found.iter().filter_map(|undo| match undo {
        Undo::Domain { name } => Some(name),
        _ => None,
    });
    names
        .flat_map(|name| {
            by_products::of_container(name)
                .into_iter()
                .filter(|path| path.starts_with("/run") && files::exists(path))
                .map(move |path| Undo::File {
                    path,
                    container: Some(name.clone()),
                })
        })
        .collect()
}

fn preview(context: &Context, scope: Scope) -> Result<()> {
    let cib = tools::query(&context.host);
    let mut undos = if users::is_root() {
        Journal::peek(&context.state_dir)?
    } else {
        Vec::new()
    };
    undos.extend(found_by_marks(context, cib.as_ref().ok())?);
    undos.sort_by_key(|undo| (undo.rank(), undo.key()));
    undos.dedup_by_key(|undo| undo.key());
    undos.retain(|undo| scope.covers(undo));
    if context.common.json {
        return print_value(&serde_json::json!({ "would_undo": undos }));
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
