//! The kinds of a lab's cluster nodes: their PID 1, and their files.

use serde::{Deserialize, Serialize};

/// PID 1 of a cluster node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// Our own, which runs the cluster's daemons and nothing else.
    #[default]
    Own,
    /// systemd of the base tree.
    Systemd,
}

/// The file tree of a cluster node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Root {
    /// The base tree's /usr read-only, and no more of /etc than the cluster needs.
    #[default]
    Lean,
    /// The base tree's /usr and database of packages, writable as copies of the node's own.
    Full,
}
