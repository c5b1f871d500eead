//! The command line, as clap types only.

pub mod complete;
mod lab;
mod lab_command;
mod node;
mod set;

pub use lab::LabShape;
pub use lab_command::{GraphFormat, LabCommand, Nodes, Switch, Which};
pub use node::NodeCommand;
pub use set::{Original, Shape, Share};

use crate::context::Options;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use std::path::PathBuf;

/// The state directory when no option or variable names one.
pub const DEFAULT_STATE_DIR: &str = "/var/lib/lxc-autogen";
/// URL that `-d` fetches the agent from when no option names one (upstream's main branch).
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

/// Whether a program's name is that of the original, with any path before it.
pub fn is_original_name(name: &std::ffi::OsStr) -> bool {
    std::path::Path::new(name).file_name() == Some(std::ffi::OsStr::new(ORIGINAL_NAME))
}

/// Whether a command line, however it goes on, is one of those that run a command in a node.
pub fn is_into_a_node(args: impl IntoIterator<Item = std::ffi::OsString>) -> bool {
    let ours = args.into_iter().take_while(|arg| arg != "--");
    let words = ours.filter(|arg| !arg.to_string_lossy().starts_with('-'));
    let words: Vec<_> = words.collect();
    let is = |pair: &[std::ffi::OsString]| {
        pair[0] == "lab" && ["exec", "shell"].contains(&&*pair[1].to_string_lossy())
    };
    words.windows(2).any(is)
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
