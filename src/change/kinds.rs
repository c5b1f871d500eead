//! All kinds of changes, by rank. Each stands in a file of its own with all that is known of it:
//! record, wording, what it leans on, how it is undone and how it is found without a journal.

use super::traces::Traces;
use super::{
    Agent, Authkey, Cgroup, CibObject, Container, Daemon, Domain, EmptyDir, File, Forwarding,
    HostsBlock, InCib, InState, Joining, Kernel, Network, Node, Outside, OwnFiles, Peer,
    Properties, Property, Resource, StateDir, StateDirectory, StateFile, Throttle,
};
use crate::error::Result;
use crate::journal::Record;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};

/// What is asked of every kind of change. Nothing here has a default, so that a new kind answers
/// all of it.
pub trait Kind {
    /// What it is about, the same for two records that one undo covers.
    fn key(&self) -> String;
    /// What it has to do with other things.
    fn about(&self) -> About<'_>;
    /// What there is of it, told by the marks it carries, for a journal that is lost or another
    /// node's.
    ///
    /// # Errors
    /// When something that could be ours cannot be looked at.
    fn found(traces: &Traces<'_>) -> Result<Vec<Self>>
    where
        Self: Sized;
}

/// What a change has to do with other things.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The record names the very thing (a uuid, a content), so that a thing made anew needs a
    /// record anew.
    pub has_identity: bool,
    /// Another set can come to use what this set was the first to change.
    pub is_shared: bool,
    /// The container it belongs to, if it belongs to one alone.
    pub container: Option<&'a str>,
    /// The smallest part of a cleanup that undoes it.
    pub scope: Scope,
    /// The file of the state directory that undoing it takes.
    pub needs: Option<&'a str>,
}

/// A rank's own type: one kind, or one of several.
pub(super) trait OfRank {
    /// What every kind can be asked.
    fn kind(&self) -> &dyn Kind;
}

/// Declares a rank of several kinds.
macro_rules! rank {
    ($(#[$doc:meta])* $rank:ident: $type:ident { $($(#[$of:meta])* $kind:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $type {
            $($(#[$of])* $kind($kind),)+
        }

        impl $crate::change::kinds::OfRank for $type {
            fn kind(&self) -> &dyn $crate::change::kinds::Kind {
                match self {
                    $($type::$kind(it) => it,)+
                }
            }
        }

        impl From<$type> for $crate::change::kinds::Flat {
            fn from(it: $type) -> Self {
                match it {
                    $($type::$kind(it) => it.into(),)+
                }
            }
        }

        impl From<$type> for $crate::change::Change {
            fn from(it: $type) -> Self {
                $crate::change::Change::$rank(it)
            }
        }

        $(impl From<$kind> for $type {
            fn from(it: $kind) -> Self {
                $type::$kind(it)
            }
        })+
    };
}
pub(super) use rank;

/// Declares all ranks, in the order in which they are undone, each with its type and its kinds.
macro_rules! kinds {
    ($($(#[$doc:meta])* $rank:ident($type:ident): $($kind:ident),+;)+) => {
        /// In which order kinds are undone: what leans on another thing goes first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rank {
            $($(#[$doc])* $rank,)+
        }

        /// One change to the host, by what takes it back. Paths are absolute; names are checked
        /// values.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "Flat", into = "Flat")]
        pub enum Change {
            $($(#[$doc])* $rank($type),)+
        }

        /// A change as the journal has it: the kind's name among its fields.
        #[derive(Debug, Serialize, Deserialize)]
        #[serde(tag = "undo", rename_all = "kebab-case")]
        pub(super) enum Flat {
            $($($kind($kind),)+)+
        }

        /// Changes of one rank, each with its number in the journal.
        #[derive(Debug)]
        pub(super) enum Group {
            $($rank(Vec<super::Item<$type>>),)+
        }

        impl Change {
            /// When it is undone.
            pub fn rank(&self) -> Rank {
                match self {
                    $(Change::$rank(_) => Rank::$rank,)+
                }
            }

            fn kind(&self) -> &dyn Kind {
                match self {
                    $(Change::$rank(it) => it.kind(),)+
                }
            }
        }

        impl Group {
            pub(super) fn rank(&self) -> Rank {
                match self {
                    $(Group::$rank(_) => Rank::$rank,)+
                }
            }

            /// In the order in which they are undone: within a rank the newest goes first.
            pub(super) fn all(items: &[super::Item<Change>]) -> Vec<Group> {
                let mut groups = Vec::new();
                $(
                    let of_rank = items.iter().rev().filter_map(|(seq, change)| match change {
                        Change::$rank(it) => Some((*seq, it.clone())),
                        _ => None,
                    });
                    let of_rank: Vec<super::Item<$type>> = of_rank.collect();
                    if !of_rank.is_empty() {
                        groups.push(Group::$rank(of_rank));
                    }
                )+
                groups
            }
        }

        impl From<Flat> for Change {
            fn from(flat: Flat) -> Self {
                match flat {
                    $($(Flat::$kind(it) => it.into(),)+)+
                }
            }
        }

        impl From<Change> for Flat {
            fn from(change: Change) -> Self {
                match change {
                    $(Change::$rank(it) => it.into(),)+
                }
            }
        }

        $($(
            impl From<$kind> for Change {
                fn from(it: $kind) -> Self {
                    Change::$rank(it.into())
                }
            }

            impl From<$kind> for Flat {
                fn from(it: $kind) -> Self {
                    Flat::$kind(it)
                }
            }

            impl OfRank for $kind {
                fn kind(&self) -> &dyn Kind {
                    self
                }
            }
        )+)+

        /// Asks every kind for what there is of it.
        pub(super) fn all_found(traces: &Traces<'_>) -> Result<Vec<Change>> {
            let mut found: Vec<Change> = Vec::new();
            $($(
                found.extend($kind::found(traces)?.into_iter().map(Change::from));
            )+)+
            Ok(found)
        }
    };
}

kinds! {
    /// Resources, constraints and templates of the CIB.
    Cib(InCib): Resource, CibObject;
    /// Node entries.
    Nodes(Node): Node;
    /// Cluster properties, which removing nodes can still change.
    Properties(Properties): Property, Throttle, Joining;
    /// Other nodes, which need the cluster no more, but may be needed to find it.
    Peers(Peer): Peer;
    /// Daemons on the host that could start domains again.
    Daemons(Daemon): Daemon;
    /// Domains.
    Domains(Domain): Domain;
    /// The network.
    Network(Network): Network;
    /// Kernel settings and control groups.
    Kernel(Kernel): Forwarding, Cgroup;
    /// Files outside the state directory.
    Outside(Outside): File, EmptyDir, HostsBlock, Authkey, Agent;
    /// Files in the state directory.
    Inside(InState): StateFile, Container;
    /// The state directory.
    StateDir(StateDirectory): StateDir, OwnFiles;
}

impl Change {
    /// What it is about, the same for two records that one undo covers.
    pub fn key(&self) -> String {
        self.kind().key()
    }

    /// Whether a cleanup of this scope undoes it.
    pub fn is_of(&self, scope: Scope) -> bool {
        scope == Scope::All || self.kind().about().scope == scope
    }

    /// Whether another set can come to use what this set was the first to change.
    pub fn is_shared(&self) -> bool {
        self.kind().about().is_shared
    }

    /// The container this belongs to, if it belongs to one alone.
    pub fn container(&self) -> Option<&str> {
        self.kind().about().container
    }

    /// Whether undoing it later takes this file of the state directory.
    pub(super) fn needs(&self, file: &str) -> bool {
        self.kind().about().needs == Some(file)
    }
}

impl Record for Change {
    fn has_identity(&self) -> bool {
        self.kind().about().has_identity
    }

    fn key(&self) -> String {
        Change::key(self)
    }
}
