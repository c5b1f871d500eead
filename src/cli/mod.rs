//! The command line, as clap types only.

pub mod complete;
mod lab;

pub use lab::{GraphFormat, LabCommand, LabShape};

use crate::context::Options;
use crate::spec::{Authkey, Forward, NodeKind, Sharing, Wanted};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::engine::ArgValueCandidates;
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
    /// Other cluster nodes.
    #[command(flatten)]
    pub share: Share,
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

/// The name under which Pacemaker's test suite calls this program.
pub const ORIGINAL_NAME: &str = "lxc_autogen.sh";

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
        let args: Vec<std::ffi::OsString> = args.into_iter().map(Into::into).collect();
        let as_original = args.first().is_some_and(|name| is_original_name(name));
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
        let mut cli = Cli::from_arg_matches(&matches)?;
        cli.shape.old_names = as_original && cli.shape.add_master;
        Ok(cli)
    }
}

/// Other cluster nodes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Other cluster nodes")]
pub struct Share {
    /// Do it on every cluster node, by ssh, so that the containers can run on each
    #[arg(short = 's', long)]
    pub share_configs: bool,
    /// On these cluster nodes only, besides this one (implies -s)
    #[arg(long, value_name = "NODE,…", value_delimiter = ',',
        add = ArgValueCandidates::new(complete::cluster_nodes))]
    pub nodes: Vec<String>,
    /// A further option of ssh's, as ssh_config(5) has it: Port=2222
    #[arg(long, value_name = "OPTION")]
    pub ssh_option: Vec<String>,
    /// Put this node's key in the place of another one; cleanup puts that back
    #[arg(long)]
    pub replace_authkey: bool,
}

impl Share {
    /// The same as plain values.
    pub fn sharing(&self) -> Sharing {
        Sharing {
            every: self.share_configs,
            nodes: self.nodes.clone(),
            ssh_options: self.ssh_option.clone(),
            replace_authkey: self.replace_authkey,
        }
    }
}

/// Whether a program's name is that of the original, with any path before it.
pub fn is_original_name(name: &std::ffi::OsStr) -> bool {
    std::path::Path::new(name).file_name() == Some(std::ffi::OsStr::new(ORIGINAL_NAME))
}

/// What the containers are like. What is left out comes from the set in the state directory.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Containers")]
pub struct Shape {
    /// How many containers, 1 to 60000 [default: as many as there are, or 2]
    #[arg(short = 'c', long, value_name = "N")]
    pub containers: Option<u32>,
    /// What they are to the cluster: guest nodes, which it runs, or remote nodes, which run on their
    /// own [default: guest]
    #[arg(long, value_enum, value_name = "KIND")]
    pub kind: Option<NodeKind>,
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
    /// Seconds between two monitors of a container [default: 20, or 2 per container]
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
    /// Not an option: under the name of lxc_autogen.sh, -m gives the clone's primitive the name that
    /// Pacemaker's test waits for.
    #[arg(skip)]
    pub old_names: bool,
}

impl Shape {
    /// The same as plain values.
    pub fn wanted(&self) -> Wanted {
        let it = self.clone();
        Wanted {
            containers: it.containers,
            kind: it.kind,
            network: it.network,
            forward: it.forward,
            allow_anywhere: it.allow_anywhere,
            clone: it.add_clone || it.add_master,
            prefix: it.prefix,
            memory: it.memory,
            shm: it.shm,
            monitor_interval: it.monitor_interval,
            authkey: it.authkey,
            base: it.base,
            remoted: it.remoted,
            hosts: it.hosts,
            allow_mounts: it.allow_mounts,
            old_names: it.old_names,
        }
    }
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

impl Common {
    /// The same as plain values.
    pub fn options(&self) -> Options {
        Options {
            dry_run: self.dry_run,
            force: self.force,
            quiet: self.quiet,
            verbose: self.verbose,
            json: self.json,
        }
    }
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
    /// A whole cluster on this machine: cluster nodes, remote nodes and guest nodes
    Lab {
        /// What to do.
        #[command(subcommand)]
        command: LabCommand,
    },
    /// Becomes a command in the control groups of a process.
    #[command(hide = true)]
    NodeEnter {
        /// The process.
        pid: u32,
        /// The command.
        #[arg(required = true, last = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// PID 1 of a lab's cluster node.
    #[command(hide = true)]
    NodeInit {
        /// The node's configuration.
        #[arg(default_value = crate::supervisor::CONFIG)]
        config: PathBuf,
    },
    /// Keeps libvirt_lxc out of the groups of a lab's nodes.
    #[command(hide = true)]
    NodeGroups {
        /// The list of domains.
        list: PathBuf,
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
