//! The command line, as clap types only.

mod command;
pub mod complete;
mod hints;
mod lab;
mod lab_command;
mod mistake;
mod node;
mod set;

pub use command::Command;
pub use lab::LabShape;
pub use lab_command::{GraphFormat, LabCommand, Nodes, Switch, Which};
pub use mistake::asks_for_json;
pub use node::NodeCommand;
pub use set::{Original, Shape, Share};

use crate::context::Options;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser};
use std::path::PathBuf;

/// The state directory when no option or variable names one.
pub const DEFAULT_STATE_DIR: &str = "/var/lib/lxc-autogen";
/// URL that `-d` fetches the agent from when no option names one (upstream's main branch).
pub const DEFAULT_AGENT_URL: &str =
    "https://raw.githubusercontent.com/ClusterLabs/resource-agents/main/heartbeat/VirtualDomain";

/// Makes Pacemaker clusters of libvirt-LXC containers on this machine: whole ones (lab), or guest
/// and remote nodes for the cluster that runs here (up); takes them away again without a trace.
#[derive(Debug, Parser)]
#[command(
    name = "lxc-autogen",
    version,
    after_help = "Examples:\n  \
        lxc-autogen lab up                        a whole cluster: three nodes, two guest nodes\n  \
        lxc-autogen lab exec node1 -- crm_mon -1  a command in one of them\n  \
        lxc-autogen lab down                      the host as it was\n  \
        lxc-autogen up -c 8                       eight guest nodes on the cluster that runs here\n  \
        lxc-autogen up -c 8 --kind remote         remote nodes in place of them\n  \
        lxc-autogen status                        where they are\n  \
        lxc-autogen cleanup                       the host as it was\n  \
        lxc-autogen -g -a -C -c 2                 guest nodes, by lxc_autogen.sh's options\n\n\
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
    /// A command line that was refused, as an error of ours; `args` as for [`Cli::parse_all`].
    pub fn mistake(error: &clap::Error, args: &[std::ffi::OsString]) -> crate::error::Error {
        mistake::explain(error, args)
    }

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
    // Behind the program's name; `lab`, or an option's value, may come before it.
    let command = words.iter().skip(1).take(2);
    command
        .map(|word| word.to_string_lossy())
        .any(|word| word == "exec" || word == "shell")
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
    /// Where another run is at work, wait for it this long
    #[arg(long, value_name = "SECONDS", global = true)]
    pub wait: Option<u64>,
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
            wait: self.wait,
            only_looks: false,
        }
    }
}
