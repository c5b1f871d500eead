//! The context of all work: the handle to the host, the reader's progress, where files are kept,
//! and the options that all commands have.

use crate::host::Host;
use crate::report::Report;
use std::path::PathBuf;

/// The options that all commands have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Print what would be done, and change nothing.
    pub dry_run: bool,
    /// Go on although the cluster cannot be asked.
    pub force: bool,
    /// Print no progress.
    pub quiet: bool,
    /// Print every program that is run, with its time.
    pub verbose: bool,
    /// Print the result as JSON.
    pub json: bool,
    /// Seconds to wait where another run is at work; without, such a run fails at once.
    pub wait: Option<u64>,
    /// The command changes nothing, and programs are not waited for as long as where they do.
    pub only_looks: bool,
}

/// Everything that a piece of work needs besides its own arguments.
#[derive(Debug)]
pub struct Context {
    /// The handle to the host.
    pub host: Host,
    /// Where progress and warnings go.
    pub report: Report,
    /// The options of all commands.
    pub options: Options,
    /// The directory of the files and the journal; an absolute, checked path.
    pub state_dir: PathBuf,
}

impl Context {
    /// A context with these options and this state directory, which must have been checked.
    pub fn new(options: Options, state_dir: PathBuf) -> Context {
        let host = Host::new(options.verbose);
        Context {
            host: host.waits(!options.quiet, options.only_looks),
            report: Report::new(options.quiet, options.verbose),
            options,
            state_dir,
        }
    }

    /// The same context for a command that changes nothing, and waits for no program for long.
    pub fn only_looking(&self) -> Context {
        let options = Options {
            only_looks: true,
            ..self.options
        };
        Context::new(options, self.state_dir.clone())
    }

    /// The opposite of [`Context::only_looking`].
    pub fn patient(&self) -> Context {
        let options = Options {
            only_looks: false,
            ..self.options
        };
        Context::new(options, self.state_dir.clone())
    }

    /// The same context with another state directory, such as a lab's.
    pub fn in_directory(&self, state_dir: PathBuf) -> Context {
        Context::new(self.options, state_dir)
    }
}
