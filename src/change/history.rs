//! What the cluster remembers of resources that are gone.
//!
//! The controller drops it as soon as a primitive is deleted, by two synchronous changes of the
//! CIB for each resource (Pacemaker 2.1.5, daemons/controld/controld_execd.c, do_lrm_delete), and
//! answers nobody meanwhile.

use super::{Item, Node, Undoer};
use crate::error::Result;
use crate::host::poll::{Poll, Seen};
use crate::host::signals;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::tools;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// How many primitives are deleted at once where others would suffer from the controller's end.
const AT_ONCE: usize = 250;

/// How long the controller may be busy with a part: pacemakerd asks it every 7 s, and ends it
/// when it has not answered five times in a row (Pacemaker 2.1.5,
/// daemons/pacemakerd/pcmkd_subdaemons.c), which the rest of the cluster takes for its death.
const BUSY: Duration = Duration::from_secs(14);

/// How long it is left to answer after a part: until pacemakerd has asked once.
const ANSWERS: Duration = Duration::from_secs(8);

/// Deletes primitives from the CIB: at once, since each change of the CIB sends it to the scheduler
/// anew, and a controller that finds no room there for one more ends itself (seen with 1,000 guest
/// nodes; Pacemaker 2.1.5, daemons/controld/controld_schedulerd.c, do_pe_invoke_callback).
///
/// Of more than 500 the controller is then ended and started again (of 600 once; 2 cores,
/// Pacemaker 2.1.5). Where others would suffer from that they are deleted in parts, and the
/// controller is left time to answer. That takes longer also because each drop does, eight times,
/// while other primitives are there.
pub(super) fn delete(
    undoer: &Undoer<'_>,
    cib: &Cib,
    primitives: &[String],
    nodes: &HashMap<String, String>,
) -> Result<()> {
    if primitives.len() <= AT_ONCE || !others_would_suffer(cib, nodes) {
        return tools::delete(undoer.host, primitives);
    }
    let mut stage = undoer.report.stage("deleted", primitives.len());
    let mut deleted = 0;
    in_parts(primitives, |part| {
        if deleted > 0 {
            signals::sleep(ANSWERS)?;
        }
        let began = Instant::now();
        tools::delete(undoer.host, part)?;
        let gone = part.iter().filter_map(|id| nodes.get(id));
        dropped(undoer, &gone.map(String::as_str).collect(), PATIENCE)?;
        // The CIB is without them before the controller is done.
        let answers =
            |_: &mut Poll| Ok(Seen::ready_if(tools::nodes_known(undoer.host).is_ok(), ()));
        // Where it does not answer in time, the next part is deleted all the same.
        Poll::every(Duration::from_secs(1), PATIENCE)
            .since(began)
            .look(answers)?;
        deleted += part.len();
        stage.at(deleted);
        Ok(began.elapsed())
    })?;
    stage.done();
    Ok(())
}

/// Other cluster nodes fence the node of a controller that ends, and other guest and remote nodes
/// lose their connections, which are the controller's.
fn others_would_suffer(cib: &Cib, nodes: &HashMap<String, String>) -> bool {
    let gone: HashSet<&String> = nodes.values().collect();
    cib.cluster_nodes().len() > 1 || cib.remote_users().iter().any(|name| !gone.contains(name))
}

/// All of them in their order, each time as many as fit by how long the part before has taken.
fn in_parts(all: &[String], mut each: impl FnMut(&[String]) -> Result<Duration>) -> Result<()> {
    let (mut rest, mut size) = (all, FIRST);
    while !rest.is_empty() {
        let (part, after) = rest.split_at(size.min(rest.len()));
        size = next_size(size, each(part)?);
        rest = after;
    }
    Ok(())
}

/// Small enough anywhere to learn from how long one takes.
const FIRST: usize = 10;

/// What a part is waited for; what is remembered still is dropped at the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many make the controller busy for so long as it may be. What one costs falls as they go.
fn next_size(size: usize, took: Duration) -> usize {
    let fits = size as f64 * BUSY.as_secs_f64() / took.as_secs_f64().max(0.1);
    (fits as usize).clamp(FIRST / 2, AT_ONCE)
}

/// What cluster nodes remember of the connections and containers of nodes that are gone: the
/// cluster drops it by itself, in its own time; what it does not, we do, one by one.
pub(super) fn drop(undoer: &Undoer<'_>, items: &[Item<Node>]) -> Result<()> {
    let gone: HashSet<&str> = items.iter().map(|(_, it)| it.name.as_str()).collect();
    let patience = Duration::from_secs(5) + Duration::from_millis(100) * items.len() as u32;
    let Some(cib) = dropped(undoer, &gone, patience)? else {
        return Ok(());
    };
    let before = cib.property(tools::REFRESH_PROPERTY);
    for (resource, node) in history_of(&cib, &gone) {
        tools::drop_history(undoer.host, resource, node)?;
    }
    // Written by crm_resource on the way.
    tools::set_property(undoer.host, tools::REFRESH_PROPERTY, before)
}

/// Waits until the cluster remembers nothing of these nodes; the CIB as it is then where it does.
fn dropped(undoer: &Undoer<'_>, gone: &HashSet<&str>, patience: Duration) -> Result<Option<Cib>> {
    // Seldom for many: each look costs the cluster time that it drops them in.
    let pause = Duration::from_millis(250).max(Duration::from_millis(4) * gone.len() as u32);
    let look = |_: &mut Poll| {
        let cib = tools::query(undoer.host)?;
        Ok(Seen::ready_if(history_of(&cib, gone).is_empty(), cib))
    };
    Ok(match Poll::every(pause, patience).look(look)? {
        Seen::Ready(()) => None,
        Seen::Waiting(cib) => Some(cib),
    })
}

fn history_of<'a>(cib: &'a Cib, gone: &HashSet<&str>) -> Vec<(&'a str, &'a str)> {
    let known = cib.ids();
    let of_gone = |resource: &str| {
        gone.contains(resource)
            || crate::spec::node_of_resource(resource).is_some_and(|n| gone.contains(n.as_str()))
    };
    cib.history()
        .into_iter()
        .filter(|(resource, _)| of_gone(resource) && !known.contains(resource))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_of_one_with_no_nodes_but_these_suffers_nothing() {
        let suffers = |nodes: &str, also: &str| {
            let cib = format!(
                r#"<cib><configuration><nodes><node id="1" uname="node1"/>
                <node id="lxc1" uname="lxc1" type="remote"/>{nodes}</nodes><resources>
                <primitive id="container1" class="ocf" provider="heartbeat" type="VirtualDomain">
                <meta_attributes id="m"><nvpair id="r" name="remote-node" value="lxc1"/>
                </meta_attributes></primitive>{also}</resources></configuration></cib>"#
            );
            let gone = HashMap::from([("container1".to_owned(), "lxc1".to_owned())]);
            others_would_suffer(&Cib::parse(&cib).unwrap(), &gone)
        };
        let remote = r#"<primitive id="far" class="ocf" provider="pacemaker" type="remote"/>"#;
        assert!(!suffers("", ""));
        assert!(suffers(r#"<node id="2" uname="node2"/>"#, ""));
        assert!(suffers("", remote));
    }

    #[test]
    fn parts_are_as_large_as_the_controller_takes() {
        assert_eq!(next_size(10, BUSY), 10);
        assert_eq!(next_size(10, BUSY / 4), 40);
        assert_eq!(next_size(40, BUSY * 2), 20);
        // Neither nothing nor all.
        assert_eq!(next_size(10, BUSY * 100), 5);
        assert_eq!(next_size(250, Duration::ZERO), 250);
    }

    #[test]
    fn every_one_is_in_one_part() {
        let all: Vec<String> = (0..600).map(|n| format!("container{n}")).collect();
        let (mut seen, mut sizes) = (Vec::new(), Vec::new());
        in_parts(&all, |part| {
            seen.extend_from_slice(part);
            sizes.push(part.len());
            // As long as each takes 0.35 s.
            Ok(Duration::from_millis(350) * part.len() as u32)
        })
        .unwrap();
        assert_eq!(seen, all);
        assert_eq!(sizes[..3], [10, 40, 40]);
        assert!(in_parts(&[], |_| unreachable!()).is_ok());
    }
}
