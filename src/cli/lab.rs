//! What a lab is like, on the command line.

use super::complete;
use crate::boot::Choice;
use crate::lab::{Agents, Init, Root, Share, Variable, Wanted};
use crate::plan::{Board, Usr, Watchdog};
use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCandidates;
use std::path::PathBuf;

/// What a lab is like. What is left out comes from the lab that is there, or else has the default.
/// The same names are the keys of a file for `-f`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Lab")]
pub struct LabShape {
    /// The lab's name: nodes are NAME-node1 …, NAME-remote1 … [default: lab]
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(complete::labs))]
    pub name: Option<String>,
    /// How many cluster nodes, 1 to 32 [default: 3]
    #[arg(long, value_name = "N")]
    pub cluster_nodes: Option<u32>,
    /// How many remote nodes [default: 0]
    #[arg(long, value_name = "N")]
    pub remote_nodes: Option<u32>,
    /// How many cluster nodes that are virtual machines, besides the others: NAME-vm1 … [default: 0]
    #[arg(long, value_name = "N")]
    pub cluster_vms: Option<u32>,
    /// How many remote nodes that are virtual machines, besides the others: NAME-remote-vm1 … [default: 0]
    #[arg(long, value_name = "N")]
    pub remote_vms: Option<u32>,
    /// Memory of each virtual machine, in MiB [default: 512 of a cluster node, 192 of a remote node]
    #[arg(long, value_name = "MIB")]
    pub vm_memory: Option<u32>,
    /// Processors of each virtual machine [default: 1]
    #[arg(long, value_name = "N")]
    pub vm_cpus: Option<u32>,
    /// The kernel that virtual machines boot: the distribution's for clouds, generic, with all modules, one
    /// by its version or package, or the root of a tree that has boot/vmlinuz-RELEASE and
    /// lib/modules/RELEASE [default: cloud]
    #[arg(long, value_name = "cloud|generic|VERSION|PACKAGE|DIR")]
    pub kernel: Option<Choice>,
    /// The board that virtual machines are built on [default: q35]
    #[arg(long, value_enum, value_name = "BOARD")]
    pub machine: Option<Board>,
    /// Give virtual machines a watchdog, /dev/watchdog: the kernel's own, or a device of QEMU's, which
    /// takes --kernel generic; SBD uses it
    #[arg(long, value_enum, value_name = "WATCHDOG")]
    pub watchdog: Option<Watchdog>,
    /// The /usr of virtual machines: an image of the base tree's without what no node needs, an image of
    /// all of it, or the tree itself, live, by virtiofs [default: lean]
    #[arg(long, value_enum, value_name = "USR")]
    pub vm_usr: Option<Usr>,
    /// How many guest nodes [default: 2, and 0 with cluster nodes that are virtual machines]
    #[arg(short = 'c', long, value_name = "N")]
    pub containers: Option<u32>,
    /// Read the lab from a TOML file; options given besides count more
    #[arg(short = 'f', long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The lab's network [default: the first free one from 172.31.200.0/24]
    #[arg(short = 'n', long, value_name = "ADDR[/PREFIX]")]
    pub network: Option<String>,
    /// How many links the cluster nodes have, each a network and a link of corosync's, 1 or 2
    /// [default: 1]
    #[arg(long, value_name = "N")]
    pub links: Option<u32>,
    /// Whether nodes are fenced [default: true]
    #[arg(long, value_name = "BOOL")]
    pub fencing: Option<bool>,
    /// Run sshd in cluster nodes, and in remote nodes that are machines; root may go from node to node
    /// [default: false, and true for machines with sshd]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub ssh: Option<bool>,
    /// Add the nodes' names to /etc/hosts of this host
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub hosts: Option<bool>,
    /// Memory limit of a cluster node with its guests, and of a remote node that is a machine, in MiB
    /// [default: 2048]
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u32>,
    /// Memory limit of each guest node, and of a remote node that is no machine, in MiB [default: 196]
    #[arg(long, value_name = "MIB")]
    pub guest_memory: Option<u32>,
    /// Size of the disk of each cluster node, and of a remote node that is a machine, in MiB: a file in
    /// the lab's directory that takes no more room than what is on it; 0 for none, which lets a node fill the host's file system [default: 2048]
    #[arg(long, value_name = "MIB")]
    pub disk: Option<u32>,
    /// Give all cluster nodes one more disk that they share, of this size in MiB: /dev/vda, then
    /// /dev/vdb and so on; a file in the lab's directory with a loop device; repeatable, up to 8
    #[arg(long, value_name = "MIB")]
    pub shared_disk: Option<Vec<u32>>,
    /// Run SBD in the cluster nodes, on the first shared disk, without a watchdog: a message there
    /// resets a node; takes --shared-disk and --init systemd
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub sbd: Option<bool>,
    /// Give the cluster a quorum device: one more node, NAME-qnetd, which is not in the cluster and
    /// runs corosync-qnetd; takes two cluster nodes or more
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub qnetd: Option<bool>,
    /// Show this directory of the host in all nodes, guest nodes too, read-only, at the same place or
    /// at DST; repeatable
    #[arg(long, value_name = "SRC[:DST]", value_hint = ValueHint::DirPath)]
    pub share: Option<Vec<Share>>,
    /// Show this directory of resource agents in cluster, remote and guest nodes, as ocf:PROVIDER:FILE:
    /// what is changed in it counts from the next action on; without PROVIDER the directory's name
    /// is the provider; repeatable
    #[arg(long, value_name = "DIR[:PROVIDER]", value_hint = ValueHint::DirPath)]
    pub agents: Option<Vec<Agents>>,
    /// Lay the /usr of this tree, by make install DESTDIR=DIR, over that of cluster and remote nodes:
    /// what is in it counts from a node's next start on; takes nodes that are machines
    #[arg(long, value_name = "DIR")]
    pub overlay: Option<PathBuf>,
    /// Set a variable in the environment of Pacemaker's daemons in cluster and remote nodes, such as
    /// PCMK_debug=yes; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Option<Vec<Variable>>,
    /// Use the /usr of this tree instead of the host's, read-only
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// Use this pacemaker-remoted, rather than $LXC_AUTOGEN_REMOTED or the tree's own
    // Not clap's `env`: the file counts more than the environment.
    #[arg(long, value_name = "PATH")]
    pub remoted: Option<PathBuf>,
    /// PID 1 of cluster and remote nodes: systemd of the tree, or our own, which runs the cluster's
    /// daemons and nothing else [default: systemd, where the tree has it and it can run here]
    #[arg(long, value_enum, value_name = "INIT")]
    pub init: Option<Init>,
    /// The nodes' files: /usr and the database of packages as writable copies of each node's
    /// own, or /usr read-only [default: full with systemd, lean with our own]
    #[arg(long, value_enum, value_name = "ROOT")]
    pub root: Option<Root>,
    /// Nodes with everything installed and no cluster configured, for pcs cluster setup or crm cluster
    /// init; takes --init systemd, --root full and --ssh
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub bare: Option<bool>,
    /// Seconds to wait for the nodes [default: 90, 10 per cluster node, 2 per other node, and 60 per virtual machine, 20 by KVM]
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
}

impl LabShape {
    /// The same as plain values.
    pub fn wanted(&self) -> Wanted {
        let it = self.clone();
        Wanted {
            name: it.name,
            cluster_nodes: it.cluster_nodes,
            remote_nodes: it.remote_nodes,
            cluster_vms: it.cluster_vms,
            remote_vms: it.remote_vms,
            vm_memory: it.vm_memory,
            vm_cpus: it.vm_cpus,
            kernel: it.kernel,
            machine: it.machine,
            watchdog: it.watchdog,
            vm_usr: it.vm_usr,
            containers: it.containers,
            network: it.network,
            links: it.links,
            fencing: it.fencing,
            ssh: it.ssh,
            hosts: it.hosts,
            memory: it.memory,
            guest_memory: it.guest_memory,
            disk: it.disk,
            shared_disk: it.shared_disk,
            sbd: it.sbd,
            qnetd: it.qnetd,
            share: it.share,
            agents: it.agents,
            overlay: it.overlay,
            env: it.env,
            base: it.base,
            remoted: it.remoted,
            init: it.init,
            root: it.root,
            bare: it.bare,
            timeout: it.timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All but the one that names the file.
    #[test]
    fn every_option_has_its_key() {
        let command = LabShape::augment_args(clap::Command::new("x"));
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            // A key that is known is refused for the kind of its value only.
            let said = crate::lab::file::parse(&format!("{option} = {{}}\n"), "lab.toml")
                .unwrap_err()
                .to_string();
            assert_eq!(said.contains("there is no key"), option == "file", "{said}");
        }
    }
}
