//! `lab status`: the tree of a lab.

use crate::context::Context;
use crate::error::Result;
use crate::host::users;
use crate::lab::directory::{beside, existing, load, of_lab};
use crate::lab::tree::{Row, Tree, tree};
use crate::lab::vote;
use crate::report::{json, result, table};

/// # Errors
/// When there is no such lab; parts that do not answer are shown as such.
pub(in crate::commands) fn run(context: &Context, name: &str) -> Result<()> {
    users::require_root_even_dry("lab status")?;
    let (context, lab) = existing(&context.only_looking(), Some(name))?;
    let tree = tree(&context, &lab)?;
    if context.options.json {
        return json(&serde_json::json!(tree));
    }
    result(as_text(&tree));
    Ok(())
}

/// Every lab, one after the other; half-made ones and those whose directory is gone are in `lab
/// list`.
///
/// # Errors
/// When libvirt does not answer.
pub(in crate::commands) fn all(context: &Context) -> Result<()> {
    users::require_root_even_dry("lab status")?;
    let mut trees = Vec::new();
    for name in beside(&context.state_dir) {
        let context = of_lab(&context.only_looking(), &name)?;
        if let Some(lab) = load(&context.state_dir)? {
            trees.push(tree(&context, &lab)?);
        }
    }
    if context.options.json {
        return json(&serde_json::json!({ "labs": trees }));
    }
    let texts: Vec<String> = trees.iter().map(as_text).collect();
    result(match texts.is_empty() {
        true => "no labs\n".to_owned(),
        false => texts.join("\n"),
    });
    Ok(())
}

fn as_text(tree: &Tree) -> String {
    let mut cells = Vec::new();
    let mut add = |depth: &str, row: &Row| {
        cells.push(vec![
            format!("{depth}{}", row.name),
            match row.is_vm {
                true => format!("{}, VM", row.kind),
                false => row.kind.to_owned(),
            },
            match &row.link1 {
                Some(second) => format!("{} {second}", row.address),
                None => row.address.clone(),
            },
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
    let header = ["NODE", "KIND", "ADDRESS", "LIBVIRT", "PACEMAKER", "TROUBLE"];
    let fencing = match tree.fencing {
        "disabled" => format!(
            "fencing is off: lxc-autogen lab fencing on --name {} switches it on",
            tree.lab
        ),
        "running" => "fenced by fence_virtd".to_owned(),
        "down" => format!(
            "fence_virtd does NOT run: lxc-autogen lab up --name {} starts it again",
            tree.lab
        ),
        _ => "without fencing".to_owned(),
    };
    let device = match tree.quorum_device {
        Some(vote::VOTES) => ", with the vote of a quorum device",
        Some(_) => ", WITHOUT the vote of its quorum device",
        None => "",
    };
    let second = tree.link1.as_ref().map_or(String::new(), |link| {
        format!(" and {} on {}", link.network, link.subnet)
    });
    let down = tree.rows().filter_map(|row| Some((&row.name, row.down()?)));
    let down: Vec<String> = down.map(|(name, why)| format!("{name} ({why})")).collect();
    let down = match down.is_empty() {
        true => String::new(),
        false => format!("not up: {}\n", down.join(", ")),
    };
    format!(
        "lab {}: network {} on {}{second}, {fencing}{device}\n{down}\n{}",
        tree.lab,
        tree.network,
        tree.subnet,
        table(&header, &cells)
    )
}
