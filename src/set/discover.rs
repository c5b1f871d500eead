//! Finding what is ours by the marks it carries, for a journal that is lost or another node's.

use super::easing;
use crate::change::Undo;
use crate::context::Context;
use crate::error::Result;
use crate::host::{files, hosts};
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::{marked_state_dir, virsh};
use crate::pacemaker::cib::Cib;
use crate::pacemaker::{config, throttle, tools};
use crate::plan::Set;
use std::path::Path;

/// What carries the mark of this state directory, journaled or not.
pub(crate) fn found(context: &Context, cib: Option<&Cib>) -> Result<Vec<Undo>> {
    let dir = &context.state_dir;
    let set = crate::state::load_set(dir).ok().flatten();
    let mut found = Vec::new();
    match virsh::domains_of(&context.host, &LXC, dir) {
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
            found.extend(throttle::left_over(cib).iter().map(easing::unraise));
            found.extend(config::left_over(cib).into_iter().map(easing::put_back));
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

/// Whether nodes of another set are joining. A large one looks so for as long as it is there, and
/// joins as long as not all of it is connected.
fn others_join(cib: &Cib, set: Option<&Set>) -> bool {
    let ours = set.map(Set::tag);
    let connected = cib.connected();
    let at_rest = |tag: &str| {
        let nodes = cib.nodes_of_set(tag);
        u32::try_from(nodes.len()).is_ok_and(config::is_large)
            && nodes.iter().all(|(node, _)| connected.contains(*node))
    };
    let mut tags = cib.our_templates().into_iter();
    tags.any(|tag| {
        ours.as_deref() != Some(tag) && cib.has_id(&config::joining_id(tag)) && !at_rest(tag)
    })
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
pub(crate) fn in_cib(context: &Context, cib: &Cib, set: Option<&Set>) -> Result<Vec<Undo>> {
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
        if whose.contains(&here) || context.options.force {
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
    for (node, id) in cib.nodes_of_set(tag) {
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
            LXC.leftovers(name)
                .into_iter()
                .filter(|path| path.starts_with("/run") && files::exists(path))
                .map(move |path| Undo::File {
                    path,
                    container: Some(name.clone()),
                })
        })
        .collect()
}
