//! Making what a lab needs on this host: programs, keys, roots, network, domains.

use super::{checks, ipv6, keys, shared_disks};
use crate::change::{self, DISKS};
use crate::context::Context;
use crate::error::{Context as _, Error, Result};
use crate::host::files::{self, Attributes, Existing};
use crate::host::net;
use crate::lab::network::Link;
use crate::lab::root::Keys;
use crate::lab::{self, AGENTS, FENCE, GUESTS, KEYS, Lab, Root, SYSTEM};
use crate::look::Look;
use crate::machine::make::Making;
use crate::machine::network::{self, Raised};
use crate::machine::{self, Lifetime, Machinery, programs};
use crate::plan::{Blueprint, Kind, Machine, Made};
use crate::rootfs::{self, UNPACKED};
use crate::spec::Forward;
use crate::state::State;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// Writes down the lab.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn keep(state: &mut State, lab: &Lab) -> Result<()> {
    let text = serde_json::to_string_pretty(lab)
        .map_err(|e| Error::failed(format!("{}: {e}", lab::FILE)))?;
    state.write(lab::FILE, &text)
}

/// Fetches this version of pacemaker-remote.
///
/// # Errors
/// When it cannot be had.
pub(crate) fn fetch(context: &Context, state: &mut State, version: &str) -> Result<()> {
    context
        .report
        .line(format!("fetching pacemaker-remote {version}"));
    claim(state, UNPACKED)?;
    rootfs::fetch(&context.host, &state.dir, version).map(drop)
}

/// Makes all files of the lab: directories, programs, keys, and the nodes' roots and domain XML.
/// Files that are there already are left alone.
///
/// # Errors
/// When any of it fails; the journal knows what was done.
pub(crate) fn files(context: &Context, state: &mut State, lab: &Lab) -> Result<()> {
    programs::copy(state, lab.remoted.bind_source())?;
    directory(state, lab, KEYS)?;
    directory(state, lab, FENCE)?;
    let keys = keys::keys(context, lab)?;
    directory(state, lab, GUESTS)?;
    if !lab.spec.shared_disks_mib.is_empty() {
        directory(state, lab, DISKS)?;
        shared_disks::ready(context, state, lab)?;
    }
    if lab.spec.root == Root::Full {
        system(state, lab)?;
    }
    if !lab.spec.agents.is_empty() {
        providers(state, lab)?;
    }
    roots(context, state, lab, &keys)
}

fn claim(state: &mut State, name: &str) -> Result<()> {
    let ours = change::StateFile::named(name).into();
    state.claim(&ours)?;
    state.journal.intend([ours])
}

/// Makes one of the lab's own directories, for root alone. Gives back whether it is new.
fn directory(state: &mut State, lab: &Lab, name: &str) -> Result<bool> {
    claim(state, name)?;
    let path = lab.path(name);
    match DirBuilder::new().mode(0o700).create(&path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(Error::io("make directory", &path, e)),
    }
}

/// Makes empty directories for all providers of resource agents, for theirs to be mounted there.
fn providers(state: &mut State, lab: &Lab) -> Result<()> {
    directory(state, lab, AGENTS)?;
    let directory = lab.path(AGENTS);
    files::set_directory_attributes(&directory, Attributes::root(0o755))?;
    super::shown::providers(lab).try_for_each(|name| {
        let path = directory.join(name);
        fs::create_dir_all(&path).map_err(|e| Error::io("make directory", &path, e))
    })
}

/// Copies the base tree's /etc, without its secrets, for all nodes.
fn system(state: &mut State, lab: &Lab) -> Result<()> {
    directory(state, lab, SYSTEM)?;
    let directory = lab.path(SYSTEM);
    files::set_directory_attributes(&directory, Attributes::root(0o755))?;
    let etc = directory.join("etc");
    if files::exists(&etc) {
        return Ok(());
    }
    // It gets its name when it is complete.
    let temporary = files::temporary_name(&etc);
    files::remove_tree(&temporary, &crate::host::mounts::points()?)?;
    rootfs::etc::copy(&lab.layout.base, &temporary)?;
    fs::rename(&temporary, &etc).map_err(|e| Error::io("name", &etc, e))
}

fn roots(context: &Context, state: &mut State, lab: &Lab, keys: &Keys) -> Result<()> {
    let mut missing = lab.nodes();
    missing.retain(|node| !files::exists(&domain_xml(lab, node)));
    for (machinery, nodes) in machine::by_machinery(&lab.nodes()) {
        let of = |node: &Machine| lab::domain::blueprint(lab, node);
        let all: Vec<Blueprint> = nodes.iter().map(of).collect();
        machinery.prepare(context, state, &all)?;
    }
    let guests = super::nested::set(lab)?;
    let made = |node: &Machine| {
        let mut root = lab::root::root(lab, node, keys);
        if let Some(set) = guests.as_ref().filter(|_| node.kind == Kind::Cluster) {
            root.extend(lab::stack::guests_network(set));
        }
        Made {
            blueprint: lab::domain::blueprint(lab, node),
            root,
            beside: Vec::new(),
        }
    };
    machine::by_machinery(&missing)
        .into_iter()
        .try_for_each(|(machinery, missing)| {
            let making = Making {
                machinery,
                layout: &lab.layout,
                noun: "node",
            };
            making.make(context, state, &missing, made, |_| {})
        })
}

/// Path of a node's domain XML.
pub(crate) fn domain_xml(lab: &Lab, node: &Machine) -> PathBuf {
    lab.path(&node.name).join(machine::DOMAIN)
}

/// Defines and starts the network of each link, with autostart.
///
/// # Errors
/// When libvirt does not take one.
pub(crate) fn networks(look: &Look<'_>, state: &mut State, lab: &Lab) -> Result<()> {
    let links = lab.links();
    links
        .iter()
        .try_for_each(|link| network(look, state, lab, link))?;
    ipv6::on_bridges(look.context, lab);
    Ok(())
}

fn network(look: &Look<'_>, state: &mut State, lab: &Lab, link: &Link) -> Result<()> {
    let present = checks::check_network(look, lab, link)?;
    state.write(link.file, &lab::network::xml(lab, link).render())?;
    let network = Raised {
        name: &link.name,
        uuid: &link.uuid,
        subnet: &link.subnet,
        forward: Forward::Open,
        state_dir: &lab.dir,
        file: link.file,
        present,
    };
    network::raise(look, state, &network)?;
    net::acknowledge_at_once(&look.context.host, network.name, network.subnet).or(Ok(()))
}

/// Starts those of these nodes that do not run.
///
/// # Errors
/// When a node does not start: libvirt's error, and the end of the domain's log.
pub(crate) fn start(
    context: &Context,
    state: &mut State,
    lab: &Lab,
    nodes: &[Machine],
) -> Result<()> {
    let mut undo = machine::leaves(nodes, Lifetime::Persistent);
    let blueprints = nodes.iter().map(|node| lab::domain::blueprint(lab, node));
    undo.extend(blueprints.flat_map(|it| machine::also_leaves(&it)));
    state.journal.intend(undo)?;
    machine::by_machinery(nodes)
        .into_iter()
        .try_for_each(|(machinery, nodes)| start_by(machinery, context, lab, &nodes))
}

fn start_by(
    machinery: &dyn Machinery,
    context: &Context,
    lab: &Lab,
    nodes: &[Machine],
) -> Result<()> {
    let wanted: Vec<_> = nodes
        .iter()
        .map(|n| (n.name.clone(), domain_xml(lab, n)))
        .collect();
    let changed = rewrite_domains(machinery, lab, nodes)?;
    machinery
        .redefine(&context.host, &changed)
        .context("define the nodes' domains anew")?;
    machinery
        .start(&context.host, &wanted, Lifetime::Persistent, &mut |_| {})
        .context("start the nodes")
}

/// Writes the nodes' domain XML anew where it differs: a new kernel can make other files to mask. A
/// node that runs gets it at its next start. Gives back the paths that were written.
fn rewrite_domains(
    machinery: &dyn Machinery,
    lab: &Lab,
    nodes: &[Machine],
) -> Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    for node in nodes {
        let path = domain_xml(lab, node);
        let text = machinery
            .domain(&lab::domain::blueprint(lab, node))
            .render();
        if files::read_optional(&path)?.as_deref() != Some(text.as_bytes()) {
            files::write_atomic(
                &path,
                text.as_bytes(),
                Attributes::root(0o644),
                Existing::Replace,
            )?;
            changed.push(path);
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Options;
    use crate::machine::recorder::Recorder;

    #[test]
    fn nodes_of_any_kind_have_the_domain_as_planned_before_they_start() {
        let directory = tempfile::tempdir().unwrap();
        let mut lab = lab::tests::sample(2, 1);
        lab.dir = directory.path().to_owned();
        let context = Context::new(Options::default(), lab.dir.clone());
        let nodes = lab.nodes();
        for node in &nodes {
            fs::create_dir(lab.path(&node.name)).unwrap();
            let xml = format!("<recorded>{}</recorded>\n", node.name);
            fs::write(domain_xml(&lab, node), xml).unwrap();
        }
        fs::write(domain_xml(&lab, &nodes[1]), "<another/>\n").unwrap();
        let recorder = Recorder::default();
        start_by(&recorder, &context, &lab, &nodes).unwrap();
        assert_eq!(
            recorder.calls(),
            [
                "redefine lab-node2",
                "start-persistent lab-node1 lab-node2 lab-remote1"
            ]
        );
        let text = fs::read_to_string(domain_xml(&lab, &nodes[1])).unwrap();
        assert_eq!(text, "<recorded>lab-node2</recorded>\n");
    }
}
