//! lxc-autogen: real Pacemaker clusters on one machine, in seconds, gone without a trace.
//!
//! Verbs (`commands`) use nouns (`share`, `lab`, `set`), which use the doors to the host (`pacemaker`,
//! `libvirt`, `host`); CONTRIBUTING.md has the rooms in their order, and a test holds the code to it.

pub mod boot;
pub mod change;
mod channel;
mod checks;
pub mod cli;
mod commands;
pub mod context;
pub mod error;
pub mod host;
pub mod journal;
pub mod lab;
pub mod libvirt;
mod look;
mod machine;
pub mod pacemaker;
pub mod peer;
pub mod plan;
pub mod report;
mod resolve;
pub mod rootfs;
mod set;
mod share;
pub mod snapshot;
pub mod spec;
pub mod state;
pub mod supervisor;
pub mod xml;

use cli::NodeCommand;
use std::process::ExitCode;

/// Parses the command line, carries it out, and gives back the exit status.
pub fn main() -> ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if host::virtiofsd::is_asked(&args) {
        return match host::virtiofsd::become_read_only(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                report::failure(&e, false);
                ExitCode::from(e.kind.exit_code())
            }
        };
    }
    // Modes are given where they matter; what programs we start make is not for others to write.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    cli::complete::answer();
    let cli = match cli::Cli::parse_all(&args) {
        Ok(cli) => cli,
        Err(e) if e.kind() == clap::error::ErrorKind::DisplayVersion => {
            commands::version();
            return match report::lost() {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => {
                    report::failure(&e, false);
                    ExitCode::from(e.kind.exit_code())
                }
            };
        }
        Err(e) if !e.use_stderr() => e.exit(),
        Err(e) => {
            let mut e = cli::Cli::mistake(&e, &args);
            if cli::is_into_a_node(args.clone()) {
                // It would be its own exit status that a command in the node can have.
                e = e.with_kind(error::Kind::NotEntered);
            }
            report::failure(&e, cli::asks_for_json(&args));
            return ExitCode::from(e.kind.exit_code());
        }
    };
    let as_json = cli.common.json;
    let result = match cli.command {
        // These take signals their own way.
        Some(cli::Command::Node(NodeCommand::NodeEnter {
            pid,
            beside: Some(name),
            ..
        })) => {
            host::beside::run(&name, pid, &args).map_err(|e| e.with_kind(error::Kind::NotEntered))
        }
        Some(cli::Command::Node(NodeCommand::NodeEnter {
            pid,
            without,
            env,
            command,
            ..
        })) => host::enter::run(pid, &without, &env, &command)
            .map_err(|e| e.with_kind(error::Kind::NotEntered)),
        Some(cli::Command::Node(NodeCommand::NodeAgent)) => channel::serve(),
        Some(cli::Command::Node(NodeCommand::NodePort {
            directory,
            env,
            command,
        })) => channel::run(&directory, &env, &command)
            .map_err(|e| e.with_kind(error::Kind::NotEntered)),
        Some(cli::Command::Node(NodeCommand::NodeBoot)) => supervisor::boot::run(),
        Some(cli::Command::Node(NodeCommand::NodeInit { config, machine })) => {
            let of = if machine {
                supervisor::Of::Machine
            } else {
                supervisor::Of::Container
            };
            supervisor::run(&config, of)
        }
        Some(cli::Command::Node(NodeCommand::NodePlug { pull_after })) => {
            supervisor::watch_plug(&pull_after)
        }
        _ => host::signals::listen()
            .and_then(|()| commands::run(cli))
            .and_then(|()| report::lost()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            report::failure(&e, as_json);
            match args.first().is_some_and(|name| cli::is_original_name(name)) {
                // It knew no other, and Pacemaker's test skips itself by it.
                true => ExitCode::FAILURE,
                false => ExitCode::from(e.kind.exit_code()),
            }
        }
    }
}
