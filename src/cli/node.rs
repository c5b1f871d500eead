//! Commands that lxc-autogen itself runs in and for a lab's nodes, which nobody types.

use crate::boot::Choice;
use std::path::PathBuf;

/// What runs in and for a lab's nodes.
#[derive(Debug, clap::Subcommand)]
pub enum NodeCommand {
    /// Runs a command in a container, and ends as it ends.
    #[command(hide = true)]
    NodeEnter {
        /// The container's PID 1, as this host numbers it.
        pid: u32,
        /// Capabilities that the command is not to have.
        #[arg(long, value_name = "CAPABILITY")]
        without: Vec<String>,
        /// Name of the container: a process outside of it stays, and says so when it ends with the
        /// command.
        #[arg(long, value_name = "NAME")]
        beside: Option<String>,
        /// All of the command's environment.
        #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
        env: Vec<(String, String)>,
        /// The command.
        #[arg(required = true, last = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// Runs a command in a virtual machine, and ends as it ends.
    #[command(hide = true)]
    NodePort {
        /// The directory of the machine's files.
        directory: PathBuf,
        /// All of the command's environment.
        #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
        env: Vec<(String, String)>,
        /// The command.
        #[arg(required = true, last = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// Runs in a virtual machine the commands that its host asks for.
    #[command(hide = true)]
    NodeAgent,
    /// Fetches the kernel of virtual machines, for a time without a network.
    #[command(hide = true)]
    NodeKernel {
        /// Which one; without it, that of labs that name none.
        kernel: Option<Choice>,
    },
    /// PID 1 of a virtual machine's initramfs.
    #[command(hide = true)]
    NodeBoot,
    /// PID 1 of a lab's cluster node.
    #[command(hide = true)]
    NodeInit {
        /// The node's configuration.
        #[arg(default_value = crate::supervisor::CONFIG)]
        config: PathBuf,
        /// The node is a virtual machine.
        #[arg(long)]
        machine: bool,
    },
    /// The plug of a lab's node whose PID 1 is systemd.
    #[command(hide = true)]
    NodePlug {
        /// Pull it if the unit that has ended here did so with one of these exit statuses.
        #[arg(long, value_name = "STATUS,…", value_delimiter = ',')]
        pull_after: Vec<i32>,
    },
    /// Waits until this cluster node of a lab is online.
    #[command(hide = true)]
    NodeOnline {
        /// Seconds to wait afterwards.
        pause: u64,
    },
    /// Keeps libvirt_lxc out of the groups of a lab's nodes.
    #[command(hide = true)]
    NodeGroups {
        /// The list of domains.
        list: PathBuf,
    },
}

/// A variable of the environment, as `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("not NAME=VALUE")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}
