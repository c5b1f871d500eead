//! The commands for sets of guest and remote nodes, and those that have nothing to do with either.

use super::{DEFAULT_AGENT_URL, LabCommand, NodeCommand, Shape, Share, complete};
use clap::Subcommand;
use clap_complete::engine::ArgValueCandidates;
use std::path::PathBuf;

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A whole cluster on this machine: cluster nodes, remote nodes and guest nodes
    #[command(
        after_help = "Examples:\n  lxc-autogen lab up\n  lxc-autogen lab exec node1 -- crm_mon -1\n  \
        lxc-autogen lab down"
    )]
    Lab {
        /// What to do.
        #[command(subcommand)]
        command: LabCommand,
    },
    /// Make the key, the network and the containers' files
    #[command(after_help = "Examples:\n  lxc-autogen generate -c 8\n  \
        lxc-autogen generate -c 300 -n 10.40.0.1/16 --dry-run")]
    Generate {
        /// What the containers are like.
        #[command(flatten)]
        shape: Shape,
        /// Other cluster nodes.
        #[command(flatten)]
        share: Share,
    },
    /// Generate, add to the CIB, and wait until every node is online; also grows and shrinks
    #[command(after_help = "Examples:\n  lxc-autogen up -c 8\n  \
        lxc-autogen up -c 12    four more, the eight keep running\n  \
        lxc-autogen up -c 5     lxc6 to lxc12 are stopped and removed\n  \
        lxc-autogen up -c 8 --kind remote    remote nodes, whose containers the cluster does not run\n  \
        lxc-autogen up -c 8 -s -A    on every cluster node, and free to run on each\n  \
        lxc-autogen up -c 3 --prefix qa --state-dir /var/lib/lxc-autogen-qa")]
    Up {
        /// What the containers are like.
        #[command(flatten)]
        shape: Shape,
        /// Other cluster nodes.
        #[command(flatten)]
        share: Share,
        /// Seconds to wait for all nodes to be online [default: 90, and 2 more per container]
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
        /// Leave the cluster's throttling as it is while the nodes join (slower)
        #[arg(long)]
        gentle: bool,
        /// Keep the cluster's other resources off the nodes, by a constraint for each; cleanup takes
        /// them away
        #[arg(long)]
        keep_mine: bool,
        /// Give nodes back to the cluster that somebody has disabled, unmanaged or banned, or removed
        #[arg(long, value_name = "NODE,…", value_delimiter = ',',
            add = ArgValueCandidates::new(complete::set_nodes))]
        enable: Vec<String>,
        /// Cluster nodes where containers new to the cluster run already, in turn (labs)
        #[arg(long, value_name = "NODE,…", value_delimiter = ',', hide = true)]
        placed: Vec<String>,
    },
    /// Stop and remove everything, and put the host back as it was
    #[command(after_help = "Examples:\n  lxc-autogen cleanup\n  \
        lxc-autogen cleanup --dry-run    what it would take away\n  \
        lxc-autogen cleanup --force      although the cluster is down\n  \
        lxc-autogen cleanup --forget n3  although node n3 is gone for good")]
    Cleanup {
        /// Other cluster nodes.
        #[command(flatten)]
        share: Share,
        /// A cluster node that will not come back: what is on it is given up
        #[arg(long, value_name = "NODE,…", value_delimiter = ',',
        add = ArgValueCandidates::new(complete::cluster_nodes))]
        forget: Vec<String>,
    },
    /// Show every node: domain, address, state in libvirt and in Pacemaker
    #[command(after_help = "Examples:\n  lxc-autogen status\n  lxc-autogen status --json")]
    Status,
    /// Run a command in a node; its exit status is passed on
    #[command(after_help = "Examples:\n  lxc-autogen exec lxc1 -- ip address\n  \
        lxc-autogen exec 'lxc*' -- uptime    in all nodes of such a name, side by side")]
    Exec {
        /// lxc1; with * ? [] several
        #[arg(add = ArgValueCandidates::new(complete::set_nodes))]
        node: String,
        /// The command
        #[arg(required = true, last = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// A shell in a node
    #[command(after_help = "Example:\n  lxc-autogen shell lxc1")]
    Shell {
        /// As of exec
        #[arg(add = ArgValueCandidates::new(complete::set_nodes))]
        node: String,
    },
    /// Remove single nodes, also out of the middle; the set remembers the gap
    #[command(after_help = "Examples:\n  lxc-autogen remove lxc2\n  \
        lxc-autogen up --enable lxc2    it is made again")]
    Remove {
        /// Names of nodes
        #[arg(required = true, add = ArgValueCandidates::new(complete::set_nodes))]
        nodes: Vec<String>,
    },
    /// Restart nodes, one after the other, each online before the next
    #[command(after_help = "Examples:\n  lxc-autogen restart lxc2\n  \
        lxc-autogen restart 'lxc*'")]
    Restart {
        /// As of exec
        #[arg(required = true, add = ArgValueCandidates::new(complete::set_nodes))]
        nodes: Vec<String>,
    },
    /// Check whether this host can do it, and say what to mend
    #[command(after_help = "Examples:\n  lxc-autogen verify\n  \
        lxc-autogen verify -c 200 --quick --json")]
    Verify {
        /// What the containers are like.
        #[command(flatten)]
        shape: Shape,
        /// Do not start a throw-away container
        #[arg(long)]
        quick: bool,
    },
    /// Make /etc/pacemaker/authkey when there is none; cleanup removes one that was made
    #[command(after_help = "Example:\n  lxc-autogen key-gen")]
    KeyGen {
        /// Other cluster nodes.
        #[command(flatten)]
        share: Share,
    },
    /// What runs in and for a lab's nodes.
    #[command(flatten)]
    Node(NodeCommand),
    /// Write down what this machine looks like, or show what is different from then
    #[command(after_help = "Examples:\n  lxc-autogen snapshot -o before\n  \
        lxc-autogen up -c 8 && lxc-autogen cleanup\n  \
        lxc-autogen snapshot --compare before    is anything left?")]
    #[command(group = clap::ArgGroup::new("which").required(true).args(["output", "compare"]))]
    Snapshot {
        /// Write it to FILE, or to standard output for -
        #[arg(short = 'o', value_name = "FILE")]
        output: Option<PathBuf>,
        /// Look again, and show what is different from FILE
        #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "files", "ignore"])]
        compare: Option<PathBuf>,
        /// Look at the files below these paths, in place of the usual ones
        #[arg(long, value_name = "PATH,…", value_delimiter = ',')]
        files: Vec<PathBuf>,
        /// Of the files, leave out these; a * may stand for a part of a name
        #[arg(long, value_name = "PATH,…", value_delimiter = ',')]
        ignore: Vec<PathBuf>,
    },
    /// Fetch and install the newest VirtualDomain agent; cleanup puts the previous one back
    #[command(after_help = "Example:\n  lxc-autogen download-agent")]
    DownloadAgent {
        /// Where to fetch it from
        #[arg(long, value_name = "URL", default_value = DEFAULT_AGENT_URL, hide_default_value = true)]
        agent_url: String,
        /// Other cluster nodes.
        #[command(flatten)]
        share: Share,
    },
    /// Print the completion script of a shell
    #[command(after_help = "Examples:\n  \
        lxc-autogen completions bash > /etc/bash_completion.d/lxc-autogen\n  \
        source <(lxc-autogen completions zsh)")]
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: complete::Shell,
    },
    /// Answers another cluster node's lxc-autogen, over ssh.
    #[command(hide = true)]
    Realise {
        /// This node's name, as the other knows it.
        node: String,
    },
}
