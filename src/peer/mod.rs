//! Other cluster nodes: this very program run there by way of ssh(1), spoken to in lines of JSON.
//!
//! Each node has a state directory and a journal of its own, of the same path; what is done to a
//! node is done by it. ssh is used as the user has configured it.

mod protocol;
mod session;

pub use protocol::{Answer, Facts, Failure, Greeting, Group, Key, Numbered, Plan, Request};
pub use session::{SILENCE, Session, each, open};

use crate::error::{Error, Result};
use crate::host::Host;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The name of the program in a state directory that it was sent to.
pub const PROGRAM: &str = "program";

/// A node, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its name in the cluster, which ssh must know too.
    pub node: String,
    /// Our program there, as far as is known.
    pub program: PathBuf,
    /// Further options of ssh's, as ssh_config(5) has them: `Port=2222`.
    pub options: Vec<String>,
}

impl Target {
    /// A node where nothing was done yet: the program is looked for where this one is.
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

/// Where the program is put on a node that has none, until there is a state directory.
pub fn sent_program(state_dir: &Path) -> PathBuf {
    let name = state_dir.file_name().unwrap_or_default().to_string_lossy();
    state_dir.with_file_name(format!(".{name}.{PROGRAM}"))
}
