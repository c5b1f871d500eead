//! Remote nodes whose connection the cluster has stopped and does not start again by itself.

use super::running::Running;
use crate::context::Context;
use crate::host::inside::Inside;
use crate::lab::Lab;
use crate::pacemaker::tools;
use crate::plan::{Kind as NodeKind, Machine};
use std::time::Duration;

/// Time that the cluster has to connect by itself, and time between two requests.
const PAUSE: Duration = Duration::from_secs(5);

/// Name of a transient node attribute that is set and deleted at once.
const ATTRIBUTE: &str = "lxc-autogen-look-again";

/// When to ask the cluster next.
#[derive(Debug)]
pub(crate) struct Reconnect {
    next: Duration,
}

impl Reconnect {
    pub(crate) fn new() -> Reconnect {
        Reconnect { next: PAUSE }
    }

    /// Has the scheduler look again when remote nodes are waited for though their containers run.
    ///
    /// A remote node that asks for its shutdown, as pacemaker-remoted does at a SIGTERM, has its
    /// connection stopped. The cluster would start it again, but nothing tells it to think of that
    /// before `cluster-recheck-interval` (15 min) has passed: the end of the attribute "shutdown"
    /// does not (seen with Pacemaker 3.0.0: the connection stopped, without a failure, and
    /// crm_simulate wants to start it). A change of another transient attribute does, and deletes
    /// nothing that the cluster knows of failures (Pacemaker Explained, "Node attributes";
    /// daemons/controld/controld_te_callbacks.c).
    pub(crate) fn ask(
        &mut self,
        context: &Context,
        lab: &Lab,
        running: &Running,
        waiting: &[&Machine],
        waited: Duration,
    ) {
        let runs = |n: &&&Machine| n.kind == NodeKind::Remote && running.get(&n.name).is_some();
        if waited < self.next || !waiting.iter().any(|n| runs(&n)) {
            return;
        }
        self.next = waited + PAUSE;
        // A cluster node that does not answer cannot do it; another one may.
        let cluster = running.cluster(lab);
        let _ = cluster
            .iter()
            .any(|(node, inside)| look_again(context, node, inside));
    }
}

fn look_again(context: &Context, node: &Machine, inside: &Inside) -> bool {
    let at = inside.at(&context.host);
    let set = |value| tools::set_transient(&at, ATTRIBUTE, &node.name, value).is_ok();
    set(Some("1")) && set(None)
}
