//! The nodes that a command line names, of one lab or several, whether they run or not.

use super::directory::existing;
use super::find::{is_pattern, lab_of};
use super::{Lab, nested};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::plan::Machine;
use glob::Pattern;

/// Nodes of one lab.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The lab's own context.
    pub context: Context,
    /// The lab.
    pub lab: Lab,
    /// Cluster nodes, remote nodes and the qnetd node, in the lab's order.
    pub nodes: Vec<Machine>,
    /// Guest nodes.
    pub guests: Vec<Machine>,
}

/// The nodes of these names and patterns, as `lab exec` takes them; each once. A pattern that meets
/// guest nodes and others means the others: guests end and move with the nodes that they are in.
///
/// # Errors
/// A usage error when a pattern is none, and [`crate::error::Kind::Cant`] when there is no such lab
/// or node.
pub(crate) fn chosen(context: &Context, wanted: &[String]) -> Result<Vec<Chosen>> {
    let mut all: Vec<Chosen> = Vec::new();
    for wanted in wanted {
        let (context, lab, name) = match is_pattern(wanted) {
            false => lab_of(context, wanted)?,
            true => {
                let (lab, name) = match wanted.split_once('/') {
                    Some((lab, name)) => (Some(lab), name),
                    None => (None, wanted.as_str()),
                };
                let (context, lab) = existing(context, lab)?;
                (context, lab, name)
            }
        };
        let guests = nested::set(&lab)?.map(|set| set.guests());
        let (nodes, guests) = meet(&lab, &guests.unwrap_or_default(), name)?;
        match all.iter_mut().find(|c| c.lab.spec.name == lab.spec.name) {
            Some(there) => {
                there.nodes.extend(nodes);
                there.guests.extend(guests);
            }
            None => all.push(Chosen {
                context,
                lab,
                nodes,
                guests,
            }),
        }
    }
    for chosen in &mut all {
        let named = std::mem::take(&mut chosen.nodes);
        chosen.nodes = chosen.lab.nodes();
        chosen.nodes.retain(|node| named.contains(node));
        chosen.guests.sort_by_key(|guest| guest.number);
        chosen.guests.dedup();
    }
    Ok(all)
}

/// The lab's nodes that a name or pattern means, or else the guests.
fn meet(lab: &Lab, guests: &[Machine], name: &str) -> Result<(Vec<Machine>, Vec<Machine>)> {
    let text = match is_pattern(name) {
        true => name.to_owned(),
        false => Pattern::escape(name),
    };
    let pattern =
        Pattern::new(&text).map_err(|e| Error::usage(format!("{name:?} is no pattern: {e}")))?;
    let own = format!("{}-", lab.spec.name);
    let meets = |node: &Machine| {
        let short = node.name.strip_prefix(&own).unwrap_or(&node.name);
        pattern.matches(&node.name) || pattern.matches(short)
    };
    let mut nodes = lab.nodes();
    nodes.retain(meets);
    if !nodes.is_empty() {
        return Ok((nodes, Vec::new()));
    }
    let guests: Vec<Machine> = guests.iter().filter(|g| meets(g)).cloned().collect();
    if guests.is_empty() {
        let known: Vec<String> = lab.nodes().into_iter().map(|n| n.name).collect();
        return Err(
            Error::cant(format!("no node of lab {} is called {name}", lab.spec.name)).mend(format!(
                "its nodes are {}; its guest nodes are shown by lxc-autogen lab status --name {}",
                known.join(", "),
                lab.spec.name
            )),
        );
    }
    Ok((nodes, guests))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::with_qnetd;

    #[test]
    fn names_and_patterns_mean_nodes_and_guests_where_no_node_meets_them() {
        let lab = with_qnetd(2, 1);
        let guests = crate::plan::tests::sample(2).guests();
        let of = |name: &str| -> Vec<String> {
            let (nodes, guests) = meet(&lab, &guests, name).unwrap();
            nodes.into_iter().chain(guests).map(|n| n.name).collect()
        };
        assert_eq!(of("node2"), ["lab-node2"]);
        assert_eq!(of("lab-remote1"), ["lab-remote1"]);
        assert_eq!(of("node*"), ["lab-node1", "lab-node2"]);
        assert_eq!(
            of("*"),
            ["lab-node1", "lab-node2", "lab-remote1", "lab-qnetd"]
        );
        assert_eq!(of("lxc2"), ["lxc2"]);
        assert_eq!(of("lxc*"), ["lxc1", "lxc2"]);
        let e = meet(&lab, &guests, "node3").unwrap_err();
        assert_eq!(e.message(), "no node of lab lab is called node3");
        assert!(e.mend_text().unwrap().contains("lab-node1, lab-node2"));
        assert!(meet(&lab, &guests, "node[").is_err());
    }
}
