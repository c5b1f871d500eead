//! The commands. Each reads like the paragraph that describes it.

mod admission;
mod agent;
mod ahead;
mod choose;
mod cleanup;
mod generate;
mod join;
mod key_gen;
mod lab;
mod make;
mod marks;
mod original;
mod passing;
mod preview;
mod share;
mod shrink;
mod status;
mod up;
mod verify;
mod version;
mod wait;
mod waves;

pub use version::run as version;

use crate::cli::{Cli, Command, Common, Original, Shape, Share};
use crate::error::{Error, Kind, Result};
use crate::host::{Host, signals};
use crate::journal::{Rank, Scope};
use crate::plan::Set;
use crate::report::Report;
use crate::state::State;
use crate::undo::Undoer;
use std::path::PathBuf;
use std::time::Duration;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    host: Host,
    report: Report,
    common: Common,
    /// Absolute and checked.
    state_dir: PathBuf,
}

/// Carries out a parsed command line.
///
/// # Errors
/// What went wrong; its kind is the exit status.
pub fn run(cli: Cli) -> Result<()> {
    let common = cli.common;
    let context = Context {
        host: Host::new(common.verbose),
        report: Report::new(common.quiet, common.verbose),
        state_dir: crate::state::check_path(&common.state_dir)?,
        common,
    };
    let result = carry_out(&context, cli.command, &cli.original, &cli.shape, &cli.share);
    if context.common.verbose {
        crate::report::say(crate::report::used());
    }
    result
}

fn carry_out(
    context: &Context,
    command: Option<Command>,
    original: &Original,
    shape: &Shape,
    share: &Share,
) -> Result<()> {
    match command {
        None => original::run(context, original, shape, share),
        Some(Command::Generate { shape, share }) => generate::run(context, &shape, &share, None),
        Some(Command::Up {
            shape,
            share,
            timeout,
            gentle,
        }) => up::run(context, &shape, &share, timeout, gentle),
        Some(Command::Cleanup { share, forget }) => {
            cleanup::run(context, Scope::All, &share, &forget)
        }
        Some(Command::Status) => status::run(context),
        Some(Command::Verify { shape, quick }) => verify::run(context, &shape, quick),
        Some(Command::Lab { command }) => lab::run(context, &command),
        Some(Command::NodeEnter { pid, command }) => crate::host::inside::enter(pid, &command),
        Some(Command::NodeGroups { list }) => lab::keep_groups(&list),
        // Not ours to carry out: crate::main does.
        Some(Command::NodeInit { .. }) => Ok(()),
        Some(Command::KeyGen { share }) => key_gen::run(context, &share),
        Some(Command::DownloadAgent { agent_url, share }) => {
            agent::run(context, &agent_url, &share)
        }
        Some(Command::Completions { shell }) => {
            let text = crate::cli::complete::script(shell)
                .map_err(|e| Error::failed(format!("no completion script: {e}")))?;
            crate::report::result(text);
            Ok(())
        }
        Some(Command::Realise { node }) => share::serve(context, node),
    }
}

impl Context {
    fn undoer(&self, set: Option<&Set>) -> Undoer<'_> {
        Undoer {
            host: &self.host,
            report: &self.report,
            state_dir: &self.state_dir,
            set_mark: set.map(Set::mark),
            cluster_down: false,
            stop_timeout: Duration::from_secs(180),
            stays_here: set.is_some_and(Set::stays_here),
            easing: None,
            forget: Vec::new(),
            ssh_options: Vec::new(),
        }
    }

    /// Puts back what this run did, after `cause` ended it, and gives back the error to end with.
    fn put_back(&self, state: &mut State, cause: Error) -> Error {
        signals::forget();
        self.report
            .line(format!("{}; putting back what was done", cause.message()));
        let first = state.journal.run_began();
        let undoer = self.undoer(state.set.as_ref());
        // Other nodes put back their own, asked by who leads; what is known of one stays known, and
        // with it the directory that it is known in.
        let others = state.journal.outstanding();
        let knows = others
            .into_iter()
            .any(|(_, undo)| undo.rank() == Rank::Peers);
        let outcome = undoer.replay(&mut state.journal, |seq, undo| match undo.rank() {
            Rank::Peers => false,
            Rank::StateDir if knows => false,
            _ => seq >= first,
        });
        match outcome.into_result() {
            Ok(_) => cause,
            // Both are told: the cause first, then what could not be put back.
            Err(left) => cause
                .details(left.detail_lines().to_vec())
                .with_kind(Kind::LeftBehind),
        }
    }
}
