//! What nodes say to each other: one JSON object a line. Pure.

use super::Target;
use crate::error::{Error, Kind};
use crate::host::net::Used;
use crate::plan::Set;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;

/// The first line of the one that answers. What comes before it, from a login shell for one, is
/// passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// Version of the program. Only one version speaks with itself.
    #[serde(rename = "lxc-autogen")]
    pub version: String,
    /// The name by which the node knows itself.
    pub node: String,
}

impl Greeting {
    /// Of this program, on this node.
    pub fn of(node: String) -> Greeting {
        Greeting {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node,
        }
    }

    /// Whether the other is the same program.
    pub fn is_ours(&self) -> bool {
        self.version == env!("CARGO_PKG_VERSION")
    }
}

/// A request or an answer, by which the answer to one that was given up is told from the next.
#[derive(Debug, Serialize, Deserialize)]
pub struct Numbered<T> {
    /// From 1.
    pub number: u64,
    /// What is said.
    pub what: T,
}

/// What a node is asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Take the locks, and say how it is there.
    Look {
        /// With the key itself.
        key: bool,
    },
    /// Check whether a plan could be carried out; nothing is changed.
    Prepare(Box<Plan>),
    /// Carry it out.
    Realise(Box<Plan>),
    /// Put back what was carried out in this session, and why.
    PutBack(String),
    /// All nodes of the cluster may be asked for other things again; this session goes on.
    Settle,
    /// Undo what the node's journal has of this scope; the node still remembers the others then.
    Undo {
        /// Only where the node is of this group.
        group: Option<String>,
        /// How much of it.
        scope: Scope,
        /// Also where the cluster cannot be asked.
        force: bool,
        /// Nodes that will not come back.
        forget: Vec<String>,
    },
    /// Nothing is left on any node: forget the others, and go.
    Release,
    /// The states of the containers' domains.
    Domains,
}

/// The nodes that a change is made on, and how they reach each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What tells it from another of the same nodes.
    pub id: String,
    /// All of them.
    pub nodes: Vec<String>,
    /// Options of ssh's.
    pub options: Vec<String>,
}

impl Group {
    /// All but one of them, to be written down by that one.
    pub fn but(&self, node: &str) -> Vec<Target> {
        let others = self.nodes.iter().filter(|n| *n != node);
        others.map(|n| Target::new(n, &self.options)).collect()
    }
}

/// A key, and whether it may take the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The key itself.
    pub bytes: Vec<u8>,
    /// Put it in the place of another, which cleanup puts back.
    pub replace: bool,
}

/// What is to be on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The nodes of it.
    pub group: Group,
    /// The key they share.
    pub key: Option<Key>,
    /// A VirtualDomain agent to install.
    pub agent: Option<Vec<u8>>,
    /// The containers.
    pub set: Option<Set>,
    /// A pacemaker-remoted for them, where the node has none.
    pub remoted: Option<Vec<u8>>,
}

/// How it is on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Ranges of addresses in use.
    pub used: Vec<Used>,
    /// Names of networks and interfaces.
    pub names: Vec<String>,
    /// SHA-256 of its authentication key, if it has one.
    pub key: Option<String>,
    /// The key, for a node that has none.
    pub key_bytes: Option<Vec<u8>>,
    /// What is wrong with its key, and the mend.
    pub key_fault: Option<(String, String)>,
    /// Whether it has a pacemaker-remoted, or the path that was given.
    pub has_remoted: bool,
    /// The set in its state directory.
    pub set: Option<Set>,
    /// The group it is of already.
    pub group: Option<String>,
    /// Where the program is that answers.
    pub program: PathBuf,
}

/// What a node answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Request::Look`].
    Facts(Box<Facts>),
    /// It is done.
    Done,
    /// To [`Request::Undo`].
    Undone {
        /// How many changes were undone.
        undone: usize,
        /// What stays.
        remains: Vec<String>,
        /// The nodes that this one remembers.
        others: Vec<Target>,
    },
    /// To [`Request::Domains`]: state by name.
    Domains(HashMap<String, String>),
    /// It could not be done; nothing of it is left, unless the failure says so.
    Failed(Failure),
}

/// An error on its way.
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
    /// The error, as said by a node.
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
