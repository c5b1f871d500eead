//! `status`: one row per node.

use crate::checks::places;
use crate::context::Context;
use crate::error::Result;
use crate::host::users;
use crate::lab::GUESTS_DIR;
use crate::libvirt::hypervisor::Hypervisor;
use crate::libvirt::virsh;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::config::clone_primitive_id;
use crate::pacemaker::held::Held;
use crate::pacemaker::monitor::View;
use crate::pacemaker::{connections, tools};
use crate::plan::{Form, Machine, Set};
use crate::report::{count, json, result, table};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::net::Ipv6Addr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The state of one node, as a row shows it.
#[derive(Debug, Serialize)]
struct Row {
    /// The node's name, as `lab status` calls it; `node` is what 0.1.0 called it.
    name: String,
    node: String,
    kind: &'static str,
    #[serde(rename = "virtual", skip_serializing_if = "std::ops::Not::not")]
    is_virtual: bool,
    domain: String,
    address: String,
    ipv6: Vec<Ipv6Addr>,
    resource: String,
    libvirt: String,
    pacemaker: String,
    /// Name of the cluster node that the node's container runs on.
    on: Option<String>,
    /// Ids of the resources that run on it, without the set's own clone.
    runs: Vec<String>,
    /// What somebody has done to it: disabled, unmanaged, banned.
    held: Option<String>,
    /// When the node was last started, in seconds since the epoch; `None` while it is not online.
    since: Option<u64>,
    /// For a lab's nodes, which have daemons that are looked at.
    troubles: Vec<String>,
    /// For a lab's nodes, which guests run on.
    guests: Vec<Row>,
}

/// # Errors
/// When the state directory cannot be read; libvirt or a cluster that do not answer are shown as
/// such.
pub(super) fn run(context: &Context) -> Result<()> {
    users::require_root_even_dry("status")?;
    let Some(set) = crate::state::load_set(&context.state_dir)? else {
        if context.options.json {
            return json(&serde_json::json!({
                "nodes": [], "total": 0, "running": 0, "online": 0,
            }));
        }
        let dir = context.state_dir.display();
        result(format!("no containers in {dir}\n"));
        // Only in a lab's node is it there.
        let guests = Path::new(GUESTS_DIR);
        if guests.is_dir() && context.state_dir != guests {
            result(format!(
                "the lab's own: lxc-autogen status --state-dir {GUESTS_DIR}\n"
            ));
        }
        return Ok(());
    };
    let cluster = told(context, cluster(context));
    let rows = rows(context, &set, cluster.as_ref());
    let online = rows.iter().filter(|r| is_online(&r.pacemaker)).count();
    let running = rows.iter().filter(|r| r.libvirt == "running").count();
    if context.options.json {
        return json(&serde_json::json!({
            "state_dir": set.state_dir,
            "network": {"name": set.network, "subnet": set.subnet.to_string()},
            "nodes": rows,
            "total": rows.len(),
            "running": running,
            "online": online,
        }));
    }
    result(as_table(&rows));
    let busy = rows.iter().filter(|r| !r.runs.is_empty());
    for Row { node, runs, .. } in busy {
        result(format!("on {node}: {}\n", runs.join(", ")));
    }
    let why = cluster.and_then(|c| places::hindrance(&c.cib, &c.view, &c.places(&set)));
    if let Some(why) = why {
        result(format!("{why}\n"));
    }
    result(format!(
        "{}: {running} running, {online} online; network {} on {}\n",
        count(rows.len(), "node"),
        set.network,
        set.subnet
    ));
    if running > 0 {
        result("to restart one: lxc-autogen restart NODE; virsh reboot and shutdown do nothing\n");
    }
    Ok(())
}

/// Whether a node's state in Pacemaker is one in which the cluster is connected to it.
fn is_online(state: &str) -> bool {
    ["online", "online, standby", "online, maintenance"].contains(&state)
}

fn rows(context: &Context, set: &Set, cluster: Option<&Cluster>) -> Vec<Row> {
    let hypervisor = Hypervisor::of_form(set.spec.form());
    let all = told(context, virsh::domains(&context.host, hypervisor));
    let mut domains: Option<HashMap<String, String>> =
        all.map(|all| all.into_iter().map(|d| (d.name, d.state)).collect());
    if let (Some(domains), false) = (&mut domains, set.nodes.is_empty()) {
        // On this host the other nodes' containers are not defined, or defined at most.
        let (elsewhere, silent) = crate::share::domains(context, set);
        domains.extend(elsewhere);
        // Where a node does not answer, only the cluster can tell which containers run on it.
        for guest in set.guests() {
            let on = cluster.and_then(|c| c.view.active.get(&guest.resource));
            let on = on.and_then(|a| a.first()?.nodes.first());
            if on.is_some_and(|node| silent.contains(node)) {
                domains.insert(guest.name, "unknown".to_owned());
            }
        }
    }
    let held = cluster.map(|c| c.cib.held(set, &c.places(set)));
    let mut held: HashMap<String, Held> = held
        .into_iter()
        .flatten()
        .map(|it| (it.node.clone(), it))
        .collect();
    let on_each = cluster.map(|c| on_each(&c.view, set));
    let mut on_each = on_each.unwrap_or_default();
    set.guests()
        .iter()
        .map(|guest| Row {
            runs: on_each.remove(&guest.name).unwrap_or_default(),
            held: held.remove(&guest.name).map(|it| it.words()),
            ..row(guest, domains.as_ref(), cluster)
        })
        .collect()
}

/// By node: the resources that run there, sorted, without the set's own clone.
fn on_each(view: &View, set: &Set) -> HashMap<String, Vec<String>> {
    let own = clone_primitive_id(set);
    let mut on_each: HashMap<String, Vec<String>> = HashMap::new();
    for (id, places) in view.active.iter().filter(|(id, _)| **id != own) {
        for node in places.iter().flat_map(|place| &place.nodes) {
            on_each.entry(node.clone()).or_default().push(id.clone());
        }
    }
    on_each.values_mut().for_each(|ids| ids.sort());
    on_each
}

/// Three answers of the cluster: its CIB, its view of nodes and resources, and its connections.
struct Cluster {
    cib: Cib,
    view: View,
    connected: HashSet<String>,
    this_node: String,
}

impl Cluster {
    fn places(&self, set: &Set) -> Vec<String> {
        set.places(&self.this_node, &self.cib.cluster_nodes())
    }
}

fn cluster(context: &Context) -> Result<Cluster> {
    Ok(Cluster {
        cib: tools::query(&context.host)?,
        view: tools::view(&context.host)?,
        connected: connections::connected(&context.host)?,
        this_node: tools::this_node(&context.host)?,
    })
}

fn told<T>(context: &Context, result: Result<T>) -> Option<T> {
    result.map_err(|e| context.report.warn(e.message())).ok()
}

fn row(
    guest: &Machine,
    domains: Option<&HashMap<String, String>>,
    cluster: Option<&Cluster>,
) -> Row {
    let libvirt = match domains {
        None => "unknown",
        Some(domains) => domains.get(&guest.name).map_or("absent", String::as_str),
    };
    let (mut pacemaker, mut on, mut since) = ("unknown".to_owned(), None, None);
    if let Some(Cluster {
        cib,
        view,
        connected,
        ..
    }) = cluster
    {
        pacemaker = match view.nodes.get(&guest.name) {
            None if cib.has_id(&guest.resource) => "offline".to_owned(),
            None => "not in the CIB".to_owned(),
            Some(node) => node.in_words(connected.contains(&guest.name)),
        };
        on = view
            .active
            .get(&guest.resource)
            .and_then(|a| a.first()?.nodes.first().cloned());
        since = cib
            .started_at(&guest.name)
            .filter(|_| view.online(&guest.name));
    }
    Row {
        name: guest.name.clone(),
        node: guest.name.clone(),
        kind: guest.kind.text(),
        is_virtual: guest.form == Form::Virtual,
        ipv6: guest.ipv6.clone(),
        troubles: Vec::new(),
        guests: Vec::new(),
        domain: guest.name.clone(),
        address: guest.address.to_string(),
        resource: guest.resource.clone(),
        libvirt: libvirt.to_owned(),
        pacemaker,
        on,
        runs: Vec::new(),
        held: None,
        since,
    }
}

fn as_table(rows: &[Row]) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|r| {
            vec![
                r.node.clone(),
                r.domain.clone(),
                r.address.clone(),
                r.libvirt.clone(),
                match &r.held {
                    None => r.pacemaker.clone(),
                    Some(held) => format!("{}, {held}", r.pacemaker),
                },
                r.on.clone().unwrap_or_else(|| "-".to_owned()),
                r.since
                    .map_or("-".to_owned(), |s| ago(now.saturating_sub(s))),
            ]
        })
        .collect();
    table(
        &[
            "NODE",
            "DOMAIN",
            "ADDRESS",
            "LIBVIRT",
            "PACEMAKER",
            "ON",
            "SINCE",
        ],
        &cells,
    )
}

/// `12 s ago`, `3 min ago`, `5 h 2 min ago`, `9 d 4 h ago`.
fn ago(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s ago"),
        (0, 0, _) => format!("{minutes} min ago"),
        (0, _, _) => format!("{hours} h {} min ago", minutes % 60),
        _ => format!("{days} d {} h ago", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        for (seconds, text) in [
            (12, "12 s ago"),
            (200, "3 min ago"),
            (18_120, "5 h 2 min ago"),
            (792_000, "9 d 4 h ago"),
        ] {
            assert_eq!(super::ago(seconds), text);
        }
    }
}
