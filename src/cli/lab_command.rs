//! The commands of `lab`.

use super::complete;
use super::lab::LabShape;
use clap::{Args, Subcommand, ValueEnum};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};
use std::path::PathBuf;

/// Which lab a command is about.
#[derive(Debug, Clone, Default, Args)]
pub struct Which {
    /// Which lab [default: lab]
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(complete::labs))]
    pub name: Option<String>,
    /// The lab that this file of lab up makes, by its key name
    #[arg(short = 'f', long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Nodes of labs.
#[derive(Debug, Clone, Args)]
pub struct Nodes {
    /// As of exec; with * ? [] several, and several may be named
    #[arg(value_name = "NODE", required = true, num_args = 1..,
        add = ArgValueCandidates::new(complete::nodes))]
    pub nodes: Vec<String>,
    /// Which lab.
    #[command(flatten)]
    pub which: Which,
}

/// Whether something is to be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// As the lab was made.
    On,
    /// Not for now.
    Off,
}

/// What `lab graph` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// A picture.
    Svg,
    /// For Graphviz.
    Dot,
    /// For Markdown.
    Mermaid,
}

/// Subcommands of `lab`.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Make a lab, or change the one that is there; every node is online when it returns
    #[command(after_help = "Examples:\n  lxc-autogen lab up\n  \
        lxc-autogen lab up --cluster-nodes 5 --remote-nodes 2 -c 8\n  \
        lxc-autogen lab up --name qa -f qa.toml")]
    Up {
        /// What it is like.
        #[command(flatten)]
        shape: LabShape,
    },
    /// Take a lab away, and put the host back as it was
    #[command(after_help = "Examples:\n  lxc-autogen lab down\n  \
        lxc-autogen lab down -f qa.toml\n  lxc-autogen lab down --all\n  \
        lxc-autogen lab down --if-exists    at the beginning of a script")]
    Down {
        /// Which lab.
        #[command(flatten)]
        which: Which,
        /// Every lab beside this state directory
        #[arg(long, conflicts_with_all = ["name", "file"])]
        all: bool,
        /// Succeed where there is no such lab
        #[arg(long)]
        if_exists: bool,
    },
    /// Check whether this host can take a lab, and say what to mend; no cluster need run here
    #[command(after_help = "Examples:\n  lxc-autogen lab verify\n  \
        lxc-autogen lab verify --cluster-nodes 5 --sbd --shared-disk 8 --quick --json")]
    Verify {
        /// What it is to be like.
        #[command(flatten)]
        shape: LabShape,
        /// Do not start a throw-away container
        #[arg(long)]
        quick: bool,
    },
    /// Show a lab: cluster nodes with the guests on them, remote nodes
    #[command(after_help = "Examples:\n  lxc-autogen lab status\n  \
        lxc-autogen lab status --name qa --json\n  lxc-autogen lab status --all")]
    Status {
        /// Which lab.
        #[command(flatten)]
        which: Which,
        /// Every lab beside this state directory, one after the other
        #[arg(long, conflicts_with_all = ["name", "file"])]
        all: bool,
    },
    /// Show all labs
    #[command(after_help = "Example:\n  lxc-autogen lab list")]
    List,
    /// Run a command in a node; its exit status is passed on
    #[command(
        after_help = "Examples:\n  lxc-autogen lab exec node1 -- crm_mon -1\n  \
        lxc-autogen lab exec qa/node2 -- virsh -c lxc:/// list\n  \
        lxc-autogen lab exec lxc1 -- ip address    in a guest node, wherever it runs\n  \
        lxc-autogen lab exec 'node*' -- crm_node -q    in all nodes of such a name, side by side\n  \
        lxc-autogen lab exec -f qa.toml --all -- uptime    in all nodes of the lab of that file"
    )]
    Exec {
        /// node1, lab-node1, remote1, a guest node, or LAB/NODE; with * ? [] several
        #[arg(add = ArgValueCandidates::new(complete::nodes), required_unless_present = "all")]
        node: Option<String>,
        /// In all nodes of the lab: cluster nodes, remote nodes, the qnetd node and guest nodes
        #[arg(long, conflicts_with = "node")]
        all: bool,
        /// Which lab.
        #[command(flatten)]
        which: Which,
        /// The command
        #[arg(required = true, last = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// A shell in a node
    #[command(after_help = "Example:\n  lxc-autogen lab shell node1")]
    Shell {
        /// As of exec
        #[arg(add = ArgValueCandidates::new(complete::nodes))]
        node: String,
        /// Which lab.
        #[command(flatten)]
        which: Which,
    },
    /// Stop nodes in good order: Pacemaker first, so that nobody fences them, then their containers
    #[command(
        after_help = "Examples:\n  lxc-autogen lab stop node2    lab start node2 or lab up starts it again\n  \
        lxc-autogen lab stop 'qa/*'    a whole lab, which keeps its files"
    )]
    Stop(Nodes),
    /// Start nodes that are off, and wait until they are online
    #[command(after_help = "Examples:\n  lxc-autogen lab start node2 remote1\n  \
        lxc-autogen lab start '*'")]
    Start(Nodes),
    /// Stop nodes and start them again, cluster nodes one after the other
    #[command(after_help = "Examples:\n  lxc-autogen lab restart node2\n  \
        lxc-autogen lab restart lxc1    a guest node, by the cluster")]
    Restart(Nodes),
    /// Pull the plug of nodes: nothing in them can say goodbye, and the cluster does as it will
    #[command(after_help = "Examples:\n  lxc-autogen lab kill node3\n  \
        lxc-autogen lab kill lxc1")]
    Kill(Nodes),
    /// Switch fencing off for a while, or on again
    #[command(
        after_help = "Examples:\n  lxc-autogen lab fencing off    until lab fencing on, or the next lab up\n  \
        lxc-autogen lab fencing on --name qa"
    )]
    Fencing {
        /// on or off
        #[arg(value_enum, hide_possible_values = true)]
        switch: Switch,
        /// Which lab.
        #[command(flatten)]
        which: Which,
    },
    /// Copy a file or directory into a node, or out of it
    #[command(
        after_help = "Examples:\n  lxc-autogen lab cp agent.sh node1:/usr/local/sbin/\n  \
        lxc-autogen lab cp qa/node2:/var/log/pacemaker .    a directory, with all that is in it\n  \
        lxc-autogen lab cp lxc1:/etc/hosts hosts.lxc1    out of a guest node"
    )]
    Cp {
        /// PATH on this host, or NODE:PATH with a node as of exec; just one of both is in a node
        #[arg(add = ArgValueCompleter::new(complete::places))]
        source: std::ffi::OsString,
        /// The same; into a directory that is there, or else the new name
        #[arg(add = ArgValueCompleter::new(complete::places))]
        target: std::ffi::OsString,
        /// Which lab.
        #[command(flatten)]
        which: Which,
    },
    /// Print a configuration with which ssh reaches the nodes from this host
    #[command(
        after_help = "Examples:\n  lxc-autogen lab ssh-config > lab.ssh    then: ssh -F lab.ssh node1\n  \
        lxc-autogen lab ssh-config --name qa --json"
    )]
    SshConfig {
        /// Which lab.
        #[command(flatten)]
        which: Which,
    },
    /// Print an inventory for Ansible of the nodes that ssh reaches, in YAML
    #[command(
        after_help = "Example:\n  lxc-autogen lab inventory > lab.yml    then: ansible -i lab.yml all -m ping"
    )]
    Inventory {
        /// Which lab.
        #[command(flatten)]
        which: Which,
    },
    /// Print a picture of a lab
    #[command(after_help = "Examples:\n  lxc-autogen lab graph > lab.svg\n  \
        lxc-autogen lab graph --format mermaid")]
    Graph {
        /// Which lab.
        #[command(flatten)]
        which: Which,
        /// What to print
        #[arg(long, value_enum, value_name = "FORMAT", default_value = "svg")]
        format: GraphFormat,
    },
}
