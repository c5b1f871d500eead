use super::*;
use crate::lab::tests::{sample, with_qnetd, with_two_links};

#[test]
fn every_node_is_in_every_picture() {
    let lab = with_qnetd(3, 1);
    let guests: Vec<String> = (1..=4).map(|n| format!("lxc{n}")).collect();
    let picture = Picture::of(&lab, guests.clone(), Now::default());
    let names = lab.nodes().into_iter().map(|n| n.name).chain(guests);
    let drawn = [svg(&picture), dot(&picture), mermaid(&picture)];
    for name in names {
        assert!(drawn.iter().all(|d| d.contains(&name)), "{name}");
    }
    crate::xml::parse(&drawn[0], "svg").unwrap();
}

#[test]
fn a_second_link_is_in_every_picture_with_each_cluster_node_on_it() {
    let picture = Picture::of(&with_two_links(3, 1), Vec::new(), Now::default());
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
    let drawn = svg(&Picture::of(&lab, guests, Now::default()));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/man/lab.svg");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &drawn).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), drawn);
}

#[test]
fn what_is_not_up_looks_different_and_guests_are_where_they_run() {
    let map = |pairs: &[(&str, &str)]| -> std::collections::HashMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    let now = Now {
        down: map(&[
            ("lab-node2", "off"),
            ("lab-remote1", "offline"),
            ("lxc2", "off"),
        ]),
        on: map(&[("lxc1", "lab-node3")]),
    };
    let guests = vec!["lxc1".to_owned(), "lxc2".to_owned()];
    let picture = Picture::of(&sample(3, 1), guests, now);
    let drawn = svg(&picture);
    for text in [
        "lab-node2 (off)",
        "lab-remote1 (offline)",
        "lxc2 (off)",
        "lxc1 (guest node)",
    ] {
        assert!(
            drawn.contains(&format!(">{text}</text>")),
            "{text}: {drawn}"
        );
    }
    // Three boxes, and the line to fence_virtd.
    assert_eq!(drawn.matches("stroke-dasharray").count(), 4);
    let drawn = dot(&picture);
    assert!(
        drawn.contains("\\noff\" style=\"dashed\" color=gray"),
        "{drawn}"
    );
    assert!(
        drawn.contains("guest node\\noff\" style=\"rounded,dashed\""),
        "{drawn}"
    );
    let third = drawn.split("cluster_lab-node3").nth(1).unwrap();
    assert!(third.contains("\"lxc1\" ["), "{drawn}");
    let drawn = mermaid(&picture);
    assert_eq!(drawn.matches(":::down").count(), 3, "{drawn}");
    assert!(drawn.contains("classDef down "), "{drawn}");
}
