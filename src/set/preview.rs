//! `--dry-run`: what would happen, and the XML, from the same plan; nothing is touched.

use super::resolve::{Choice, choose};
use crate::context::Context;
use crate::error::Result;
use crate::libvirt::{domain, network};
use crate::pacemaker::authkey;
use crate::pacemaker::config::{self, Cluster, Part};
use crate::pacemaker::schema::Roles;
use crate::pacemaker::tools;
use crate::plan::Set;
use crate::report::{count, result};
use crate::resolve::Elsewhere;
use crate::spec::{Authkey, NodeKind};
use crate::spec::{Sharing, Wanted};
use crate::xml::El;
use std::path::Path;

/// How far the command would go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    /// Files and network, and what goes into the CIB right after.
    Files(Option<Part>),
    /// Those, the CIB, and the wait.
    Up,
    /// A part of what was generated, into the CIB.
    Add(Part),
}

/// The set that is kept, if there is one and we may read it.
pub(crate) fn saved(context: &Context) -> Result<Option<Set>> {
    if crate::host::users::is_root() {
        crate::state::load_set(&context.state_dir)
    } else {
        Ok(None)
    }
}

/// Prints what would be done.
pub(crate) fn run(context: &Context, wanted: &Wanted, sharing: &Sharing, with: With) -> Result<()> {
    let saved = saved(context)?;
    let choice = choose(context, wanted, saved.as_ref(), &Elsewhere::default())?;
    print(context, &choice, with)?;
    let held = saved.map(|s| s.nodes).unwrap_or_default();
    if !context.options.json && (sharing.is_wanted() || !held.is_empty()) {
        let mut nodes = [held, sharing.nodes.clone()].concat();
        if sharing.nodes.is_empty() && nodes.is_empty() {
            nodes = tools::cluster_nodes(&context.host).unwrap_or_default();
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

/// Prints what making this choice would do.
pub(crate) fn print(context: &Context, choice: &Choice, with: With) -> Result<()> {
    let set = &choice.set;
    let part = match with {
        With::Add(part) | With::Files(Some(part)) => part,
        With::Files(None) | With::Up => Part::All,
    };
    let cib = config::additions(set, part, &cluster(context));
    if context.options.json {
        return print_json(set, &cib);
    }
    result("would:\n");
    for step in steps(choice, with, saved(context)?.as_ref()) {
        result(format!("  {step}\n"));
    }
    if matches!(with, With::Add(_)) {
        section("cib.xml", &cib);
        return Ok(());
    }
    let guests = set.guests();
    section("network.xml", &network::network(set));
    for guest in &guests {
        section(
            &format!("{}/domain.xml", guest.name),
            &domain::domain(set, guest),
        );
        section(
            &format!("{}/primitive.xml", guest.name),
            &config::primitive_of(set, guest),
        );
    }
    section("cib.xml", &cib);
    Ok(())
}

fn steps(choice: &Choice, with: With, before: Option<&Set>) -> Vec<String> {
    let set = &choice.set;
    let number = set.spec.containers as usize;
    let add = |part| match part {
        Part::All => format!(
            "have {} in the CIB, what is missing added in one change",
            count(number, &set.spec.kind.to_string())
        ),
        Part::Clone => "add the promotable clone to the CIB".to_owned(),
    };
    if let With::Add(part) = with {
        return vec![add(part)];
    }
    let mut steps = Vec::new();
    if let Some(before) = before.filter(|b| b.spec.containers > set.spec.containers) {
        let prefix = &set.spec.prefix;
        steps.push(format!(
            "stop {} to {}, take them out of the cluster, and remove them",
            prefix.node(set.spec.containers + 1),
            prefix.node(before.spec.containers)
        ));
    }
    match before {
        None => steps.push(format!("make {} (0700)", set.state_dir.display())),
        Some(before) => steps.push(format!(
            "keep what there is of {}",
            count(
                before.spec.containers.min(set.spec.containers) as usize,
                "container"
            )
        )),
    }
    if !Path::new(authkey::PATH).exists() {
        steps.push(format!("make {} (0640 root:haclient)", authkey::PATH));
    }
    if let Some(version) = &choice.fetch {
        steps.push(format!(
            "fetch pacemaker-remote {version} and unpack it, not install it"
        ));
    }
    let key = match set.spec.authkey {
        Authkey::Bind => "bind the key's directory",
        Authkey::Copy => "copy the key",
    };
    let there = before.map_or(0, |b| b.spec.containers.min(set.spec.containers)) as usize;
    if number > there {
        let files = count(number - there, "container");
        steps.push(format!("make the files of {files}, {key}"));
    }
    steps.push(format!(
        "define and start network {} on {}, autostarted",
        set.network, set.subnet
    ));
    if set.spec.hosts {
        steps.push(format!(
            "add {} to /etc/hosts, marked",
            count(number, "line")
        ));
    }
    match with {
        With::Up => {
            if set.spec.kind == NodeKind::Remote {
                steps.push("start the containers that do not run".to_owned());
            }
            steps.push(add(Part::All));
            steps.push("wait until all of them are online".to_owned());
        }
        With::Files(Some(part)) => steps.push(add(part)),
        With::Files(None) | With::Add(_) => {}
    }
    steps
}

/// What the running cluster decides, or what the newest Pacemaker on this host would.
pub(crate) fn cluster(context: &Context) -> Cluster {
    let schema = tools::query(&context.host).map(|cib| cib.schema().to_owned());
    let this_node = tools::this_node(&context.host).unwrap_or_else(|_| {
        nix::unistd::gethostname()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default()
    });
    Cluster {
        this_node,
        roles: Roles::of_schema(schema.as_deref().unwrap_or("pacemaker-next")),
        revive: Vec::new(),
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
        .map(|g| domain::domain(set, g).render())
        .collect();
    crate::report::json(&serde_json::json!({
        "set": set,
        "containers": set.guests(),
        "network_xml": network::network(set).render(),
        "domain_xml": domains,
        "cib_xml": cib.render(),
    }))
}
