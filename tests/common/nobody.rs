//! The program as the user nobody runs it, who has no cluster, no lab and no other program.

use crate::anyone::ForAnyone;
use libtest_mimic::{Arguments, Trial};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The program, where the user nobody can start it.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Runs the tests that the command line asks for, and ends the process.
pub fn run_all(tests: &'static [(&str, fn())]) {
    let arguments = Arguments::from_args();
    let program = ForAnyone::new(env!("CARGO_BIN_EXE_lxc-autogen"));
    PROGRAM.set(program.path()).unwrap();
    let trials = tests.iter().map(|(name, test)| {
        Trial::test(*name, || {
            test();
            Ok(())
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    // exit() does not drop it.
    drop(program);
    conclusion.exit();
}

/// How a run ended, and what it said.
pub struct Said {
    /// The exit status.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs the program as nobody, with a state directory that is not there.
pub fn lxa(args: &str) -> Said {
    lxa_into(args, Stdio::piped())
}

/// The same, with another standard output.
pub fn lxa_into(args: &str, out: Stdio) -> Said {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(PROGRAM.get().unwrap());
    command
        .args(args.split_whitespace())
        .env("LXC_AUTOGEN_STATE_DIR", "/nonexistent/state")
        .env("PATH", "/nonexistent")
        .env_remove("LXC_AUTOGEN_REMOTED")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(Stdio::piped());
    // Only root can become nobody; anybody else is not root already.
    if nix::unistd::Uid::effective().is_root() {
        command.uid(65534);
    }
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
