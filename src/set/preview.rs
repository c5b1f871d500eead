//! `--dry-run`: the steps that a run carries out, and the XML of the same plan; nothing is touched.

use super::resolve::{Choice, choose, choose_set};
use super::steps::{Goal, Present, Steps, is_complete};
use super::{adjust, changes, held};
use crate::checks::outlook;
use crate::context::Context;
use crate::error::Result;
use crate::libvirt::network;
use crate::look::Look;
use crate::machine;
use crate::pacemaker::config::{self, Cluster, Named, Part};
use crate::pacemaker::schema::Roles;
use crate::pacemaker::tools;
use crate::plan::{Machine, Set, blueprint};
use crate::report::result;
use crate::resolve::Elsewhere;
use crate::spec::{Sharing, Wanted, check_sharing};
use crate::xml::El;

/// The set in the state directory, if there is one and this user may read it.
pub(crate) fn saved(context: &Context) -> Result<Option<Set>> {
    if crate::host::users::is_root() {
        crate::state::load_set(&context.state_dir)
    } else {
        Ok(None)
    }
}

/// Prints what a command with these options and this goal would do.
pub(crate) fn run(look: &Look<'_>, wanted: &Wanted, sharing: &Sharing, goal: Goal) -> Result<()> {
    sharing.check_names()?;
    let saved = saved(look.context)?;
    check_sharing(wanted, sharing, saved.as_ref().map(|set| &set.spec))?;
    let choice = choose(look, wanted, saved.as_ref(), &Elsewhere::default())?;
    adjust::refuse_shared(&choice.set)?;
    if goal != Goal::Online {
        adjust::refuse_but_by_up(&choice.set)?;
    }
    if wanted.containers.is_some() {
        held::say_removed(look, &choice.set);
    }
    print(look, &choice, goal)?;
    let held = saved.map(|s| s.nodes).unwrap_or_default();
    if !look.context.options.json && (sharing.is_wanted() || !held.is_empty()) {
        let mut nodes = [held, sharing.nodes.clone()].concat();
        if sharing.nodes.is_empty() && nodes.is_empty() {
            nodes = tools::cluster_nodes(&look.context.host).unwrap_or_default();
        }
        result(match nodes.as_slice() {
            [] => {
                "\nand the files and the network on every other cluster node, by ssh\n".to_owned()
            }
            nodes => format!(
                "\nand the files and the network on each of {}, by ssh\n",
                nodes.join(", ")
            ),
        });
    }
    Ok(())
}

/// Tells what the cluster would do with the nodes, where a cluster runs: as `up` does before it makes
/// anything.
///
/// # Errors
/// [`crate::error::Kind::Cant`] where the cluster would not start them.
pub(crate) fn foresee(look: &Look<'_>, wanted: &Wanted, keep_mine: bool) -> Result<()> {
    if look.cib().is_err() {
        return Ok(());
    }
    let saved = saved(look.context)?;
    let set = choose_set(look, wanted, saved.as_ref(), &Elsewhere::default())?;
    outlook::check(look, &set, keep_mine)?;
    let theirs = match keep_mine {
        true => outlook::of(look, &set)?.map(|it| it.could_move),
        false => None,
    };
    let theirs = theirs.filter(|all| !all.is_empty() && !look.context.options.json);
    theirs.inspect(|all| {
        result(format!(
            "\nand a constraint for each of {}, which keeps it off the new nodes\n",
            all.join(", ")
        ));
    });
    Ok(())
}

/// Prints the steps that making this set would take, and the XML of what is new.
pub(crate) fn print(look: &Look<'_>, choice: &Choice, goal: Goal) -> Result<()> {
    let set = &choice.set;
    let part = match goal {
        Goal::Added(part) | Goal::Files(Some(part)) => part,
        Goal::Files(None) | Goal::Online => Part::All,
    };
    let cib = config::additions(set, part, &cluster(look, set));
    if look.context.options.json {
        return print_json(set, &cib);
    }
    result("would:\n");
    let before = saved(look.context)?;
    let steps = Steps::of(choice, goal, &Present::of(set, before.as_ref()));
    for step in changes::told(look, set, before.as_ref(), &steps) {
        result(format!("  {step}\n"));
    }
    if matches!(goal, Goal::Added(_)) {
        section("cib.xml", &cib);
        return Ok(());
    }
    let is_new = before.is_none();
    if is_new || !matches!(look.network(&set.network), Ok(Some(_))) {
        section("network.xml", &network::network(set));
    }
    let guests = set.guests().into_iter();
    for guest in &guests
        .filter(|guest| is_new || !is_complete(set, &guest.name))
        .collect::<Vec<_>>()
    {
        section(
            &format!("{}/domain.xml", guest.name),
            &machine::of(guest).domain(&blueprint(set, guest)),
        );
        section(
            &format!("{}/primitive.xml", guest.name),
            &config::primitive_of(set, guest),
        );
    }
    if let Some(cib) = new_in_cib(look, cib) {
        section("cib.xml", &cib);
    }
    Ok(())
}

/// What the CIB would get, without the nodes and resources that it has, and the references to them;
/// `None` where that is all.
fn new_in_cib(look: &Look<'_>, mut additions: El) -> Option<El> {
    let Ok(there) = look.cib() else {
        return Some(additions);
    };
    let is_new = |e: &El| e.get("id").is_none_or(|id| !there.has_id(id));
    let mut any = false;
    for section in &mut additions.children {
        if ["nodes", "resources"].contains(&section.name.as_str()) {
            section.children.retain(is_new);
            any |= !section.children.is_empty();
        }
        for tag in section.children.iter_mut().filter(|e| e.name == "tag") {
            let known = there.referred_in(tag.get("id").unwrap_or_default());
            (tag.children).retain(|e| e.get("id").is_none_or(|id| !known.contains(&id)));
        }
    }
    any.then_some(additions)
}

/// The cluster as the running Pacemaker describes it, or else as the newest Pacemaker on this host
/// would.
pub(crate) fn cluster(look: &Look<'_>, set: &Set) -> Cluster {
    let named = look.cib().map(|cib| cib.named(&set.tag()));
    let schema = look.cib().map(|cib| cib.schema().to_owned());
    let this_node = look.node().map(str::to_owned).unwrap_or_else(|_| {
        nix::unistd::gethostname()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default()
    });
    Cluster {
        this_node,
        roles: Roles::of_schema(schema.as_deref().unwrap_or("pacemaker-next")),
        revive: Vec::new(),
        there: Vec::new(),
        named: named.unwrap_or(Named::Tag),
        joining: None,
    }
}

fn section(name: &str, xml: &El) {
    result(format!("\n--- {name}\n{}", xml.render()));
}

fn print_json(set: &Set, cib: &El) -> Result<()> {
    let domains: Vec<String> = set
        .guests()
        .iter()
        .map(|g| machine::of(g).domain(&blueprint(set, g)).render())
        .collect();
    crate::report::json(&serde_json::json!({
        "set": set,
        "containers": set.guests().iter().map(Machine::json).collect::<Vec<_>>(),
        "network_xml": network::network(set).render(),
        "domain_xml": domains,
        "cib_xml": cib.render(),
    }))
}
