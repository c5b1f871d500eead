//! A lab as a picture: SVG, Graphviz's dot, or Mermaid.

mod svg;

pub use svg::svg;

use super::Lab;
use crate::plan::{Kind, Machine};
use std::collections::HashMap;

/// How a lab's nodes are, by name.
#[derive(Debug, Clone, Default)]
pub struct Now {
    /// Nodes that are not up, each with the word for it: `off`, `offline` and so on.
    pub down: HashMap<String, String>,
    /// Guest nodes, each with the cluster node that it runs on.
    pub on: HashMap<String, String>,
}

/// A node of the lab's own.
#[derive(Debug)]
struct Drawn {
    name: String,
    address: String,
    kind: &'static str,
}

/// The lab and guests to be drawn.
#[derive(Debug)]
pub struct Picture {
    title: String,
    cluster: Vec<Drawn>,
    /// Nodes that run no cluster.
    others: Vec<Drawn>,
    guests: Vec<String>,
    now: Now,
    fencing: bool,
    network: String,
    /// The cluster nodes' second link.
    link1: Option<String>,
}

impl Picture {
    /// The picture of a lab with these guest nodes, as they are now.
    pub fn of(lab: &Lab, guests: Vec<String>, now: Now) -> Picture {
        let nodes = lab.nodes().into_iter();
        let (cluster, others) = nodes.partition::<Vec<_>, _>(|n| n.kind == Kind::Cluster);
        let drawn = |nodes: Vec<Machine>| {
            let each = nodes.into_iter().map(|n| Drawn {
                address: n.address.to_string(),
                kind: n.kind.text(),
                name: n.name,
            });
            each.collect()
        };
        Picture {
            title: format!("lab {}", lab.spec.name),
            cluster: drawn(cluster),
            others: drawn(others),
            guests,
            now,
            fencing: lab.spec.fencing,
            network: format!("{} {}", lab.network(), lab.subnet),
            link1: lab
                .links()
                .get(1)
                .map(|link| format!("{} {}", link.name, link.subnet)),
        }
    }

    /// The guests drawn at a cluster node: those that run there, and those that run nowhere spread
    /// evenly, as when all nodes are up.
    fn guests_of(&self, index: usize) -> Vec<&String> {
        let place = |(number, guest): (usize, &String)| match self.now.on.get(guest) {
            Some(node) => self.cluster.iter().position(|n| n.name == *node),
            None => Some(number % self.cluster.len()),
        };
        let all = self.guests.iter().enumerate();
        let here = all.filter(|(number, guest)| place((*number, guest)) == Some(index));
        here.map(|(_, guest)| guest).collect()
    }

    /// The word for a node that is not up.
    fn down(&self, name: &str) -> Option<&str> {
        self.now.down.get(name).map(String::as_str)
    }
}

/// The picture in Graphviz's language, for `dot -Tsvg`.
pub fn dot(picture: &Picture) -> String {
    let mut text = format!(
        "graph \"{}\" {{\n  node [shape=box];\n  network [label=\"{}\" shape=ellipse];\n",
        picture.title, picture.network
    );
    if let Some(label) = &picture.link1 {
        text.push_str(&format!("  link1 [label=\"{label}\" shape=ellipse];\n"));
    }
    // What is not up is dashed and grey, and says why.
    let of = |name: &str, style: &str, label: String| match picture.down(name) {
        Some(why) => {
            let (style, grey) = (format!("\"{style}dashed\""), "color=gray fontcolor=gray50");
            format!("\"{name}\" [label=\"{label}\\n{why}\" style={style} {grey}];\n")
        }
        None if style.is_empty() => format!("\"{name}\" [label=\"{label}\"];\n"),
        None => {
            let style = style.trim_end_matches(',');
            format!("\"{name}\" [label=\"{label}\" style={style}];\n")
        }
    };
    for (index, Drawn { name, address, .. }) in picture.cluster.iter().enumerate() {
        text.push_str(&format!(
            "  subgraph \"cluster_{name}\" {{\n    label=\"{name}\";\n"
        ));
        let node = of(name, "", format!("cluster node\\n{address}"));
        text.push_str(&format!("    {node}"));
        for guest in picture.guests_of(index) {
            let guest = of(guest, "rounded,", format!("{guest}\\nguest node"));
            text.push_str(&format!("    {guest}"));
        }
        text.push_str(&format!("  }}\n  network -- \"{name}\";\n"));
        if picture.link1.is_some() {
            text.push_str(&format!("  link1 -- \"{name}\";\n"));
        }
    }
    for Drawn {
        name,
        address,
        kind,
    } in &picture.others
    {
        let node = of(name, "", format!("{name}\\n{kind}\\n{address}"));
        text.push_str(&format!("  {node}  network -- \"{name}\";\n"));
    }
    if picture.fencing {
        text.push_str("  fence_virtd [style=dashed];\n  fence_virtd -- network;\n");
    }
    text + "}\n"
}

/// The picture in Mermaid's language, for Markdown.
pub fn mermaid(picture: &Picture) -> String {
    let mut text = format!("flowchart TB\n  network([\"{}\"])\n", picture.network);
    if let Some(label) = &picture.link1 {
        text.push_str(&format!("  link1([\"{label}\"])\n"));
    }
    let why = |name: &str| {
        picture
            .down(name)
            .map_or(String::new(), |w| format!("<br/>{w}"))
    };
    let class = |name: &str| picture.down(name).map_or("", |_| ":::down");
    for (index, Drawn { name, address, .. }) in picture.cluster.iter().enumerate() {
        let (why_node, class_node) = (why(name), class(name));
        text.push_str(&format!(
            "  subgraph c{index} [\"{name}\"]\n    \
             n{index}[\"cluster node<br/>{address}{why_node}\"]{class_node}\n"
        ));
        for (g, guest) in picture.guests_of(index).into_iter().enumerate() {
            let (why, class) = (why(guest), class(guest));
            text.push_str(&format!(
                "    g{index}_{g}([\"{guest}<br/>guest node{why}\"]){class}\n"
            ));
        }
        text.push_str(&format!("  end\n  network --- n{index}\n"));
        if picture.link1.is_some() {
            text.push_str(&format!("  link1 --- n{index}\n"));
        }
    }
    for (
        index,
        Drawn {
            name,
            address,
            kind,
        },
    ) in picture.others.iter().enumerate()
    {
        let (why, class) = (why(name), class(name));
        text.push_str(&format!(
            "  r{index}[\"{name}<br/>{kind}<br/>{address}{why}\"]{class}\n  network --- r{index}\n"
        ));
    }
    if !picture.now.down.is_empty() {
        text.push_str("  classDef down fill:#eeeeee,color:#777777,stroke-dasharray:4 4\n");
    }
    if picture.fencing {
        text.push_str("  fence[\"fence_virtd\"] -.- network\n");
    }
    text
}

#[cfg(test)]
mod tests;
