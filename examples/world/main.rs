//! A throw-away world on this machine: a libvirtd with LXC in namespaces of its own, and in it a
//! lab of one cluster node (world-node1). A world changes nothing of the machine's own, several
//! worlds can run at once, and each ends with its last process. `scripts/world` starts this
//! program.
//!
//! Three processes make a world. The *front* is the command that people typed. The *owner* makes
//! the world's control groups and removes them at the end. It ends the world when the front is
//! gone; when the owner is killed, the front cleans up. *init* is PID 1 of the world: every process
//! in the world ends with it, and it ends with the owner.

mod daemons;
mod disks;
mod files;
mod front;
mod groups;
mod hidden;
mod init;
mod owner;
mod place;
mod proof;
mod root;

use clap::{Args, Parser, Subcommand};
use lxc_autogen::error::{Error, Result};
use lxc_autogen::report;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const AFTER: &str = "\
COMMAND runs in the cluster node, without a cluster beside it. LXC_AUTOGEN_BINARY
is the lxc-autogen that makes the cluster and compares (target/debug's);
WORLD_IPC_BUFFER the bytes of its PCMK_ipc_buffer (Pacemaker's own).
Inside, LXC_AUTOGEN_WORLD is the world's DIR. The exit status is COMMAND's;
3 with a line on stderr when there is no world to run it in; 1 when its
cluster does not come up; 4 when proof-after found differences; 2 for wrong
usage.";

/// A throw-away libvirtd and a cluster of one node, in namespaces of their own.
#[derive(Debug, Parser)]
#[command(name = "world", after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start a world, run COMMAND in it, end the world
    Run {
        #[command(flatten)]
        options: Options,
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Start one that stays; DIR must not exist or be empty
    Start {
        #[command(flatten)]
        options: Options,
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Run COMMAND in a world that was started
    Exec {
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// End it (also when it has ended already)
    Stop {
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Write down what a world could change on this machine
    ProofBefore(proof::Arguments),
    /// Compare with it, by lxc-autogen snapshot
    ProofAfter(proof::Arguments),
    /// Be the owner of a world
    #[command(hide = true)]
    Own(owner::Arguments),
    /// Be PID 1 of a world
    #[command(hide = true)]
    Init(init::Arguments),
}

#[derive(Debug, Args)]
struct Options {
    /// Without a cluster in it: COMMAND runs beside the libvirtd
    #[arg(long)]
    no_cluster: bool,
    /// Without a libvirtd either
    #[arg(long)]
    no_libvirt: bool,
    /// In a root of its own, which is DIR and is written to: a machine with another distribution, as
    /// it were, with nothing started in it, but with this one's network; worlds can be made in it,
    /// too. DIR must not hold anybody's running system
    #[arg(long = "in", value_name = "DIR")]
    root: Option<PathBuf>,
    /// With --in: this path is this machine's in there
    #[arg(long = "bind", value_name = "PATH")]
    binds: Vec<PathBuf>,
}

/// The description of a world, for the processes that make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Plan {
    libvirt: bool,
    cluster: bool,
    /// Another root for the world; `None` for this machine's files.
    root: Option<PathBuf>,
    binds: Vec<PathBuf>,
    /// The lxc-autogen that makes the cluster.
    tool: PathBuf,
    /// This source tree, which the world's cluster node sees.
    tree: PathBuf,
    /// The directory in which the command is run.
    directory: PathBuf,
}

impl Plan {
    fn new(options: &Options) -> Result<Plan> {
        let root = options.root.as_deref().map(a_root).transpose()?;
        let binds = options.binds.iter().map(|p| there("--bind", p));
        Ok(Plan {
            libvirt: !options.no_libvirt && root.is_none(),
            cluster: !options.no_cluster && root.is_none(),
            binds: binds.collect::<Result<_>>()?,
            root,
            tool: tool(),
            tree: tree(),
            directory: std::env::current_dir().unwrap_or_else(|_| "/".into()),
        })
    }
}

/// The source tree that this program is of, as scripts/world tells it.
fn tree() -> PathBuf {
    let tree = std::env::var_os("LXC_AUTOGEN_WORLD_TREE").map(PathBuf::from);
    tree.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())
}

/// The lxc-autogen that makes the cluster and compares snapshots.
fn tool() -> PathBuf {
    let tool = std::env::var_os("LXC_AUTOGEN_BINARY").map(PathBuf::from);
    tool.unwrap_or_else(|| tree().join("target/debug/lxc-autogen"))
}

fn there(option: &str, path: &Path) -> Result<PathBuf> {
    path.canonicalize()
        .map_err(|_| Error::usage(format!("{option} needs a path that is there")))
}

fn a_root(path: &Path) -> Result<PathBuf> {
    let root = there("--in", path)?;
    // /bin may be a link that leads out of the root when it is followed, so only the name must
    // exist.
    let shell = [root.join("bin/sh"), root.join("usr/bin/sh")];
    if root == Path::new("/") || !shell.iter().any(|s| s.symlink_metadata().is_ok()) {
        return Err(
            Error::cant(format!("{} is no root of a system", path.display()))
                .mend("scripts/lib/roots.sh makes some"),
        );
    }
    Ok(root)
}

/// Reads the plan that one process of a world passes on to the next.
fn parse_plan(text: &str) -> Result<Plan, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Run { options, command } => Plan::new(&options).and_then(|p| front::run(p, &command)),
        Verb::Start { options, directory } => {
            Plan::new(&options).and_then(|p| front::start(p, &directory))
        }
        Verb::Exec { directory, command } => front::exec(&directory, &command),
        Verb::Stop { directory } => front::stop(&directory),
        Verb::ProofBefore(arguments) => proof::before(&tool(), &arguments),
        Verb::ProofAfter(arguments) => proof::after(&tool(), &arguments),
        Verb::Own(arguments) => owner::run(&arguments),
        Verb::Init(arguments) => init::run(&arguments),
    };
    ExitCode::from(done.unwrap_or_else(|e| {
        report::say(format!("world: {e}"));
        e.kind.exit_code()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_as_it_was() {
        Cli::command().debug_assert();
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        let Verb::Run { options, command } =
            parse("world run --no-cluster --no-libvirt -- a -b --")
                .unwrap()
                .verb
        else {
            panic!("not run");
        };
        assert!(options.no_cluster && options.no_libvirt);
        assert_eq!(command, ["a", "-b", "--"]);
        assert!(parse("world run --in /x --bind /y --bind /z -- a").is_ok());
        for wrong in [
            "world",
            "world run",
            "world run --",
            "world run a",
            "world run --what -- a",
            "world start",
            "world exec /x a",
            "world stop",
        ] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn a_root_has_a_shell_and_is_not_ours() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!(a_root(Path::new("/")).unwrap_err().kind.exit_code(), 3);
        assert_eq!(a_root(path).unwrap_err().kind.exit_code(), 3);
        assert_eq!(a_root(&path.join("no")).unwrap_err().kind.exit_code(), 2);
        std::fs::create_dir(path.join("bin")).unwrap();
        // As in a root of Alpine.
        std::os::unix::fs::symlink("/bin/busybox-that-is-not-here", path.join("bin/sh")).unwrap();
        assert_eq!(a_root(path).unwrap(), path.canonicalize().unwrap());
    }
}
