//! The verbs. Each is a paragraph: parse, one look, plan, do, report. None uses another; this file
//! has the order in which several are carried out.

mod add;
mod agent;
mod cleanup;
mod compat;
mod exec;
mod generate;
mod key_gen;
mod lab;
mod restart;
mod snapshot;
mod status;
mod up;
mod verify;
mod version;

pub use version::run as version;

use crate::cli::{Cli, Command, LabCommand, NodeCommand, Nodes, Which};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::machine::enter::not_entered;
use crate::pacemaker::config::Part;
use crate::set::easing::Manner;
use crate::spec::{Scope, Sharing, Wanted};
use crate::state::check_path;
use lab::power::Verb as Power;

/// One verb for a set, with its options, whether a subcommand or an option asked for it.
#[derive(Debug)]
enum Verb {
    Verify {
        wanted: Wanted,
        quick: bool,
    },
    DownloadAgent {
        url: String,
        sharing: Sharing,
    },
    KeyGen {
        sharing: Sharing,
    },
    Generate {
        wanted: Wanted,
        sharing: Sharing,
        part: Option<Part>,
    },
    Add {
        wanted: Wanted,
        part: Part,
    },
    Up {
        wanted: Wanted,
        sharing: Sharing,
        timeout: Option<u64>,
        manner: Manner,
    },
    Cleanup {
        scope: Scope,
        sharing: Sharing,
        forget: Vec<String>,
    },
}

/// Carries out a parsed command line.
///
/// # Errors
/// The first failure; its kind is the exit status.
pub fn run(cli: Cli) -> Result<()> {
    let state_dir = check_path(&cli.common.state_dir)?;
    let context = Context::new(cli.common.options(), state_dir);
    let result = carry_out(&context, cli);
    if context.options.verbose {
        crate::report::say(crate::report::used());
    }
    result
}

fn carry_out(context: &Context, cli: Cli) -> Result<()> {
    let verb = match cli.command {
        None => {
            let sharing = cli.share.sharing();
            let verbs = compat::verbs(context, &cli.original, &cli.shape, &sharing)?;
            return verbs.into_iter().try_for_each(|verb| one(context, verb));
        }
        Some(Command::Exec { node, command }) => return exec::run(context, &node, &command),
        Some(Command::Shell { node }) => return exec::shell(context, &node),
        Some(Command::Restart { nodes }) => return restart::run(context, &nodes),
        Some(Command::Status) => return status::run(&context.only_looking()),
        Some(Command::Lab { command }) => return in_lab(context, &command),
        Some(Command::Node(command)) => return for_a_node(context, command),
        Some(Command::Completions { shell }) => {
            let text = crate::cli::complete::script(shell)
                .map_err(|e| Error::failed(format!("no completion script: {e}")))?;
            crate::report::result(text);
            return Ok(());
        }
        Some(Command::Snapshot {
            output,
            compare,
            files,
            ignore,
        }) => {
            return match (output, compare) {
                (Some(output), _) => snapshot::take(context, &output, &files, &ignore),
                (None, Some(file)) => snapshot::compare(context, &file),
                // clap has refused this case.
                (None, None) => Ok(()),
            };
        }
        Some(Command::Realise { node }) => return crate::share::serve(context, node),
        Some(Command::Generate { shape, share }) => Verb::Generate {
            wanted: shape.wanted(),
            sharing: share.sharing(),
            part: None,
        },
        Some(Command::Up {
            shape,
            share,
            timeout,
            gentle,
            keep_mine,
            enable,
            placed,
        }) => Verb::Up {
            wanted: Wanted {
                enable: enable.clone(),
                ..shape.wanted()
            },
            sharing: share.sharing(),
            timeout,
            manner: Manner {
                gentle,
                placed,
                keep_mine,
                enable,
            },
        },
        Some(Command::Remove { nodes }) => Verb::Up {
            wanted: Wanted {
                remove: nodes,
                ..Wanted::default()
            },
            sharing: Sharing::default(),
            timeout: None,
            manner: Manner::default(),
        },
        Some(Command::Cleanup { share, forget }) => Verb::Cleanup {
            scope: Scope::All,
            sharing: share.sharing(),
            forget,
        },
        Some(Command::Verify { shape, quick }) => Verb::Verify {
            wanted: shape.wanted(),
            quick,
        },
        Some(Command::KeyGen { share }) => Verb::KeyGen {
            sharing: share.sharing(),
        },
        Some(Command::DownloadAgent { agent_url, share }) => Verb::DownloadAgent {
            url: agent_url,
            sharing: share.sharing(),
        },
    };
    one(context, verb)
}

fn for_a_node(context: &Context, command: NodeCommand) -> Result<()> {
    match command {
        NodeCommand::NodeOnline { pause } => {
            let pause = std::time::Duration::from_secs(pause);
            crate::lab::online::await_own(&context.host, pause)
        }
        NodeCommand::NodeKernel { kernel } => {
            crate::machine::vm::runs_by_kvm(context, &kernel.unwrap_or_default(), None).map(drop)
        }
        NodeCommand::NodeGroups { list } => crate::lab::groups::keep(&list),
        // Not carried out here: crate::main does it.
        _ => Ok(()),
    }
}

fn one(context: &Context, verb: Verb) -> Result<()> {
    match verb {
        Verb::Verify { wanted, quick } => verify::run(context, &wanted, quick),
        Verb::DownloadAgent { url, sharing } => agent::run(context, &url, &sharing),
        Verb::KeyGen { sharing } => key_gen::run(context, &sharing),
        Verb::Generate {
            wanted,
            sharing,
            part,
        } => {
            generate::run(context, &wanted, &sharing, part)?;
            status_as_result(context)
        }
        Verb::Add { wanted, part } => add::run(context, &wanted, part),
        Verb::Up {
            wanted,
            sharing,
            timeout,
            manner,
        } => {
            up::run(context, &wanted, &sharing, timeout, manner)?;
            status_as_result(context)
        }
        Verb::Cleanup {
            scope,
            sharing,
            forget,
        } => cleanup::run(context, scope, &sharing, &forget),
    }
}

/// Prints the status of the nodes, which is the JSON result of the commands that make nodes.
fn status_as_result(context: &Context) -> Result<()> {
    match context.options.json && !context.options.dry_run {
        true => status::run(context),
        false => Ok(()),
    }
}

/// Carries out a subcommand of `lab`.
fn in_lab(context: &Context, command: &LabCommand) -> Result<()> {
    match command {
        LabCommand::Up { shape } => {
            let name = lab::up::run(context, &shape.wanted(), shape.file.as_deref())?;
            match context.options.json && !context.options.dry_run {
                true => lab::status::run(context, &name),
                false => Ok(()),
            }
        }
        LabCommand::Down {
            which,
            all,
            if_exists,
        } => lab::down::run(context, &named(which)?, *all, *if_exists),
        LabCommand::Status { all: true, .. } => lab::status::all(context),
        LabCommand::Status { which, .. } => lab::status::run(context, &named(which)?),
        LabCommand::Verify { shape, quick } => {
            lab::verify::run(context, &shape.wanted(), shape.file.as_deref(), *quick)
        }
        LabCommand::List => lab::list::run(context),
        LabCommand::Exec {
            node,
            which,
            command,
            ..
        } => {
            let node = node.as_deref().unwrap_or("*");
            let node = of_lab(which, node).map_err(not_entered)?;
            lab::exec::run(context, &node, command)
        }
        LabCommand::Shell { node, which } => {
            lab::exec::shell(context, &of_lab(which, node).map_err(not_entered)?)
        }
        LabCommand::Stop(nodes) => lab::power::run(context, Power::Stop, &all_of_lab(nodes)?),
        LabCommand::Start(nodes) => lab::power::run(context, Power::Start, &all_of_lab(nodes)?),
        LabCommand::Restart(nodes) => lab::power::run(context, Power::Restart, &all_of_lab(nodes)?),
        LabCommand::Kill(nodes) => lab::power::run(context, Power::Kill, &all_of_lab(nodes)?),
        LabCommand::Fencing { switch, which } => {
            let name = named(which)?;
            lab::fencing::run(context, &name, *switch)?;
            match context.options.json && !context.options.dry_run {
                true => lab::status::run(context, &name),
                false => Ok(()),
            }
        }
        LabCommand::Cp {
            source,
            target,
            which,
        } => lab::cp::run(context, source, target, typed(which)?.as_deref()),
        LabCommand::SshConfig { which } => lab::ssh_config::run(context, &named(which)?),
        LabCommand::Inventory { which } => lab::inventory::run(context, &named(which)?),
        LabCommand::Graph { which, format } => lab::graph::run(context, &named(which)?, *format),
    }
}

/// Name of the lab that the command line says, if it says one.
fn typed(which: &Which) -> Result<Option<String>> {
    match which.name.is_some() || which.file.is_some() {
        true => named(which).map(Some),
        false => Ok(None),
    }
}

fn of_lab(which: &Which, node: &str) -> Result<String> {
    crate::lab::find::of_lab(typed(which)?.as_deref(), node)
}

fn all_of_lab(all: &Nodes) -> Result<Vec<String>> {
    all.nodes.iter().map(|n| of_lab(&all.which, n)).collect()
}

/// Name of the lab that a command is about.
fn named(which: &Which) -> Result<String> {
    crate::lab::file::named(which.name.as_deref(), which.file.as_deref())
}
