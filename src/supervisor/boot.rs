//! PID 1 of a virtual machine while it has its initramfs only: loads modules, and does its task.

use super::switch;
use crate::error::{Context, Error, Result};
use crate::report;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::sys::reboot::{RebootMode, reboot};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Path of what is to be done, in the initramfs.
pub const CONFIG: &str = "/boot.json";
/// The line on the console that says that PID 1 has begun.
pub const REACHED: &str = "lxc-autogen: PID 1 has begun";

/// What a virtual machine is to do with its initramfs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// Modules to load, in this order.
    pub modules: Vec<PathBuf>,
    /// What comes then.
    pub task: Task,
}

/// What comes when the modules are loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Nothing: the machine has shown that it boots.
    PowerOff,
    /// Become the machine that its disks say.
    Root,
}

/// The kernel's command line (Linux, Documentation/admin-guide/kernel-parameters.rst). What stands
/// behind -- are arguments of /init.
pub fn command_line() -> String {
    // Cards keep the names that they get from us: udev(7) would give them others.
    "console=ttyS0 quiet panic=-1 net.ifnames=0 -- node-boot".to_owned()
}

/// Does what the initramfs says. For PID 1 of a virtual machine only; it does not come back.
///
/// # Errors
/// When this process is not PID 1, a file cannot be read, or a module is not loaded.
pub fn run() -> Result<()> {
    if std::process::id() != 1 || !Path::new(CONFIG).exists() {
        return Err(Error::usage(
            "node-boot is PID 1 of a virtual machine, and nothing else",
        ));
    }
    report::result(format!("{REACHED}\n"));
    // Without the panic in which the end of PID 1 ends, the console's last line is the cause.
    carry_out().or_else(|e| {
        report::failure(&e, false);
        power_off()
    })
}

fn carry_out() -> Result<()> {
    let path = Path::new(CONFIG);
    let text = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let boot: Boot = serde_json::from_slice(&text).map_err(|e| Error::io("read", path, e))?;
    for module in &boot.modules {
        load(module)?;
    }
    match boot.task {
        Task::PowerOff => power_off(),
        Task::Root => switch::into_root(),
    }
}

/// Ends the machine.
///
/// # Errors
/// When the kernel refuses. Does not return otherwise.
pub(super) fn power_off() -> Result<()> {
    nix::unistd::sync();
    let Err(e) = reboot(RebootMode::RB_POWER_OFF);
    Err(Error::failed(format!("power off: {e}")))
}

fn load(module: &Path) -> Result<()> {
    let file = File::open(module).map_err(|e| Error::io("open", module, e))?;
    finit_module(&file, c"", ModuleInitFlags::empty())
        .map_err(|e| Error::io("load", module, e))
        .context("start the machine")
}
