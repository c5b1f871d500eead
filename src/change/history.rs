//! The cluster's history of resources that are gone.
//!
//! The controller drops the history of a primitive as soon as it is deleted, by two synchronous
//! changes of the CIB for each resource (Pacemaker 2.1.5, daemons/controld/controld_execd.c,
//! do_lrm_delete), and answers nobody meanwhile.

use super::{Item, Node, Undoer};
use crate::error::Result;
use crate::host::poll::{Poll, Seen};
use crate::host::signals;
use crate::pacemaker::cib::Cib;
use crate::pacemaker::tools;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Most primitives deleted at once where other nodes would suffer from the controller's end.
const AT_ONCE: usize = 250;

/// How long the controller may be busy with a part: pacemakerd asks it every 7 s, and ends it
/// when it has not answered five times in a row (Pacemaker 2.1.5,
/// daemons/pacemakerd/pcmkd_subdaemons.c), which the rest of the cluster takes for its death.
const BUSY: Duration = Duration::from_secs(14);

/// Time that the controller has to answer after a part: until pacemakerd has asked once.
const ANSWERS: Duration = Duration::from_secs(8);

/// Deletes primitives from the CIB: at once, since each change of the CIB sends it to the scheduler
/// anew, and a controller that finds no room there for one more ends itself (seen with 1,000 guest
/// nodes; Pacemaker 2.1.5, daemons/controld/controld_schedulerd.c, do_pe_invoke_callback).
///
/// Of more than 500 primitives the controller is then ended and started again (of 600 once; 2
/// cores, Pacemaker 2.1.5). Where other nodes would suffer from that, the primitives are deleted in
/// parts, with time for the controller to answer. That takes longer, also because dropping the
/// history of one primitive takes eight times as long while others are there.
pub(super) fn delete(
    undoer: &Undoer<'_>,
    cib: &Cib,
    primitives: &[String],
    nodes: &HashMap<String, String>,
    along: &Along,
) -> Result<()> {
    if primitives.len() <= AT_ONCE || !others_would_suffer(cib, nodes) {
        return along.delete(undoer, cib, primitives, true);
    }
    let mut stage = undoer.report.stage("deleted", primitives.len());
    let mut deleted = 0;
    in_parts(primitives, |part| {
        if deleted > 0 {
            signals::sleep(ANSWERS)?;
        }
        let began = Instant::now();
        let is_last = deleted + part.len() == primitives.len();
        along.delete(undoer, cib, part, is_last)?;
        let gone = part.iter().filter_map(|id| nodes.get(id));
        dropped(undoer, &gone.map(String::as_str).collect(), PATIENCE)?;
        // The CIB is without the primitives before the controller has dropped their history.
        let answers =
            |_: &mut Poll| Ok(Seen::ready_if(tools::nodes_known(undoer.host).is_ok(), ()));
        // Where the controller does not answer in time, the next part is deleted all the same.
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

/// What is deleted along with the last of some primitives.
#[derive(Debug, Default)]
pub(super) struct Along {
    /// Clones, constraints, the set's tag and its marker.
    pub objects: Vec<String>,
    /// Tags of our sets in the CIB: they refer to primitives.
    pub tags: Vec<String>,
}

impl Along {
    fn delete(&self, undoer: &Undoer<'_>, cib: &Cib, part: &[String], is_last: bool) -> Result<()> {
        let ids = match is_last {
            true => self.in_order(cib, part),
            false => part.to_vec(),
        };
        tools::delete_referred(undoer.host, &ids, &self.tags)
    }

    /// All of it after most of the primitives, in an order that holds where it takes several commands:
    /// no constraint outlives what it names, the tag never is without a reference, which the schema
    /// forbids, and the marker, which tells whose the others are, goes last.
    fn in_order(&self, cib: &Cib, part: &[String]) -> Vec<String> {
        let (constraints, resources) = (cib.ids_in("constraints"), cib.ids_in("resources"));
        let (most, last) = part.split_at(part.len().saturating_sub(1));
        let mut objects = self.objects.clone();
        objects.sort_by_key(|id| match id.as_str() {
            id if constraints.contains(id) => 0,
            id if resources.contains(id) => 2,
            _ => 1,
        });
        let before = objects.partition_point(|id| !resources.contains(id.as_str()));
        let (before, after) = objects.split_at(before);
        [most, before, last, after].concat()
    }
}

/// Whether other nodes would suffer from the controller's end. Other cluster nodes fence its node,
/// and other guest and remote nodes lose their connections, which the controller holds.
fn others_would_suffer(cib: &Cib, nodes: &HashMap<String, String>) -> bool {
    let gone: HashSet<&String> = nodes.values().collect();
    cib.cluster_nodes().len() > 1 || cib.remote_users().iter().any(|name| !gone.contains(name))
}

/// Calls `each` with all ids in their order, in parts whose size follows from the time that the
/// part before took.
fn in_parts(all: &[String], mut each: impl FnMut(&[String]) -> Result<Duration>) -> Result<()> {
    let (mut rest, mut size) = (all, FIRST);
    while !rest.is_empty() {
        let (part, after) = rest.split_at(size.min(rest.len()));
        size = next_size(size, each(part)?);
        rest = after;
    }
    Ok(())
}

/// Size of the first part: small enough on any machine to learn how long a part takes.
const FIRST: usize = 10;

/// How long to wait until a part's history is dropped; history that is still there is dropped at
/// the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Size of the next part: as many primitives as keep the controller busy for [`BUSY`]. The time for
/// each primitive falls as their number does.
fn next_size(size: usize, took: Duration) -> usize {
    let fits = size as f64 * BUSY.as_secs_f64() / took.as_secs_f64().max(0.1);
    (fits as usize).clamp(FIRST / 2, AT_ONCE)
}

/// Drops the history of connections and containers of nodes that are gone. The cluster drops it by
/// itself in its own time; the history that it has not dropped by then is dropped here, one
/// resource at a time.
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
    // crm_resource has changed this property on the way.
    tools::set_property(undoer.host, tools::REFRESH_PROPERTY, before)
}

/// Waits until the cluster has no history of these nodes. Gives back the last CIB where it still
/// has some.
fn dropped(undoer: &Undoer<'_>, gone: &HashSet<&str>, patience: Duration) -> Result<Option<Cib>> {
    // Look seldom for many nodes: each look takes time from the cluster that it would drop history
    // in.
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
    fn no_reference_outlives_what_it_refers_to() {
        let cib = Cib::parse(
            r#"<cib><configuration><resources><template id="marker"/><primitive id="c1"/>
            <primitive id="c2"/><clone id="clone"/></resources><constraints>
            <rsc_location id="home" rsc="tag"/></constraints><tags><tag id="tag">
            <obj_ref id="c1"/><obj_ref id="c2"/></tag></tags></configuration></cib>"#,
        );
        let of = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let along = Along {
            objects: of("clone marker tag home"),
            tags: of("tag"),
        };
        let order = along.in_order(&cib.unwrap(), &of("c1 c2"));
        assert_eq!(order, of("c1 home tag c2 clone marker"));
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
