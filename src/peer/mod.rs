//! Other cluster nodes: this program run on them over ssh(1), and spoken to in lines of JSON.
//!
//! Each node has its own state directory and journal, at the same path on all nodes, and makes its
//! changes itself. ssh is used as the user has configured it.

mod protocol;
mod session;

pub use protocol::{Answer, Facts, Failure, Greeting, Group, Key, Numbered, Plan, Request};
pub use session::{SILENCE, Session, each, open};

use crate::error::{Error, Result};
use crate::host::Host;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Name in the state directory of a copy of this program that was sent to the node.
pub const PROGRAM: &str = "program";

/// Another node, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The node's name in the cluster; ssh must know it too.
    pub node: String,
    /// Path of this program on the node, as far as is known.
    pub program: PathBuf,
    /// Further options of ssh(1), as ssh_config(5) has them: `Port=2222`.
    pub options: Vec<String>,
}

impl Target {
    /// A node of which nothing is known yet: this program is looked for at the path that it has
    /// here.
    pub fn new(node: &str, options: &[String]) -> Target {
        Target {
            node: node.to_owned(),
            program: std::env::current_exe().unwrap_or_else(|_| "lxc-autogen".into()),
            options: options.to_vec(),
        }
    }
}

/// This node's name in the cluster, or its host name where no cluster runs.
///
/// # Errors
/// When it has neither.
pub fn this_node(host: &Host) -> Result<String> {
    crate::pacemaker::tools::this_node(host).or_else(|_| {
        nix::unistd::gethostname()
            .map(|name| name.to_string_lossy().into_owned())
            .map_err(|e| Error::failed(format!("find this node's name: {e}")))
    })
}

/// Where the program is sent to on a node that lacks it, until the node has a state directory.
pub fn sent_program(state_dir: &Path) -> PathBuf {
    let name = state_dir.file_name().unwrap_or_default().to_string_lossy();
    state_dir.with_file_name(format!(".{name}.{PROGRAM}"))
}
