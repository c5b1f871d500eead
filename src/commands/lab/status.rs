//! `lab status` and `lab list`: the tree of a lab, and all labs.

use super::exec::nested;
use super::nodes::{self, Running};
use super::{Context, all, existing, fence, guests, in_directory, load, lost};
use crate::commands::preview::print_value;
use crate::error::Result;
use crate::host::{inside, users};
use crate::lab::{Kind, Lab, Node};
use crate::libvirt::virsh;
use crate::pacemaker::monitor::View;
use crate::report::{result, table};
use crate::supervisor;
use serde::Serialize;
use std::collections::HashMap;

/// One node, with the guests that run on it.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    address: String,
    libvirt: String,
    pacemaker: String,
    /// Daemons that are not as they should be.
    troubles: Vec<String>,
    guests: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Tree {
    lab: String,
    network: String,
    subnet: String,
    /// `running`, `down` or `off`.
    fencing: &'static str,
    nodes: Vec<Row>,
    /// Guests that run nowhere.
    guests: Vec<Row>,
}

/// # Errors
/// When there is no such lab; what does not answer is shown as such.
pub(super) fn run(context: &Context, name: Option<&str>) -> Result<()> {
    users::require_root("lab status")?;
    // After `lab up --json` the context is the lab's already.
    let (context, lab) = match load(&context.state_dir)? {
        Some(lab) => (in_directory(context, context.state_dir.clone()), lab),
        None => existing(context, name)?,
    };
    let tree = tree(&context, &lab)?;
    if context.common.json {
        return print_value(&serde_json::json!(tree));
    }
    result(as_text(&tree));
    Ok(())
}

fn tree(context: &Context, lab: &Lab) -> Result<Tree> {
    let states: HashMap<String, String> = virsh::domains(&context.host)
        .map(|rows| rows.into_iter().map(|r| (r.name, r.state)).collect())
        .unwrap_or_default();
    let running = Running::of(context, lab)?;
    let view = nodes::view(context, lab, &running);
    let mut rows: Vec<Row> = Vec::new();
    for node in lab.nodes() {
        let troubles = match running.get(&node.name) {
            Some(inside) if node.kind == Kind::Cluster => {
                troubles(&nodes::daemons(context, inside))
            }
            _ => Vec::new(),
        };
        rows.push(row(&node, &states, view.as_ref(), troubles));
    }
    let loose = hang_guests(lab, &running, view.as_ref(), &mut rows)?;
    Ok(Tree {
        lab: lab.spec.name.clone(),
        network: lab.network(),
        subnet: lab.subnet.to_string(),
        fencing: match (lab.spec.fencing, fence::runs(lab)) {
            (false, _) => "off",
            (true, true) => "running",
            (true, false) => "down",
        },
        nodes: rows,
        guests: loose,
    })
}

fn troubles(daemons: &[supervisor::Report]) -> Vec<String> {
    daemons
        .iter()
        .filter(|d| !d.is_well())
        .map(|d| format!("{} {}", d.name, d.state))
        .collect()
}

fn row(
    node: &Node,
    states: &HashMap<String, String>,
    view: Option<&View>,
    troubles: Vec<String>,
) -> Row {
    Row {
        kind: node.kind.text(),
        address: node.address.to_string(),
        libvirt: states
            .get(&node.name)
            .cloned()
            .unwrap_or_else(|| "absent".to_owned()),
        pacemaker: in_pacemaker(view, &node.name),
        name: node.name.clone(),
        troubles,
        guests: Vec::new(),
    }
}

fn in_pacemaker(view: Option<&View>, name: &str) -> String {
    let Some(view) = view else {
        return "no cluster node answers".to_owned();
    };
    match view.nodes.get(name) {
        None => "unknown".to_owned(),
        Some(node) => match (node.online, node.note) {
            (_, Some(note)) => note.to_owned(),
            (true, None) => "online".to_owned(),
            (false, None) => "offline".to_owned(),
        },
    }
}

/// Puts each guest under the cluster node it runs on; gives back those that run nowhere.
fn hang_guests(
    lab: &Lab,
    running: &Running,
    view: Option<&View>,
    rows: &mut [Row],
) -> Result<Vec<Row>> {
    let mut loose = Vec::new();
    let guests = guests::set(lab)?.map(|s| s.guests()).unwrap_or_default();
    let nodes = running.cluster(lab);
    for guest in guests {
        let found = nodes
            .iter()
            .find_map(|(node, inside)| Some((&node.name, nested(inside, &guest.name)?)));
        // As the cluster has it; where none answers, where its container is.
        let on = match view {
            Some(view) => view
                .active
                .get(&guest.resource)
                .and_then(|active| active.first()?.nodes.first()),
            None => found.map(|(node, _)| node),
        };
        let on = on.cloned();
        let row = Row {
            kind: "guest node",
            address: guest.address.to_string(),
            libvirt: match found {
                Some((_, pid)) if inside::is_frozen(pid) => "paused",
                Some(_) => "running",
                None => "absent",
            }
            .to_owned(),
            pacemaker: in_pacemaker(view, &guest.name),
            name: guest.name,
            troubles: Vec::new(),
            guests: Vec::new(),
        };
        match rows.iter_mut().find(|r| Some(&r.name) == on.as_ref()) {
            Some(node) => node.guests.push(row),
            None => loose.push(row),
        }
    }
    Ok(loose)
}

fn as_text(tree: &Tree) -> String {
    let mut cells = Vec::new();
    let mut add = |depth: &str, row: &Row| {
        cells.push(vec![
            format!("{depth}{}", row.name),
            row.kind.to_owned(),
            row.address.clone(),
            row.libvirt.clone(),
            row.pacemaker.clone(),
            row.troubles.join("; "),
        ]);
    };
    for node in &tree.nodes {
        add("", node);
        node.guests.iter().for_each(|g| add("  ", g));
    }
    tree.guests.iter().for_each(|g| add("", g));
    let header = ["NODE", "KIND", "ADDRESS", "LIBVIRT", "PACEMAKER", ""];
    let fencing = match tree.fencing {
        "running" => "fenced by fence_virtd".to_owned(),
        "down" => format!(
            "fence_virtd does NOT run: lxc-autogen lab up --name {} starts it again",
            tree.lab
        ),
        _ => "without fencing".to_owned(),
    };
    format!(
        "lab {}: network {} on {}, {fencing}\n\n{}",
        tree.lab,
        tree.network,
        tree.subnet,
        table(&header, &cells)
    )
}

/// # Errors
/// When libvirt does not answer.
pub(super) fn list(context: &Context) -> Result<()> {
    users::require_root("lab list")?;
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for name in all(context) {
        let context = super::of_lab(context, &name)?;
        let Some(lab) = load(&context.state_dir)? else {
            let mend = format!("half made: lxc-autogen lab down --name {name}");
            rows.push(vec![name.clone(), mend]);
            values.push(serde_json::json!({"lab": name, "half_made": true}));
            continue;
        };
        let up = Running::of(&context, &lab)?;
        let nodes = lab.nodes();
        let running = nodes.iter().filter(|n| up.get(&n.name).is_some()).count();
        values.push(serde_json::json!({
            "lab": name, "nodes": nodes.len(), "running": running,
            "containers": lab.spec.containers, "subnet": lab.subnet.to_string(),
        }));
        rows.push(vec![
            name,
            format!("{running} of {} running", nodes.len()),
            lab.spec.containers.to_string(),
            lab.subnet.to_string(),
        ]);
    }
    for name in lost(context) {
        values.push(serde_json::json!({"lab": name, "lost": true}));
        rows.push(vec![
            name.clone(),
            format!("its directory is gone: lxc-autogen lab down --name {name}"),
        ]);
    }
    if context.common.json {
        return print_value(&serde_json::json!({ "labs": values }));
    }
    result(if rows.is_empty() {
        "no labs\n".to_owned()
    } else {
        table(&["LAB", "NODES", "GUESTS", "SUBNET"], &rows)
    });
    Ok(())
}
