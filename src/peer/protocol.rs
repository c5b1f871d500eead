//! What nodes say to each other: one JSON object a line. Pure.

use super::Target;
use crate::error::{Error, Kind};
use crate::host::net::Used;
use crate::plan::Set;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;

/// The first line of the node that answers. Lines before it, from a login shell for instance, are
/// skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// Version of the program. Only programs of one version speak with each other.
    #[serde(rename = "lxc-autogen")]
    pub version: String,
    /// The name by which the node knows itself.
    pub node: String,
}

impl Greeting {
    /// The greeting of this program, on this node.
    pub fn of(node: String) -> Greeting {
        Greeting {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node,
        }
    }

    /// Whether the other program has the same version as this one.
    pub fn is_ours(&self) -> bool {
        self.version == env!("CARGO_PKG_VERSION")
    }
}

/// A request or an answer with its number, which tells a late answer to an abandoned request from
/// the answer to the next one.
#[derive(Debug, Serialize, Deserialize)]
pub struct Numbered<T> {
    /// Counts the requests of a session, from 1; an answer has its request's number.
    pub number: u64,
    /// The request or the answer.
    pub what: T,
}

/// A request to another node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Take the host's lock and the state directory's, and describe the node: [`Facts`].
    Look {
        /// Whether to tell the authentication key too.
        key: bool,
    },
    /// Check whether this plan could be carried out; nothing is changed.
    Prepare(Box<Plan>),
    /// Carry out this plan.
    Realise(Box<Plan>),
    /// Put back everything that this session did to the node. The text is the failure that is the
    /// reason.
    PutBack(String),
    /// Let go of the host's lock, so that other runs may use the node. The session goes on, and its
    /// changes can still be put back.
    Settle,
    /// Undo the changes in the node's journal that are of this scope, but keep the records of other
    /// nodes, the set file, the program and the state directory, with which they can be asked
    /// again.
    Undo {
        /// Undo nothing unless the node belongs to this group; `None` for a node of any group.
        group: Option<String>,
        /// The part of a cleanup that is wanted.
        scope: Scope,
        /// Go on where the cluster cannot be asked.
        force: bool,
        /// Names of nodes that will not come back, and are not asked.
        forget: Vec<String>,
    },
    /// Nothing is left on any node: drop the records of the other nodes, and undo the rest.
    Release,
    /// Tell the states of the set's domains.
    Domains,
}

/// The nodes that a set is made on, and how they reach each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// 16 hexadecimal digits, at random: tells this group from another one of the same nodes.
    pub id: String,
    /// The names of all nodes of the group, in the cluster.
    pub nodes: Vec<String>,
    /// Further options of ssh(1), as ssh_config(5) has them.
    pub options: Vec<String>,
}

impl Group {
    /// All nodes but `node`, which writes the others down in its journal.
    pub fn but(&self, node: &str) -> Vec<Target> {
        let others = self.nodes.iter().filter(|n| *n != node);
        others.map(|n| Target::new(n, &self.options)).collect()
    }
}

/// An authentication key, and whether it may take the place of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The key itself.
    pub bytes: Vec<u8>,
    /// Whether the key replaces a different one on the node; cleanup puts that one back.
    pub replace: bool,
}

/// The parts of a set, and what it needs, that a node is asked to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The group of nodes that the plan is for.
    pub group: Group,
    /// The authentication key that all nodes of the group are to have.
    pub key: Option<Key>,
    /// The text of a VirtualDomain agent to install.
    pub agent: Option<Vec<u8>>,
    /// The set whose containers the node is to have.
    pub set: Option<Set>,
    /// The pacemaker-remoted to use for the containers, where the node has none.
    pub remoted: Option<Vec<u8>>,
}

/// The state of a node before a plan is made, as its answer to [`Request::Look`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Ranges of addresses in use on the node; empty where the set is there already.
    pub used: Vec<Used>,
    /// Names of networks and interfaces on the node, without the set's own.
    pub names: Vec<String>,
    /// SHA-256 of the node's authentication key, if it has one.
    pub key: Option<String>,
    /// The key itself, if it was asked for and the node has one.
    pub key_bytes: Option<Vec<u8>>,
    /// What is wrong with the node's key or its directory, and the mend.
    pub key_fault: Option<(String, String)>,
    /// Whether pacemaker-remoted was found on the node, or unpacked there before.
    pub has_remoted: bool,
    /// The set in the node's state directory.
    pub set: Option<Set>,
    /// Id of the group that the node belongs to already.
    pub group: Option<String>,
    /// Path of the program on the node that answers, for the next session.
    pub program: PathBuf,
}

/// An answer of a node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The answer to [`Request::Look`].
    Facts(Box<Facts>),
    /// The request was carried out.
    Done,
    /// The answer to [`Request::Undo`].
    Undone {
        /// How many changes were undone.
        undone: usize,
        /// Changes that could not be undone and why, a line each.
        remains: Vec<String>,
        /// The other nodes that this one has in its journal.
        others: Vec<Target>,
    },
    /// The answer to [`Request::Domains`]: libvirt's word for each domain's state, by domain name.
    Domains(HashMap<String, String>),
    /// The request failed; nothing of it is left on the node, unless the failure says so.
    Failed(Failure),
}

/// An error as it is sent from one node to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    kind: Kind,
    what: String,
    mend: Option<String>,
    details: Vec<String>,
}

impl From<&Error> for Failure {
    fn from(e: &Error) -> Failure {
        Failure {
            kind: e.kind,
            what: e.message().to_owned(),
            mend: e.mend_text().map(str::to_owned),
            details: e.detail_lines().to_vec(),
        }
    }
}

impl Failure {
    /// The error as this node reports it: `node` is put before its text and its mend.
    pub fn of(self, node: &str) -> Error {
        let e = Error::new(self.kind, self.what)
            .context(node)
            .details(self.details);
        match self.mend {
            Some(mend) => e.mend(format!("on {node}: {mend}")),
            None => e,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let plan = Plan {
            set: Some(crate::plan::tests::sample(3)),
            key: Some(Key {
                bytes: vec![0, 10, 255],
                replace: true,
            }),
            ..Plan::default()
        };
        let line = serde_json::to_string(&Request::Realise(Box::new(plan.clone()))).unwrap();
        assert!(!line.contains('\n'));
        match serde_json::from_str(&line).unwrap() {
            Request::Realise(heard) => assert_eq!(*heard, plan),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failure_names_its_node_and_keeps_its_kind() {
        let e = Error::cant("no libvirt").mend("start it").detail("x");
        let line = serde_json::to_string(&Answer::Failed(Failure::from(&e))).unwrap();
        let Answer::Failed(failure) = serde_json::from_str(&line).unwrap() else {
            panic!("{line}");
        };
        let heard = failure.of("node2");
        assert_eq!(heard.kind, Kind::Cant);
        assert_eq!(
            heard.to_string(),
            "node2: no libvirt\n  x\n  mend: on node2: start it"
        );
    }

    #[test]
    fn a_group_is_everybody_else() {
        let group = Group {
            id: "g".into(),
            nodes: vec!["a".into(), "b".into()],
            options: vec!["Port=2".into()],
        };
        let others = group.but("a");
        assert_eq!(others.len(), 1);
        assert_eq!((others[0].node.as_str(), others[0].options.len()), ("b", 1));
    }
}
