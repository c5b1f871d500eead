//! A lab as a picture: SVG, Graphviz's dot, or Mermaid.

use super::Lab;
use crate::plan::Kind;
use crate::xml::El;

/// The lab and guests to be drawn.
#[derive(Debug)]
pub struct Picture {
    title: String,
    cluster: Vec<(String, String)>,
    /// Nodes that run no cluster: name, address and kind.
    others: Vec<(String, String, &'static str)>,
    guests: Vec<String>,
    fencing: bool,
    network: String,
    /// The cluster nodes' second link.
    link1: Option<String>,
}

impl Picture {
    /// The picture of a lab with these guest nodes.
    pub fn of(lab: &Lab, guests: Vec<String>) -> Picture {
        Picture {
            title: format!("lab {}", lab.spec.name),
            cluster: (lab.cluster_nodes().into_iter())
                .map(|n| (n.name, n.address.to_string()))
                .collect(),
            others: (lab.nodes().into_iter())
                .filter(|n| n.kind != Kind::Cluster)
                .map(|n| (n.name, n.address.to_string(), n.kind.text()))
                .collect(),
            guests,
            fencing: lab.spec.fencing,
            network: format!("{} {}", lab.network(), lab.subnet),
            link1: lab
                .links()
                .get(1)
                .map(|link| format!("{} {}", link.name, link.subnet)),
        }
    }

    /// The guests drawn at a cluster node: spread evenly as when all nodes are up. Which guest
    /// really runs where, Pacemaker decides.
    fn guests_of(&self, index: usize) -> impl Iterator<Item = &String> {
        self.guests.iter().skip(index).step_by(self.cluster.len())
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
    for (index, (name, address)) in picture.cluster.iter().enumerate() {
        text.push_str(&format!(
            "  subgraph \"cluster_{name}\" {{\n    label=\"{name}\";\n"
        ));
        text.push_str(&format!(
            "    \"{name}\" [label=\"cluster node\\n{address}\"];\n"
        ));
        for guest in picture.guests_of(index) {
            text.push_str(&format!(
                "    \"{guest}\" [label=\"{guest}\\nguest node\" style=rounded];\n"
            ));
        }
        text.push_str(&format!("  }}\n  network -- \"{name}\";\n"));
        if picture.link1.is_some() {
            text.push_str(&format!("  link1 -- \"{name}\";\n"));
        }
    }
    for (name, address, kind) in &picture.others {
        text.push_str(&format!(
            "  \"{name}\" [label=\"{name}\\n{kind}\\n{address}\"];\n  network -- \"{name}\";\n"
        ));
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
    for (index, (name, address)) in picture.cluster.iter().enumerate() {
        text.push_str(&format!(
            "  subgraph c{index} [\"{name}\"]\n    n{index}[\"cluster node<br/>{address}\"]\n"
        ));
        for (g, guest) in picture.guests_of(index).enumerate() {
            text.push_str(&format!("    g{index}_{g}([\"{guest}<br/>guest node\"])\n"));
        }
        text.push_str(&format!("  end\n  network --- n{index}\n"));
        if picture.link1.is_some() {
            text.push_str(&format!("  link1 --- n{index}\n"));
        }
    }
    for (index, (name, address, kind)) in picture.others.iter().enumerate() {
        text.push_str(&format!(
            "  r{index}[\"{name}<br/>{kind}<br/>{address}\"]\n  network --- r{index}\n"
        ));
    }
    if picture.fencing {
        text.push_str("  fence[\"fence_virtd\"] -.- network\n");
    }
    text
}

const WIDTH: usize = 170;
const GAP: usize = 20;
const LINE: usize = 34;
/// Room above the nodes for the second link.
const ABOVE: usize = 50;

/// The picture as an SVG file that stands alone, without a script.
pub fn svg(picture: &Picture) -> String {
    let columns = picture.cluster.len() + picture.others.len();
    let guests = picture.guests.len().div_ceil(picture.cluster.len().max(1));
    let width = columns * (WIDTH + GAP) + GAP;
    let inner = 52 + guests * LINE;
    let top = if picture.link1.is_some() {
        50 + ABOVE
    } else {
        50
    };
    let bus = top + 20 + inner + 30;
    let mut parts = vec![
        text(GAP, 30, 18, "start", &picture.title),
        line(GAP, bus, width - GAP, bus, false),
        text(width / 2, bus + 22, 13, "middle", &picture.network),
    ];
    if let Some(label) = &picture.link1 {
        parts.push(text(width / 2, 52, 13, "middle", label));
        parts.push(line(GAP, 64, width - GAP, 64, false));
    }
    for (index, (name, address)) in picture.cluster.iter().enumerate() {
        let x = GAP + index * (WIDTH + GAP);
        if picture.link1.is_some() {
            parts.push(line(x + WIDTH / 2, 64, x + WIDTH / 2, top, false));
        }
        parts.extend(boxed(
            x,
            top,
            WIDTH,
            inner + 20,
            "#eef3fb",
            name,
            &format!("cluster node {address}"),
        ));
        for (row, guest) in picture.guests_of(index).enumerate() {
            let y = top + 56 + row * LINE;
            parts.push(rectangle(x + 12, y, WIDTH - 24, LINE - 8, "#fdf3dc"));
            parts.push(text(
                x + WIDTH / 2,
                y + 18,
                12,
                "middle",
                &format!("{guest} (guest node)"),
            ));
        }
        parts.push(line(
            x + WIDTH / 2,
            top + 20 + inner,
            x + WIDTH / 2,
            bus,
            false,
        ));
    }
    for (index, (name, address, kind)) in picture.others.iter().enumerate() {
        let x = GAP + (picture.cluster.len() + index) * (WIDTH + GAP);
        parts.extend(boxed(
            x,
            top,
            WIDTH,
            52,
            "#eaf6ec",
            name,
            &format!("{kind} {address}"),
        ));
        parts.push(line(x + WIDTH / 2, top + 52, x + WIDTH / 2, bus, false));
    }
    let mut height = bus + 40;
    if picture.fencing {
        parts.push(line(width / 2, bus + 30, width / 2, bus + 50, true));
        parts.extend(boxed(
            width / 2 - WIDTH / 2,
            bus + 50,
            WIDTH,
            52,
            "#fbeaea",
            "fence_virtd",
            "on the host",
        ));
        height += 80;
    }
    El::new("svg")
        .attr("xmlns", "http://www.w3.org/2000/svg")
        .attr("viewBox", format!("0 0 {width} {height}"))
        .attr("width", width)
        .attr("height", height)
        .attr("font-family", "sans-serif")
        .child(rectangle(0, 0, width, height, "#ffffff"))
        .children(parts)
        .render()
}

fn boxed(x: usize, y: usize, w: usize, h: usize, fill: &str, name: &str, what: &str) -> Vec<El> {
    vec![
        rectangle(x, y, w, h, fill),
        text(x + w / 2, y + 22, 15, "middle", name),
        text(x + w / 2, y + 41, 11, "middle", what),
    ]
}

fn rectangle(x: usize, y: usize, width: usize, height: usize, fill: &str) -> El {
    El::new("rect")
        .attr("x", x)
        .attr("y", y)
        .attr("width", width)
        .attr("height", height)
        .attr("rx", 6)
        .attr("fill", fill)
        .attr("stroke", "#667788")
}

fn text(x: usize, y: usize, size: usize, anchor: &str, content: &str) -> El {
    El::new("text")
        .attr("x", x)
        .attr("y", y)
        .attr("font-size", size)
        .attr("text-anchor", anchor)
        .text(content)
}

fn line(x1: usize, y1: usize, x2: usize, y2: usize, dashed: bool) -> El {
    let line = El::new("line")
        .attr("x1", x1)
        .attr("y1", y1)
        .attr("x2", x2)
        .attr("y2", y2)
        .attr("stroke", "#667788")
        .attr("stroke-width", 2);
    if dashed {
        line.attr("stroke-dasharray", "4 4")
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::{sample, with_qnetd, with_two_links};

    #[test]
    fn every_node_is_in_every_picture() {
        let lab = with_qnetd(3, 1);
        let guests: Vec<String> = (1..=4).map(|n| format!("lxc{n}")).collect();
        let picture = Picture::of(&lab, guests.clone());
        let names = lab.nodes().into_iter().map(|n| n.name).chain(guests);
        let drawn = [svg(&picture), dot(&picture), mermaid(&picture)];
        for name in names {
            assert!(drawn.iter().all(|d| d.contains(&name)), "{name}");
        }
        crate::xml::parse(&drawn[0], "svg").unwrap();
    }

    #[test]
    fn a_second_link_is_in_every_picture_with_each_cluster_node_on_it() {
        let picture = Picture::of(&with_two_links(3, 1), Vec::new());
        assert_eq!(dot(&picture).matches("link1 -- ").count(), 3);
        assert_eq!(mermaid(&picture).matches("link1 --- ").count(), 3);
        for drawn in [svg(&picture), dot(&picture), mermaid(&picture)] {
            assert!(drawn.contains("lk1-lab 172.31.201.0/24"), "{drawn}");
        }
    }

    /// Drawn anew with UPDATE=1 in the environment.
    #[test]
    fn the_readmes_picture_is_the_programs() {
        let lab = sample(3, 1);
        let guests = (1..=4).map(|n| format!("lxc{n}")).collect();
        let drawn = svg(&Picture::of(&lab, guests));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/man/lab.svg");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &drawn).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), drawn);
    }
}
