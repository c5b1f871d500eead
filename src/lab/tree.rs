//! A lab's present state: its nodes, and the guests on each of them.

use super::graph::Now;
use super::guests::Guests;
use super::running::Running;
use super::{Lab, daemons, fence, maintenance, vote, wait};
use crate::context::Context;
use crate::error::Result;
use crate::pacemaker::monitor::View;
use crate::plan::{Form, Kind, Machine};
use crate::supervisor;
use serde::Serialize;
use std::net::Ipv6Addr;
use std::path::PathBuf;

/// One node, and the guests that run on it.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub name: String,
    pub kind: &'static str,
    /// Whether it is a virtual machine.
    #[serde(rename = "virtual", skip_serializing_if = "std::ops::Not::not")]
    pub is_vm: bool,
    /// Name in libvirt.
    pub domain: String,
    /// Id of the resource in the CIB, where there is one.
    pub resource: Option<String>,
    pub address: String,
    /// Address on the second link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link1: Option<String>,
    /// IPv6 addresses, in the order of the links.
    pub ipv6: Vec<Ipv6Addr>,
    pub libvirt: String,
    pub pacemaker: String,
    /// The cluster node that a guest runs on.
    pub on: Option<String>,
    /// Whether it runs, and is not out of the cluster.
    pub up: bool,
    /// Daemons of the node that are not as they should be, a line each.
    pub troubles: Vec<String>,
    pub guests: Vec<Row>,
}

/// The network of the cluster nodes' second link.
#[derive(Debug, Serialize)]
pub(crate) struct SecondLink {
    pub network: String,
    pub subnet: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Tree {
    pub lab: String,
    pub network: String,
    pub subnet: String,
    /// The second link's network, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link1: Option<SecondLink>,
    /// Of fence_virtd, `running` or `down`; `disabled` while the cluster fences nobody; `off` in a
    /// lab without fencing.
    pub fencing: &'static str,
    /// Whether the quorum device gives its vote, `votes` or `silent`, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum_device: Option<&'static str>,
    pub nodes: Vec<Row>,
    /// Guests that run on no node.
    pub guests: Vec<Row>,
    /// File on this host with hacluster's password, where the nodes have pcsd.
    pub password: Option<PathBuf>,
}

impl Row {
    /// The word for a node that is not up.
    pub(crate) fn down(&self) -> Option<&str> {
        (!self.up).then(|| word(&self.libvirt, &self.pacemaker).unwrap_or("off"))
    }
}

/// What is wrong with a node that is not up, in one word.
fn word<'a>(libvirt: &'a str, pacemaker: &'a str) -> Option<&'a str> {
    match (libvirt, pacemaker) {
        ("shut off" | "absent", _) => Some("off"),
        ("running", "offline" | "unclean") => Some(pacemaker),
        ("running", _) => None,
        (other, _) => Some(other),
    }
}

impl Tree {
    /// All nodes, guest nodes among them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        let nodes = self.nodes.iter();
        let with_guests = nodes.flat_map(|node| [node].into_iter().chain(&node.guests));
        with_guests.chain(&self.guests)
    }

    /// How the nodes are, for a picture.
    pub(crate) fn now(&self) -> Now {
        let down = (self.rows()).filter_map(|row| Some((row.name.clone(), row.down()?.to_owned())));
        let places = self.nodes.iter().flat_map(|node| {
            let guests = node.guests.iter();
            guests.map(|guest| (guest.name.clone(), node.name.clone()))
        });
        Now {
            down: down.collect(),
            on: places.collect(),
        }
    }
}

/// Looks at the lab.
///
/// # Errors
/// When libvirt does not say which containers run.
pub(crate) fn tree(context: &Context, lab: &Lab) -> Result<Tree> {
    let running = Running::of(context, lab)?;
    let view = wait::view(context, lab, &running);
    let mut rows: Vec<Row> = Vec::new();
    for node in lab.nodes() {
        let troubles = match running.get(&node.name) {
            Some(inside) => troubles(&daemons::reports(context, lab, &node, inside)),
            None => Vec::new(),
        };
        let mut row = row(&node, &running, view.as_ref(), troubles);
        if lab.spec.bare && view.is_none() {
            row.pacemaker = "no cluster".to_owned();
        }
        if node.kind == Kind::Qnetd {
            row.pacemaker = "no member".to_owned();
        }
        rows.push(row);
    }
    let mut loose = hang_guests(context, lab, &running, view.as_ref(), &mut rows)?;
    if running.cluster(lab).is_empty() {
        let nodes = rows.iter_mut().filter(|row| row.kind != Kind::Qnetd.text());
        let all = nodes.chain(&mut loose);
        all.for_each(|row| row.pacemaker = NOBODY.to_owned());
    }
    Ok(Tree {
        lab: lab.spec.name.clone(),
        network: lab.network(),
        subnet: lab.subnet.to_string(),
        link1: lab.links().into_iter().nth(1).map(|link| SecondLink {
            network: link.name,
            subnet: link.subnet.to_string(),
        }),
        fencing: match fence::runs(lab) {
            _ if !lab.spec.fencing => "off",
            _ if is_disabled(lab, view.as_ref()) => "disabled",
            true => "running",
            false => "down",
        },
        quorum_device: vote::state(context, lab, &running),
        nodes: rows,
        guests: loose,
        password: lab.password(),
    })
}

/// Whether nodes are not fenced for now, as the cluster says, or else as the lab remembers.
fn is_disabled(lab: &Lab, view: Option<&View>) -> bool {
    let said = view.and_then(|view| view.fencing);
    !lab.spec.bare && said.map_or_else(|| maintenance::is_off(lab), |on| !on)
}

/// What Pacemaker says where it runs nowhere.
const NOBODY: &str = "no cluster node runs";

fn troubles(daemons: &[supervisor::Report]) -> Vec<String> {
    daemons
        .iter()
        .filter(|d| !d.is_well())
        .map(|d| format!("{} {}", d.name, d.state))
        .collect()
}

fn row(node: &Machine, running: &Running, view: Option<&View>, troubles: Vec<String>) -> Row {
    let libvirt = running.said(&node.name).unwrap_or("absent");
    let pacemaker = in_pacemaker(view, &node.name);
    Row {
        up: word(libvirt, &pacemaker).is_none(),
        kind: node.kind.text(),
        is_vm: node.form == Form::Virtual,
        domain: node.name.clone(),
        resource: node.resource_in_cib().map(str::to_owned),
        address: node.address.to_string(),
        link1: node.link1.map(|address| address.to_string()),
        ipv6: node.ipv6.clone(),
        libvirt: libvirt.to_owned(),
        pacemaker,
        name: node.name.clone(),
        on: None,
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

/// Puts each guest under the cluster node that it runs on; gives back the guests that run on none.
fn hang_guests(
    context: &Context,
    lab: &Lab,
    running: &Running,
    view: Option<&View>,
    rows: &mut [Row],
) -> Result<Vec<Row>> {
    let mut loose = Vec::new();
    let guests = super::nested::set(lab)?
        .map(|s| s.guests())
        .unwrap_or_default();
    let places = Guests::of(context, lab, running);
    for guest in guests {
        let found = places.find(&guest.name);
        // The cluster says where a guest runs; where none answers, the place of its container does.
        let on = match view {
            Some(view) => view
                .active
                .get(&guest.resource)
                .and_then(|active| active.first()?.nodes.first().cloned()),
            None => found.as_ref().map(|place| place.node.to_owned()),
        };
        let libvirt = match found {
            Some(place) if place.is_paused() => "paused",
            Some(_) => "running",
            None => "absent",
        };
        let pacemaker = in_pacemaker(view, &guest.name);
        let row = Row {
            up: word(libvirt, &pacemaker).is_none(),
            kind: "guest node",
            is_vm: false,
            domain: guest.name.clone(),
            resource: Some(guest.resource),
            address: guest.address.to_string(),
            link1: None,
            ipv6: Vec::new(),
            libvirt: libvirt.to_owned(),
            pacemaker,
            name: guest.name,
            on: on.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_or_out_of_its_cluster_is_not_up() {
        let of = |libvirt, pacemaker| word(libvirt, pacemaker);
        for up in [
            "online",
            "standby",
            "pending",
            "no member",
            "no cluster node answers",
        ] {
            assert_eq!(of("running", up), None);
        }
        assert_eq!(of("shut off", "offline"), Some("off"));
        assert_eq!(of("absent", NOBODY), Some("off"));
        assert_eq!(of("running", "unclean"), Some("unclean"));
        assert_eq!(of("paused", "online"), Some("paused"));
        assert_eq!(of("dead", "unclean"), Some("dead"));
    }
}
