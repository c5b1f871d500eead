//! The command line, as clap types only.

use crate::spec::{Authkey, Forward};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use serde::Deserialize;
use std::path::PathBuf;

/// Where everything is kept when nothing else is said.
pub const DEFAULT_STATE_DIR: &str = "/var/lib/lxc-autogen";
/// Where `-d` finds the agent when nothing else is said (upstream's main branch).
pub const DEFAULT_AGENT_URL: &str =
    "https://raw.githubusercontent.com/ClusterLabs/resource-agents/main/heartbeat/VirtualDomain";

/// Makes libvirt-LXC containers and joins them to the Pacemaker cluster that runs here, as guest
/// nodes; takes them away again without a trace.
#[derive(Debug, Parser)]
#[command(
    name = "lxc-autogen",
    version,
    after_help = "Examples:\n  \
        lxc-autogen up -c 8          eight guest nodes, online when it returns\n  \
        lxc-autogen status           where they are\n  \
        lxc-autogen cleanup          the host as it was\n  \
        lxc-autogen -g -a -C -c 2    the same, by lxc_autogen.sh's options\n\n\
        See lxc-autogen(8)."
)]
pub struct Cli {
    /// A subcommand; without one, the options of lxc_autogen.sh count.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of lxc_autogen.sh.
    #[command(flatten)]
    pub original: Original,
    /// What the containers are like.
    #[command(flatten)]
    pub shape: Shape,
    /// Options that every command has.
    #[command(flatten)]
    pub common: Common,
}

/// The original's actions. Several may be given; they are carried out in the original's order.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Actions (those of lxc_autogen.sh, combinable)")]
pub struct Original {
    /// Make the key, the network and the containers' files (implied by --containers alone)
    #[arg(short = 'g', long)]
    pub generate: bool,
    /// Make /etc/pacemaker/authkey when there is none
    #[arg(short = 'k', long)]
    pub key_gen: bool,
    /// Put one primitive per container into the CIB, each a guest node
    #[arg(short = 'a', long)]
    pub add_cib: bool,
    /// Do it on every cluster node (not built yet)
    #[arg(short = 's', long)]
    pub share_configs: bool,
    /// Take out of the CIB what -a and -C put in, and forget the nodes
    #[arg(short = 'p', long)]
    pub restore_cib: bool,
    /// Destroy the containers, remove the hosts lines and the network
    #[arg(short = 'r', long)]
    pub restore_libvirt: bool,
    /// -p and -r, and remove every file that was made
    #[arg(short = 'R', long, visible_alias = "cleanup")]
    pub restore_all: bool,
    /// Fetch and install the newest VirtualDomain agent
    #[arg(short = 'd', long)]
    pub download_agent: bool,
    /// Where -d fetches the agent from
    #[arg(long, value_name = "URL", default_value = DEFAULT_AGENT_URL, hide_default_value = true)]
    pub agent_url: String,
    /// Check whether this host can run libvirt-LXC containers as guest nodes
    #[arg(short = 'v', long)]
    pub verify: bool,
}

impl Cli {
    /// Parses, and refuses the original's options in front of a subcommand, where they would be
    /// taken for the subcommand's and are not.
    ///
    /// # Errors
    /// clap's own error, which also stands for --help and --version.
    pub fn parse_all<I, T>(args: I) -> Result<Cli, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        let matches = Cli::command().try_get_matches_from(args)?;
        if let Some(name) = matches.subcommand_name() {
            let mut command = Cli::command();
            let typed =
                |id: &str| matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
            let misplaced = command
                .get_arguments()
                .filter(|a| !a.is_global_set())
                .find(|a| typed(a.get_id().as_str()))
                .and_then(|a| a.get_long().map(str::to_owned));
            if let Some(long) = misplaced {
                let kind = clap::error::ErrorKind::ArgumentConflict;
                let text = format!(
                    "--{long} cannot be used in front of '{name}'; what {name} knows stands behind it"
                );
                return Err(command.error(kind, text));
            }
        }
        Cli::from_arg_matches(&matches)
    }
}

/// What the containers are like. What is left out comes from the set in the state directory.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Containers")]
pub struct Shape {
    /// How many containers, 1 to 60000 [default: as many as there are, or 2]
    #[arg(short = 'c', long, value_name = "N")]
    pub containers: Option<u32>,
    /// The network; without a prefix the first three octets count [default: 192.168.123.1]
    #[arg(short = 'n', long, value_name = "ADDR[/PREFIX]")]
    pub network: Option<String>,
    /// How packets leave the network [default: open]
    #[arg(long, value_enum, value_name = "MODE")]
    pub forward: Option<Forward>,
    /// No preference for this cluster node
    #[arg(short = 'A', long)]
    pub allow_anywhere: bool,
    /// Add a promotable clone of ocf:pacemaker:Stateful on the containers
    #[arg(short = 'C', long)]
    pub add_clone: bool,
    /// Deprecated: use -C
    #[arg(short = 'm', long)]
    pub add_master: bool,
    /// What names begin with: nodes PREFIX1, PREFIX2 … [default: lxc]
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Memory limit of each container, in MiB [default: 196]
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u32>,
    /// Size of each container's /dev/shm, in MiB [default: 147]
    #[arg(long, value_name = "MIB")]
    pub shm: Option<u32>,
    /// Seconds between two monitors of a container [default: 20, or one per container]
    #[arg(long, value_name = "SECONDS")]
    pub monitor_interval: Option<u32>,
    /// How the containers get the authentication key [default: bind]
    #[arg(long, value_enum, value_name = "MODE")]
    pub authkey: Option<Authkey>,
    /// Use the /usr of this tree instead of the host's, read-only
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// Use this pacemaker-remoted
    #[arg(long, value_name = "PATH", env = "LXC_AUTOGEN_REMOTED")]
    pub remoted: Option<PathBuf>,
    /// Add the names to /etc/hosts, in a marked block
    #[arg(long)]
    pub hosts: bool,
    /// Leave CAP_SYS_ADMIN to the containers, so that agents can mount (less safe)
    #[arg(long)]
    pub allow_mounts: bool,
}

impl Shape {
    /// Whether the promotable clone is asked for, by either name.
    pub fn wants_clone(&self) -> bool {
        self.add_clone || self.add_master
    }
}

/// What a lab is like. What is left out comes from the lab that is there, or else has the default.
/// The same names are the keys of a file for `-f`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Lab")]
pub struct LabShape {
    /// The lab's name: nodes are NAME-node1 …, NAME-remote1 … [default: lab]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How many cluster nodes, 1 to 32 [default: 3]
    #[arg(long, value_name = "N")]
    pub cluster_nodes: Option<u32>,
    /// How many remote nodes [default: 0]
    #[arg(long, value_name = "N")]
    pub remote_nodes: Option<u32>,
    /// How many guest nodes [default: 2]
    #[arg(short = 'c', long, value_name = "N")]
    pub containers: Option<u32>,
    /// Read the lab from a TOML file; options given besides count more
    #[arg(short = 'f', long, value_name = "FILE")]
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The lab's network [default: the first free one from 172.31.200.0/24]
    #[arg(short = 'n', long, value_name = "ADDR[/PREFIX]")]
    pub network: Option<String>,
    /// Whether nodes are fenced [default: true]
    #[arg(long, value_name = "BOOL")]
    pub fencing: Option<bool>,
    /// Run sshd in the cluster nodes; root may go from node to node
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub ssh: Option<bool>,
    /// Memory limit of a cluster node with its guests, in MiB [default: 2048]
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u32>,
    /// Memory limit of each guest and remote node, in MiB [default: 196]
    #[arg(long, value_name = "MIB")]
    pub guest_memory: Option<u32>,
    /// Show this directory of the host in the cluster nodes, at the same place, read-only; repeatable
    #[arg(long, value_name = "DIR")]
    pub share: Option<Vec<PathBuf>>,
    /// Use the /usr of this tree instead of the host's, read-only
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// Use this pacemaker-remoted
    #[arg(long, value_name = "PATH", env = "LXC_AUTOGEN_REMOTED")]
    pub remoted: Option<PathBuf>,
}

impl LabShape {
    /// What is said here, and for the rest what is said there.
    pub fn or(self, other: LabShape) -> LabShape {
        LabShape {
            name: self.name.or(other.name),
            cluster_nodes: self.cluster_nodes.or(other.cluster_nodes),
            remote_nodes: self.remote_nodes.or(other.remote_nodes),
            containers: self.containers.or(other.containers),
            file: self.file.or(other.file),
            network: self.network.or(other.network),
            fencing: self.fencing.or(other.fencing),
            ssh: self.ssh.or(other.ssh),
            memory: self.memory.or(other.memory),
            guest_memory: self.guest_memory.or(other.guest_memory),
            share: self.share.or(other.share),
            base: self.base.or(other.base),
            remoted: self.remoted.or(other.remoted),
        }
    }
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
        /// Seconds to wait for the nodes [default: 90, 10 per cluster node, 2 per remote node]
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
    },
    /// Take a lab away, and put the host back as it was
    #[command(after_help = "Examples:\n  lxc-autogen lab down\n  \
        lxc-autogen lab down --name qa\n  lxc-autogen lab down --all")]
    Down {
        /// Which lab [default: lab]
        #[arg(long, value_name = "NAME", conflicts_with = "all")]
        name: Option<String>,
        /// Every lab beside this state directory
        #[arg(long)]
        all: bool,
    },
    /// Show a lab: cluster nodes with the guests on them, remote nodes
    #[command(after_help = "Examples:\n  lxc-autogen lab status\n  \
        lxc-autogen lab status --name qa --json")]
    Status {
        /// Which lab [default: lab]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Show all labs
    #[command(after_help = "Example:\n  lxc-autogen lab list")]
    List,
    /// Run a command in a node; its exit status is passed on
    #[command(
        after_help = "Examples:\n  lxc-autogen lab exec node1 -- crm_mon -1\n  \
        lxc-autogen lab exec qa/node2 -- virsh -c lxc:/// list\n  \
        lxc-autogen lab exec lxc1 -- ip address    in a guest node, wherever it runs"
    )]
    Exec {
        /// node1, lab-node1, remote1, a guest node, or LAB/NODE
        node: String,
        /// The command
        #[arg(required = true, last = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// A shell in a node
    #[command(after_help = "Example:\n  lxc-autogen lab shell node1")]
    Shell {
        /// As of exec
        node: String,
    },
    /// Print a picture of a lab
    #[command(after_help = "Examples:\n  lxc-autogen lab graph > lab.svg\n  \
        lxc-autogen lab graph --format mermaid")]
    Graph {
        /// Which lab [default: lab]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// What to print
        #[arg(long, value_enum, value_name = "FORMAT", default_value = "svg")]
        format: GraphFormat,
    },
}

/// Options that every command has.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "General")]
pub struct Common {
    /// Where files and journal are kept
    #[arg(
        long,
        value_name = "DIR",
        env = "LXC_AUTOGEN_STATE_DIR",
        default_value = DEFAULT_STATE_DIR,
        global = true
    )]
    pub state_dir: PathBuf,
    /// Print what would be done and the XML, and change nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Go on where the cluster cannot be asked; what it keeps is reported
    #[arg(long, global = true)]
    pub force: bool,
    /// No progress, errors only
    #[arg(long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print every program that is run
    #[arg(long, global = true, action = ArgAction::SetTrue)]
    pub verbose: bool,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the key, the network and the containers' files
    #[command(after_help = "Examples:\n  lxc-autogen generate -c 8\n  \
        lxc-autogen generate -c 300 -n 10.40.0.1/16 --dry-run")]
    Generate {
        /// What the containers are like.
        #[command(flatten)]
        shape: Shape,
    },
    /// Generate, add to the CIB, and wait until every node is online; also grows and shrinks
    #[command(after_help = "Examples:\n  lxc-autogen up -c 8\n  \
        lxc-autogen up -c 12    four more, the eight keep running\n  \
        lxc-autogen up -c 5     lxc6 to lxc12 are stopped and removed\n  \
        lxc-autogen up -c 3 --prefix qa --state-dir /var/lib/lxc-autogen-qa")]
    Up {
        /// What the containers are like.
        #[command(flatten)]
        shape: Shape,
        /// Seconds to wait for all nodes to be online [default: 60, and 2 more per container]
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
        /// Leave the cluster's throttling as it is while the nodes join (slower)
        #[arg(long)]
        gentle: bool,
    },
    /// Stop and remove everything, and put the host back as it was
    #[command(after_help = "Examples:\n  lxc-autogen cleanup\n  \
        lxc-autogen cleanup --dry-run    what it would take away\n  \
        lxc-autogen cleanup --force      although the cluster is down")]
    Cleanup,
    /// Show every node: domain, address, state in libvirt and in Pacemaker
    #[command(after_help = "Examples:\n  lxc-autogen status\n  lxc-autogen status --json")]
    Status,
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
    KeyGen,
    /// A whole cluster on this machine: cluster nodes, remote nodes and guest nodes
    Lab {
        /// What to do.
        #[command(subcommand)]
        command: LabCommand,
    },
    /// PID 1 of a lab's cluster node.
    #[command(hide = true)]
    NodeInit {
        /// The node's configuration.
        #[arg(default_value = crate::supervisor::CONFIG)]
        config: PathBuf,
    },
    /// Fetch and install the newest VirtualDomain agent; cleanup puts the previous one back
    #[command(after_help = "Example:\n  lxc-autogen download-agent")]
    DownloadAgent {
        /// Where to fetch it from
        #[arg(long, value_name = "URL", default_value = DEFAULT_AGENT_URL, hide_default_value = true)]
        agent_url: String,
    },
}
