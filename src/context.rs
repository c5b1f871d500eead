//! What every piece of work is given: the door to the host, the reader's progress, where files are
//! kept, and the options that all commands have.

use crate::host::Host;
use crate::report::Report;
use std::path::PathBuf;

/// Options that every command has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Print what would be done, and change nothing.
    pub dry_run: bool,
    /// Go on where the cluster cannot be asked.
    pub force: bool,
    /// No progress.
    pub quiet: bool,
    /// Print every program that is run.
    pub verbose: bool,
    /// Print the result as JSON.
    pub json: bool,
}

/// What every piece of work is given.
#[derive(Debug)]
pub struct Context {
    /// The door to the host.
    pub host: Host,
    /// Progress.
    pub report: Report,
    /// The options of all commands.
    pub options: Options,
    /// Where files and journal are kept: absolute and checked.
    pub state_dir: PathBuf,
}

impl Context {
    /// A context of these options, with its files in a checked directory.
    pub fn new(options: Options, state_dir: PathBuf) -> Context {
        Context {
            host: Host::new(options.verbose),
            report: Report::new(options.quiet, options.verbose),
            options,
            state_dir,
        }
    }

    /// The same with another directory, such as a lab's.
    pub fn in_directory(&self, state_dir: PathBuf) -> Context {
        Context::new(self.options, state_dir)
    }
}
