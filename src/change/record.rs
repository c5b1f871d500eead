//! How each kind of change is undone, as data.

use crate::journal::Record;
use crate::peer::Target;
use crate::spec::Scope;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Whether a change is undone with this.
pub fn covers(scope: Scope, undo: &Undo) -> bool {
    let rank = undo.rank();
    match scope {
        Scope::All => true,
        Scope::Cib => matches!(rank, Rank::Cib | Rank::Nodes | Rank::Properties),
        Scope::Libvirt => {
            matches!(rank, Rank::Domains | Rank::Network | Rank::Kernel)
                || matches!(undo, Undo::HostsBlock { .. } | Undo::File { .. })
        }
    }
}

/// One change to the host, by what takes it back. Paths are absolute; names are checked values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case")]
pub enum Undo {
    /// Remove the state directory itself, when nothing but ours was in it.
    StateDir {
        /// Where it is.
        path: PathBuf,
        /// Inode number; that of the device can change from boot to boot.
        ino: u64,
    },
    /// Remove journal and lock from a state directory that was there before us.
    OwnFiles {
        /// The directory.
        path: PathBuf,
    },
    /// Remove a file or tree of ours directly in the state directory.
    StateFile {
        /// Its name there.
        name: String,
    },
    /// Remove a container's tree in the state directory.
    Container {
        /// The container, and the tree's name.
        name: String,
    },
    /// Remove a directory that we made, once it is empty.
    EmptyDir {
        /// Where it is.
        path: PathBuf,
    },
    /// Remove a file or empty directory that our containers' daemons make outside the state
    /// directory, and that was not there before.
    File {
        /// Where it is.
        path: PathBuf,
        /// The container it belongs to.
        container: Option<String>,
    },
    /// Remove the authentication key, when it still is the one we made, or put the previous one
    /// back.
    Authkey {
        /// Where it is.
        path: PathBuf,
        /// SHA-256 of what we wrote.
        sha256: String,
        /// The previous one's name in the state directory.
        #[serde(default)]
        previous: Option<String>,
    },
    /// Have another cluster node undo what was done there.
    Peer {
        /// Which, and how it is reached.
        #[serde(flatten)]
        target: Target,
        /// What the nodes have in common; one that has left it, and other nodes since, is not the
        /// one that is meant.
        #[serde(default)]
        group: String,
    },
    /// Stop and undefine the network with this uuid.
    Network {
        /// libvirt's name of it.
        name: String,
        /// Its uuid.
        uuid: String,
    },
    /// Put forwarding back as it was before libvirt switched it on with the network.
    Forwarding {
        /// Files under /proc/sys/net/ipv4 and what was in them, in the order to write them:
        /// `ip_forward` first, since it overwrites the others.
        settings: Vec<(PathBuf, String)>,
    },
    /// Remove a control group that libvirt makes with the first container, when it is unused.
    Cgroup {
        /// Where it is.
        path: PathBuf,
    },
    /// Take our block out of /etc/hosts.
    HostsBlock {
        /// The file.
        path: PathBuf,
        /// The name in the block's markers.
        marker: String,
    },
    /// Put the previous resource agent back, or remove ours where there was none.
    Agent {
        /// Where it is installed.
        path: PathBuf,
        /// SHA-256 of what we installed, each time.
        sha256: Vec<String>,
        /// The previous one's name in the state directory.
        previous: Option<String>,
    },
    /// End a daemon of ours, known by the configuration file it was started with.
    Daemon {
        /// The program's name.
        program: String,
        /// The file.
        configuration: PathBuf,
    },
    /// Destroy (and undefine) a container's domain.
    Domain {
        /// Domain name.
        name: String,
    },
    /// Make the cluster forget a guest node.
    Node {
        /// Node name.
        name: String,
    },
    /// Stop and delete a resource of the CIB.
    Resource {
        /// XML id.
        id: String,
        /// The container it runs, if it is one's primitive.
        container: Option<String>,
    },
    /// Put a cluster property back that our commands, or what they call, change.
    Property {
        /// Its name.
        name: String,
        /// What it was, if it was set.
        previous: Option<String>,
    },
    /// Put a property of the cluster's throttling back that was raised while nodes join, unless
    /// somebody has changed it since.
    Throttle {
        /// Its name.
        name: String,
        /// XML id of the nvpair.
        nvpair: String,
        /// What we raised it to.
        raised: String,
        /// What it was, if it was set.
        previous: Option<String>,
    },
    /// Put an element of the CIB back that is otherwise while nodes join, unless somebody has
    /// changed it since.
    Joining {
        /// Its XML id.
        id: String,
        /// Finds it as it is while nodes join.
        xpath: String,
        /// What it is then; it is deleted when there is nothing.
        then: Option<String>,
    },
    /// Delete a constraint or template of the CIB.
    CibObject {
        /// XML id.
        id: String,
    },
}

/// In which order kinds are undone: what leans on another thing goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Resources, constraints and templates of the CIB.
    Cib,
    /// Node entries.
    Nodes,
    /// Cluster properties, which removing nodes can still change.
    Properties,
    /// Other nodes, which need the cluster no more, but may be needed to find it.
    Peers,
    /// Daemons on the host that could start domains again.
    Daemons,
    /// Domains.
    Domains,
    /// The network.
    Network,
    /// Kernel settings and control groups.
    Kernel,
    /// Files outside the state directory.
    Outside,
    /// Files in the state directory.
    Inside,
    /// The state directory.
    StateDir,
}

impl Undo {
    /// Its place in the order of undoing.
    pub fn rank(&self) -> Rank {
        match self {
            Undo::Resource { .. } | Undo::CibObject { .. } => Rank::Cib,
            Undo::Node { .. } => Rank::Nodes,
            Undo::Property { .. } | Undo::Throttle { .. } | Undo::Joining { .. } => {
                Rank::Properties
            }
            Undo::Peer { .. } => Rank::Peers,
            Undo::Daemon { .. } => Rank::Daemons,
            Undo::Domain { .. } => Rank::Domains,
            Undo::Network { .. } => Rank::Network,
            Undo::Forwarding { .. } | Undo::Cgroup { .. } => Rank::Kernel,
            Undo::Authkey { .. }
            | Undo::File { .. }
            | Undo::EmptyDir { .. }
            | Undo::HostsBlock { .. }
            | Undo::Agent { .. } => Rank::Outside,
            Undo::StateFile { .. } | Undo::Container { .. } => Rank::Inside,
            Undo::StateDir { .. } | Undo::OwnFiles { .. } => Rank::StateDir,
        }
    }

    /// Whether another set can come to use what this set was the first to change.
    pub fn is_shared(&self) -> bool {
        matches!(
            self,
            Undo::Forwarding { .. }
                | Undo::Cgroup { .. }
                | Undo::EmptyDir { .. }
                | Undo::Authkey { .. }
        ) || matches!(
            self,
            Undo::File {
                container: None,
                ..
            }
        )
    }

    /// The container this belongs to, if it belongs to one alone.
    pub fn container(&self) -> Option<&str> {
        match self {
            Undo::Container { name } | Undo::Domain { name } | Undo::Node { name } => Some(name),
            Undo::Resource { container, .. } | Undo::File { container, .. } => container.as_deref(),
            _ => None,
        }
    }
}

impl Record for Undo {
    fn has_identity(&self) -> bool {
        matches!(
            self,
            Undo::Authkey { .. } | Undo::Network { .. } | Undo::Agent { .. }
        )
    }

    fn key(&self) -> String {
        Undo::key(self)
    }
}

impl Undo {
    /// What it is about, the same for two records that one undo covers.
    pub fn key(&self) -> String {
        match self {
            Undo::StateDir { path, .. } => format!("state directory {}", path.display()),
            Undo::OwnFiles { path } => format!("journal and lock in {}", path.display()),
            Undo::StateFile { name } => format!("{name} in the state directory"),
            Undo::Container { name } => format!("files of container {name}"),
            Undo::EmptyDir { path } => format!("directory {}", path.display()),
            Undo::File { path, .. } => format!("file {}", path.display()),
            Undo::Authkey { path, .. } => format!("authentication key {}", path.display()),
            Undo::Peer { target, .. } => format!("what is on node {}", target.node),
            Undo::Network { name, .. } => format!("network {name}"),
            Undo::Forwarding { .. } => "the kernel's IPv4 forwarding".to_owned(),
            Undo::Cgroup { path } => format!("control group {}", path.display()),
            Undo::HostsBlock { path, marker } => format!("block {marker} of {}", path.display()),
            Undo::Agent { path, .. } => format!("resource agent {}", path.display()),
            Undo::Domain { name } => format!("domain {name}"),
            Undo::Daemon {
                program,
                configuration,
            } => format!("{program} with {}", configuration.display()),
            Undo::Node { name } => format!("node {name} of the cluster"),
            Undo::Resource { id, .. } => format!("resource {id} of the CIB"),
            Undo::Property { name, .. } => format!("cluster property {name}"),
            Undo::Throttle { name, .. } => format!("cluster property {name} as it was"),
            Undo::Joining { id, .. } => format!("{id} of the CIB while nodes join"),
            Undo::CibObject { id } => format!("{id} of the CIB"),
        }
    }
}
