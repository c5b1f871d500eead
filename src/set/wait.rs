//! Waiting until every node of a set is online, and what to do when one does not come.

use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::poll::{Poll, Seen};
use crate::pacemaker::monitor::View;
use crate::pacemaker::{authkey, connections, tools};
use crate::plan::{Form, Machine, Set};
use crate::report::Stage;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Seconds that each virtual machine may take more to come online.
pub(crate) const VM_S: u64 = 20;
/// The same where they are emulated. Three with systemd took longer than 180 s to be online again, beside
/// much other work.
pub(crate) const EMULATED_S: u64 = 60;

/// How long to wait for nodes that all begin to join now.
pub(crate) fn patience(set: &Set, timeout: Option<u64>) -> Duration {
    let each = match (set.spec.form(), set.kvm) {
        (Form::Container, _) => 2,
        (Form::Virtual, true) => VM_S,
        (Form::Virtual, false) => EMULATED_S,
    };
    Duration::from_secs(timeout.unwrap_or(90 + each * u64::from(set.spec.containers)))
}

/// Waits until every one of the nodes is online, at most `timeout` since `began`; `stage` shows how
/// many are.
///
/// # Errors
/// [`Kind::NotOnline`] when they are not in time, with what the cluster says of them.
pub(crate) fn online(
    context: &Context,
    guests: &[Machine],
    stage: &mut Stage,
    began: Instant,
    timeout: Duration,
) -> Result<()> {
    // Look often for a few nodes; for many, each answer costs more, and waiting takes longer
    // anyway.
    let longest = Duration::from_millis(20 * guests.len() as u64)
        .clamp(Duration::from_millis(200), Duration::from_secs(2));
    let mut poll = Poll::every(Duration::from_millis(100), timeout)
        .growing((9, 8), longest)
        .since(began);
    let mut retries = Retries::for_nodes(guests.len());
    let seen = poll.look(|poll| {
        // The cheap question first; the whole view only when it says that all are online, and now
        // and then.
        let (connected, view) = match look(context, guests, &mut retries) {
            Ok(seen) => seen,
            // One unanswered question to a cluster under load is no reason to undo everything.
            Err(e) if e.kind == Kind::Failed => {
                poll.pause_once(Duration::from_secs(1));
                return Ok(Seen::Waiting(Err(e)));
            }
            Err(e) => return Err(e),
        };
        let there = |g: &Machine| {
            connected.contains(&g.name) && view.as_ref().is_none_or(|v| v.online(&g.name))
        };
        let waiting: Vec<&Machine> = guests.iter().filter(|g| !there(g)).collect();
        stage.at(guests.len() - waiting.len());
        if waiting.is_empty() {
            return Ok(Seen::Ready(()));
        }
        if let Some(view) = &view {
            poll.extend(retries.nudge(context, view, &waiting));
        }
        Ok(Seen::Waiting(Ok(waiting)))
    })?;
    match seen {
        Seen::Ready(()) => Ok(()),
        Seen::Waiting(Ok(waiting)) => {
            // Details that a cluster under load does not give are left out.
            let view = tools::view(&context.host).unwrap_or_default();
            Err(not_online(&view, guests, &waiting, poll.patience()))
        }
        Seen::Waiting(Err(e)) => Err(e
            .context("the cluster does not say who is online")
            .with_kind(Kind::NotOnline)),
    }
}

fn look(
    context: &Context,
    guests: &[Machine],
    retries: &mut Retries,
) -> Result<(HashSet<String>, Option<View>)> {
    let connected = connections::connected(&context.host)?;
    let all = guests.iter().all(|g| connected.contains(&g.name));
    let view = (all || retries.look_now())
        .then(|| tools::view(&context.host))
        .transpose()?;
    Ok((connected, view))
}

/// Connections that failed, and the cluster's second try at them.
///
/// Pacemaker tries again by itself in two cases only after its next look at the cluster, which
/// can be `cluster-recheck-interval` (15 minutes) away: when the controller still used an earlier
/// authentication key, and when a container ended in good order (virsh destroy begins with
/// SIGTERM, on which pacemaker-remoted asks for the shutdown of its node).
#[derive(Debug)]
struct Retries {
    /// Time until the next look at the whole cluster; it grows with each look.
    pause: Duration,
    /// The longest such time: looks cost more the more resources the cluster has.
    longest: Duration,
    next_look: Option<Instant>,
    keys_settle: Option<Instant>,
}

/// Time that the cluster has for failed connections between our nudges, when few nodes are waited
/// for.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

impl Retries {
    fn for_nodes(number: usize) -> Retries {
        let longest = RETRY_PAUSE.max(Duration::from_millis(50 * number as u64));
        Retries {
            // A connection that failed before this run is usually given up by now.
            pause: longest / 5,
            longest,
            next_look: None,
            keys_settle: None,
        }
    }

    fn look_now(&mut self) -> bool {
        let now = Instant::now();
        let due = self.next_look.is_some_and(|at| now >= at);
        if due || self.next_look.is_none() {
            self.next_look = Some(now + self.pause);
            self.pause = (self.pause * 2).min(self.longest);
        }
        due
    }

    /// Has the cluster try connections again that it has given up. Gives back how much longer that
    /// may take. A connection that cannot be tried again now is tried at the next look.
    fn nudge(&mut self, context: &Context, view: &View, waiting: &[&Machine]) -> Duration {
        let mut longer = Duration::ZERO;
        for guest in waiting.iter().filter(|g| view.connection_given_up(&g.name)) {
            let now = Instant::now();
            if view.key_rejected(&guest.name) {
                let at = *self.keys_settle.get_or_insert_with(|| {
                    longer = authkey::settles_in();
                    if !longer.is_zero() {
                        // Rounded up: it is the most that it takes.
                        context.report.line(format!(
                            "connections are refused: the cluster may still use an earlier \
                             authentication key, for {} s at most",
                            longer.as_millis().div_ceil(1000)
                        ));
                    }
                    now + longer
                });
                if now < at {
                    continue;
                }
            }
            if let Err(e) = tools::forgive(&context.host, &guest.name) {
                context.report.warn(e.message());
            }
        }
        longer
    }
}

fn not_online(view: &View, guests: &[Machine], waiting: &[&Machine], timeout: Duration) -> Error {
    let names: Vec<&str> = waiting
        .iter()
        .flat_map(|g| [g.name.as_str(), g.resource.as_str()])
        .collect();
    let shown: Vec<&str> = waiting.iter().map(|g| g.name.as_str()).take(10).collect();
    let after = match timeout.as_secs() {
        0 => String::new(),
        seconds => format!(" after {seconds} s"),
    };
    let what = format!(
        "{} of {} nodes are not online{after}: {}{}",
        waiting.len(),
        guests.len(),
        shown.join(", "),
        if waiting.len() > shown.len() {
            " …"
        } else {
            ""
        }
    );
    // Such a node runs no container, and starts none in maintenance.
    let is_guest = |name: &String| guests.iter().any(|g| g.name == *name);
    let rests = view.nodes.iter().filter_map(|(name, node)| {
        let note = node
            .note
            .filter(|n| matches!(*n, "standby" | "maintenance"))?;
        (!is_guest(name)).then(|| format!("{name} is in {note}"))
    });
    let error = Error::new(Kind::NotOnline, what).details(rests);
    error.details(view.failures_of(&names)).mend(
        "see lxc-autogen status, crm_mon -1rf and /var/log/libvirt/lxc; everything was left as it is",
    )
}
