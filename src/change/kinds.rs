//! All kinds of changes, by rank. Each kind has a file of its own with all that is known of it: its
//! record, its wording, the files it needs, how it is undone, and how it is found without a
//! journal.

use super::traces::Traces;
use super::{
    Agent, Authkey, Cgroup, CibObject, Container, Daemon, Daemons, Domain, EmptyDir, File,
    Forwarding, HostsBlock, InCib, InState, Joining, Kernel, LoopDevice, Monitors, Network, Node,
    Outside, OwnFiles, Peer, Properties, Property, Resource, SharedDaemon, StateDir,
    StateDirectory, StateFile, Throttle,
};
use crate::error::Result;
use crate::journal::Record;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The questions to every kind of change. None has a default answer, so that a new kind answers all
/// of them.
pub trait Kind {
    /// The thing that was changed, in words; the same for two records that one undo covers.
    fn key(&self) -> String;
    /// How the change depends on other things.
    fn about(&self) -> About<'_>;
    /// Whether the record is about what this kind makes, for this state directory, and nothing else.
    /// A journal can be damaged or forged, and undoing removes files and ends processes.
    ///
    /// # Errors
    /// With what no record of this kind is about.
    fn check(&self, state_dir: &Path) -> Result<()>;
    /// Changes of this kind found by the marks that things carry, where the journal is lost or is
    /// another node's.
    ///
    /// # Errors
    /// When something that could be ours cannot be looked at.
    fn found(traces: &Traces<'_>) -> Result<Vec<Self>>
    where
        Self: Sized;
}

/// How a change depends on other things.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Whether the record names the very thing (by a uuid, or its content), so that a thing made
    /// anew needs a new record.
    pub has_identity: bool,
    /// Whether another set can come to use the thing that this set was the first to change.
    pub is_shared: bool,
    /// Name of the container that the change belongs to, if it belongs to one alone.
    pub container: Option<&'a str>,
    /// The smallest part of a cleanup that undoes it.
    pub scope: Scope,
    /// Name of a file in the state directory that undoing the change needs.
    pub needs: Option<&'a str>,
}

/// The type of a rank: one kind, or an enum of several.
pub(super) trait OfRank {
    /// The record, by the trait of its kind.
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
        /// The order in which kinds are undone: a change that depends on another one goes first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rank {
            $($(#[$doc])* $rank,)+
        }

        /// One change to the host, as the record that undoes it. Paths are absolute; names are
        /// checked values.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "Flat", into = "Flat")]
        pub enum Change {
            $($(#[$doc])* $rank($type),)+
        }

        /// A change as it is written in the journal: the kind's name among the record's fields.
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
            /// The rank of the change, which says when it is undone.
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

            /// The items by rank, in the order in which they are undone; within a rank the newest
            /// goes first.
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

        /// Asks every kind for the changes that marks tell.
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
    /// Resources, constraints and markers of sets in the CIB.
    Cib(InCib): Resource, CibObject;
    /// Node entries.
    Nodes(Node): Node;
    /// Cluster properties, which removing nodes can still change.
    Properties(Properties): Property, Throttle, Joining, Monitors;
    /// Other nodes. Undoing them no longer takes the cluster, but the cluster may help to find
    /// them.
    Peers(Peer): Peer;
    /// Daemons on the host that could start domains again.
    Daemons(Daemons): Daemon, SharedDaemon;
    /// Domains.
    Domains(Domain): Domain;
    /// The network.
    Network(Network): Network;
    /// Kernel settings, control groups and loop devices.
    Kernel(Kernel): Forwarding, Cgroup, LoopDevice;
    /// Files outside the state directory.
    Outside(Outside): File, EmptyDir, HostsBlock, Authkey, Agent;
    /// Files in the state directory.
    Inside(InState): StateFile, Container;
    /// The state directory.
    StateDir(StateDirectory): StateDir, OwnFiles;
}

impl Change {
    /// The thing that was changed, in words; the same for two records that one undo covers.
    pub fn key(&self) -> String {
        self.kind().key()
    }

    /// Refuses a record that nothing we do would write.
    pub(super) fn check(&self, state_dir: &Path) -> Result<()> {
        self.kind().check(state_dir)
    }

    /// Whether a cleanup of this scope undoes the change.
    pub fn is_of(&self, scope: Scope) -> bool {
        scope == Scope::All || self.kind().about().scope == scope
    }

    /// Whether another set can come to use the thing that this set was the first to change.
    pub fn is_shared(&self) -> bool {
        self.kind().about().is_shared
    }

    /// Name of the container that the change belongs to, if it belongs to one alone.
    pub fn container(&self) -> Option<&str> {
        self.kind().about().container
    }

    /// Whether undoing the change later needs this file of the state directory.
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
