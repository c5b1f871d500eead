//! Domains and networks of libvirt's LXC driver.

use super::section::{Section, section};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::virsh;
use crate::xml::{self, El};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The state in virsh's words, such as `running` or `shut off`.
    state: String,
    uuid: String,
    /// Whether the domain is defined, so that it exists also when it does not run.
    persistent: bool,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    active: bool,
    persistent: bool,
    autostart: bool,
    /// The network's XML, line by line.
    xml: Vec<String>,
}

/// The text between two answers. virsh's echo does not end its line.
const MARK: &str = "=|=";

/// The domains and the networks. Where nothing answers at lxc:///, the snapshot records that.
pub(super) fn look(host: &Host) -> Result<(Section<Domain>, Section<Network>)> {
    match answers(host) {
        Ok((domains, networks)) => Ok((section(domains), section(networks))),
        Err(e) if e.kind == Kind::Cant => {
            let why = e.message().to_owned();
            Ok((Section::NotThere(why.clone()), Section::NotThere(why)))
        }
        Err(e) => Err(e),
    }
}

type All = (Vec<(String, Domain)>, Vec<(String, Network)>);

fn answers(host: &Host) -> Result<All> {
    // One virsh for all questions, since most of its time goes into its own start.
    let questions = [
        "list --all --uuid --name",
        "list --all --name --persistent",
        "net-list --all --name",
        "net-list --name",
        "net-list --all --name --persistent",
        "net-list --all --name --autostart",
    ];
    let text = virsh::ask(host, &LXC, &questions.join(&format!("; echo {MARK}; ")))?;
    let [uuids, defined, networks, active, persistent, autostart] = parts(&text)?;
    let states = virsh::domains(host, &LXC)?;
    let states = states.into_iter().map(|d| (d.name, d.state)).collect();
    let all: Vec<&str> = networks.into_iter().collect();
    let xml = dumps(host, &all)?;
    let network = |(name, xml): (&&str, El)| {
        let network = Network {
            active: active.contains(name),
            persistent: persistent.contains(name),
            autostart: autostart.contains(name),
            xml: lines(xml),
        };
        ((*name).to_owned(), network)
    };
    let networks = all.iter().zip(xml).map(network).collect();
    Ok((domains(&uuids, &defined, &states), networks))
}

/// The answers to the questions, each as the set of its lines.
fn parts<const N: usize>(text: &str) -> Result<[HashSet<&str>; N]> {
    let all: Vec<HashSet<&str>> = text.split(MARK).map(lines_of).collect();
    let count = all.len();
    all.try_into()
        .map_err(|_| Error::failed(format!("virsh: {count} answers to {N} questions")))
}

fn lines_of(part: &str) -> HashSet<&str> {
    let lines = part.lines().map(str::trim);
    lines.filter(|l| !l.is_empty()).collect()
}

/// The domains, from lines with uuid and name. A domain without a state has ended meanwhile and is
/// left out.
fn domains(
    uuids: &HashSet<&str>,
    defined: &HashSet<&str>,
    states: &HashMap<String, String>,
) -> Vec<(String, Domain)> {
    let pairs = uuids.iter().filter_map(|line| line.split_once(' '));
    pairs
        .filter_map(|(uuid, name)| {
            let name = name.trim();
            let domain = Domain {
                state: states.get(name)?.clone(),
                uuid: uuid.to_owned(),
                persistent: defined.contains(name),
            };
            Some((name.to_owned(), domain))
        })
        .collect()
}

fn dumps(host: &Host, names: &[&str]) -> Result<Vec<El>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let quoted = names.iter().map(|n| format!("net-dumpxml '{n}'"));
    let text = virsh::ask(host, &LXC, &quoted.collect::<Vec<_>>().join("; "))?;
    xml::parse_many(&text, "virsh net-dumpxml")
}

/// The network's XML without the number of interfaces that are connected at present.
fn lines(mut network: El) -> Vec<String> {
    network.attrs.retain(|(name, _)| name != "connections");
    for child in &mut network.children {
        child.attrs.retain(|(name, _)| name != "connections");
    }
    network.render().lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// libvirt 9.0, `virsh -q`, three of the questions.
    const SAID: &str = "\
 2f76b41a-3a42-5fae-b1b2-f2a1f3ad42b0   lxc1
 9d0e3c55-9b1e-5a07-b8c5-5b43c7f5a7f1   qa-x
=|=qa-x

=|=lxc-net

";

    #[test]
    fn answers_are_told_apart_and_domains_put_together() {
        let [uuids, defined, networks] = parts(SAID).unwrap();
        assert_eq!(networks, HashSet::from(["lxc-net"]));
        let states = [("lxc1", "running"), ("qa-x", "shut off")];
        let states = states.map(|(n, s)| (n.to_owned(), s.to_owned())).into();
        let mut all = domains(&uuids, &defined, &states);
        all.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(all[0].0, "lxc1");
        assert_eq!(all[0].1.state, "running");
        assert!(!all[0].1.persistent && all[1].1.persistent);
        assert_eq!(all[1].1.uuid, "9d0e3c55-9b1e-5a07-b8c5-5b43c7f5a7f1");
        assert!(parts::<2>(SAID).is_err());
    }

    #[test]
    fn how_many_are_plugged_into_a_network_is_left_out() {
        let text = "<network connections='2'><name>n</name><forward mode='nat'/></network>";
        let network = xml::parse(text, "test").unwrap();
        assert_eq!(
            lines(network),
            [
                "<network>",
                "  <name>n</name>",
                "  <forward mode=\"nat\"/>",
                "</network>"
            ]
        );
    }
}
