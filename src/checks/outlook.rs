//! What the cluster would do once a set's nodes are there, in the words of its own scheduler: whether
//! it would start them at all, and which of its other resources it could run on them.

use super::{Check, places};
use crate::error::{Error, Result};
use crate::look::Look;
use crate::pacemaker::config::{self, Cluster, Part};
use crate::pacemaker::hint::Tool;
use crate::pacemaker::schema::Roles;
use crate::pacemaker::tools;
use crate::plan::Set;

/// With so many nodes the scheduler needs seconds; whoever has them knows what they do.
const MOST_NODES: usize = 100;

/// The scheduler's answer about a set in the cluster that runs here.
#[derive(Debug)]
pub(crate) struct Outlook {
    /// Resources of other people that could run on the set's nodes.
    pub could_move: Vec<String>,
    starts: bool,
}

/// Asks the scheduler about the set's first node, which the others are like. `None` where the CIB has
/// nothing that could matter.
///
/// # Errors
/// When the cluster does not answer, or crm_simulate fails.
pub(crate) fn of(look: &Look<'_>, set: &Set) -> Result<Option<Outlook>> {
    let cib = look.cib()?;
    if cib.others_resources().is_empty() && !cib.has_hindrances() {
        return Ok(None);
    }
    let mut first = set.clone();
    first.spec.containers = 1;
    first.spec.removed.clear();
    let cluster = Cluster {
        this_node: set.home(look.node()?).to_owned(),
        roles: Roles::of_schema(cib.schema()),
        revive: Vec::new(),
        there: Vec::new(),
        named: cib.named(&set.tag()),
        joining: None,
    };
    let additions = config::additions(&first, Part::All, &cluster);
    let forecast = tools::forecast(&look.context.host, &cib, &additions)?;
    let node = first.guests().swap_remove(0).name;
    Ok(Some(Outlook {
        could_move: forecast.of_others_on(&cib, &node),
        starts: match cib.has_id(&set.tag()) {
            // The scheduler need not start what is online.
            true => places::check(look, set).is_ok(),
            false => forecast.starts(&node),
        },
    }))
}

/// Whether the scheduler is asked only by those who have something done by its answer.
fn is_large(look: &Look<'_>) -> Result<bool> {
    Ok(look.cib()?.node_names().len() > MOST_NODES)
}

impl Outlook {
    /// Refuses a set that the cluster would not start.
    ///
    /// # Errors
    /// [`crate::error::Kind::Cant`] with the reason and the mend.
    pub(crate) fn check_start(&self, look: &Look<'_>, set: &Set) -> Result<()> {
        match self.starts {
            true => Ok(()),
            false => Err(why_not(look, set)?),
        }
    }

    /// What people should know of the resources that could move: the finding, and how to keep each of
    /// them off.
    pub(crate) fn of_theirs(&self, set: &Set) -> Option<(String, Vec<String>)> {
        if self.could_move.is_empty() {
            return None;
        }
        let prefix = set.spec.prefix.as_str();
        let text = format!(
            "the cluster can run resources of yours on the new nodes too, and may move them there: {}",
            self.could_move.join(", ")
        );
        let tool = Tool::here();
        let commands = self.could_move.iter().map(|id| tool.keep_off(id, prefix));
        Some((text, commands.collect()))
    }
}

/// Warns of what the cluster would do with the nodes of a set that is new to it, and looks whether it
/// would start those of one that is not.
///
/// # Errors
/// [`crate::error::Kind::Cant`] where it would not start them.
pub(crate) fn check(look: &Look<'_>, set: &Set, keep_mine: bool) -> Result<()> {
    const MOST_SHOWN: usize = 5;
    if look.cib()?.has_id(&set.tag()) {
        return places::check(look, set);
    }
    if is_large(look)? {
        return Ok(());
    }
    let Some(outlook) = of(look, set)? else {
        return Ok(());
    };
    outlook.check_start(look, set)?;
    let report = &look.context.report;
    if let (Some((text, commands)), false) = (outlook.of_theirs(set), keep_mine) {
        report.warn(text);
        report.line("  to keep them off: --keep-mine, or");
        for command in commands.iter().take(MOST_SHOWN) {
            report.line(format!("    {command}"));
        }
        if commands.len() > MOST_SHOWN {
            report.line("    and so on for each");
        }
    }
    Ok(())
}

/// The same as checks of `verify`.
pub(crate) fn checks(look: &Look<'_>, chosen: impl Fn() -> Result<Set>) -> Vec<Check> {
    const PLACE: &str = "place for the nodes";
    const THEIRS: &str = "other resources";
    if look.cib().is_err() {
        return [PLACE, THEIRS]
            .map(|name| Check::skipped(name, "needs a running cluster"))
            .to_vec();
    }
    if is_large(look).unwrap_or_default() {
        let why = format!("with more than {MOST_NODES} nodes the scheduler is not asked");
        return [PLACE, THEIRS]
            .map(|name| Check::skipped(name, &why))
            .to_vec();
    }
    let asked = chosen().and_then(|set| Ok((of(look, &set)?, set)));
    let (outlook, set) = match asked {
        Ok((Some(outlook), set)) => (outlook, set),
        Ok((None, _)) => {
            let nothing = "nothing in the CIB is in the way";
            return vec![
                Check::ok(PLACE, nothing),
                Check::ok(THEIRS, "none that could move"),
            ];
        }
        Err(e) => return vec![Check::of_error(PLACE, &e)],
    };
    let place = outlook.check_start(look, &set);
    let place = Check::from(
        PLACE,
        place.map(|()| "the cluster would start them".to_owned()),
    );
    let theirs = match outlook.of_theirs(&set) {
        None => Check::ok(THEIRS, "none that could move"),
        Some((text, commands)) => {
            let mend = format!("lxc-autogen up --keep-mine, or {}", commands.join("; "));
            Check::warning(THEIRS, text, mend)
        }
    };
    vec![place, theirs]
}

/// Why the cluster would not start the set's nodes.
fn why_not(look: &Look<'_>, set: &Set) -> Result<Error> {
    let cib = look.cib()?;
    let nodes = set.places(look.node()?, &cib.cluster_nodes());
    let view = tools::view(&look.context.host)?;
    let tool = Tool::here();
    let reasons = nodes.iter().filter_map(|name| {
        let node = view.nodes.get(name)?;
        if let Some(off) = places::off(&tool, name, node) {
            return Some(off);
        }
        match (node.note, node.online) {
            (_, false) => Some((
                format!("{name} is offline"),
                format!("start Pacemaker on {name}"),
            )),
            (Some(note), true) => Some((
                format!("{name} is {note}"),
                "see crm_mon -1, and try again when it is online".to_owned(),
            )),
            (None, true) => None,
        }
    });
    let mut reasons: Vec<(String, String)> = reasons.collect();
    if reasons.len() < nodes.len() {
        let first = set.guests().swap_remove(0);
        let ids = [first.name.as_str(), first.resource.as_str()];
        let bans = cib.bans(&ids, &nodes);
        reasons.extend(bans.iter().map(|id| {
            let what = format!("constraint {id} keeps it off");
            (what, tool.delete_constraint(id))
        }));
    }
    if reasons.is_empty() {
        reasons.push((
            "its scheduler plans no start of a container".to_owned(),
            "look for constraints and attributes: crm_simulate -sL".to_owned(),
        ));
    }
    Ok(places::no_start(reasons))
}
