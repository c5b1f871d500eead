//! A lab as SVG.

use super::{Drawn, Picture};
use crate::xml::El;

const WIDTH: usize = 170;
const GAP: usize = 20;
const LINE: usize = 34;
/// Room above the nodes for the second link.
const ABOVE: usize = 50;

/// The picture as an SVG file that stands alone, without a script.
pub fn svg(picture: &Picture) -> String {
    let columns = picture.cluster.len() + picture.others.len();
    let guests = (0..picture.cluster.len()).map(|index| picture.guests_of(index).len());
    let guests = guests.max().unwrap_or(0);
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
    for (index, Drawn { name, address, .. }) in picture.cluster.iter().enumerate() {
        let x = GAP + index * (WIDTH + GAP);
        if picture.link1.is_some() {
            parts.push(line(x + WIDTH / 2, 64, x + WIDTH / 2, top, false));
        }
        parts.extend(boxed(
            (x, top, WIDTH, inner + 20),
            "#eef3fb",
            name,
            &format!("cluster node {address}"),
            picture.down(name),
        ));
        for (row, guest) in picture.guests_of(index).into_iter().enumerate() {
            let (y, why) = (top + 56 + row * LINE, picture.down(guest));
            let rest = rectangle(x + 12, y, WIDTH - 24, LINE - 8, "#fdf3dc");
            let name = format!("{guest} ({})", why.unwrap_or("guest node"));
            let name = text(x + WIDTH / 2, y + 18, 12, "middle", &name);
            parts.extend(greyed([rest, name], why.is_some()));
        }
        parts.push(line(
            x + WIDTH / 2,
            top + 20 + inner,
            x + WIDTH / 2,
            bus,
            false,
        ));
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
        let x = GAP + (picture.cluster.len() + index) * (WIDTH + GAP);
        parts.extend(boxed(
            (x, top, WIDTH, 52),
            "#eaf6ec",
            name,
            &format!("{kind} {address}"),
            picture.down(name),
        ));
        parts.push(line(x + WIDTH / 2, top + 52, x + WIDTH / 2, bus, false));
    }
    let mut height = bus + 40;
    if picture.fencing {
        parts.push(line(width / 2, bus + 30, width / 2, bus + 50, true));
        parts.extend(boxed(
            (width / 2 - WIDTH / 2, bus + 50, WIDTH, 52),
            "#fbeaea",
            "fence_virtd",
            "on the host",
            None,
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

/// A box with a name and what it is; of what is not up, with the word for it.
fn boxed(
    (x, y, w, h): (usize, usize, usize, usize),
    fill: &str,
    name: &str,
    what: &str,
    down: Option<&str>,
) -> Vec<El> {
    let name = down.map_or(name.to_owned(), |why| format!("{name} ({why})"));
    let all = [
        rectangle(x, y, w, h, fill),
        text(x + w / 2, y + 22, 15, "middle", &name),
        text(x + w / 2, y + 41, 11, "middle", what),
    ];
    greyed(all, down.is_some())
}

/// These, pale and with dashed edges where they are of something that is not up.
fn greyed<const N: usize>(all: [El; N], down: bool) -> Vec<El> {
    let pale = |el: El| match (down, el.name.as_str()) {
        (false, _) => el,
        (true, "rect") => el.attr("fill-opacity", 0.3).attr("stroke-dasharray", "4 4"),
        (true, _) => el.attr("fill", "#777777"),
    };
    all.into_iter().map(pale).collect()
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
