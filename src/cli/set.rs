//! The command line of a set: lxc_autogen.sh's actions, what containers are like, other cluster nodes.

use super::{DEFAULT_AGENT_URL, complete};
use crate::spec::{Authkey, Form, Forward, KernelChoice, NodeKind, Sharing, Wanted};
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use std::path::PathBuf;

/// The original's actions. Several may be given; they are carried out in the original's order.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Actions (those of lxc_autogen.sh, combinable)")]
pub struct Original {
    /// Make the key, the network and the containers' files (implied by --containers alone)
    #[arg(short = 'g', long)]
    pub generate: bool,
    /// Make /etc/pacemaker/authkey when there is none
    #[arg(short = 'k', long)]
    pub key_gen: bool,
    /// Put one primitive per container into the CIB, each a guest node
    #[arg(short = 'a', long)]
    pub add_cib: bool,
    /// Take out of the CIB what -a and -C put in, and forget the nodes
    #[arg(short = 'p', long)]
    pub restore_cib: bool,
    /// Destroy the containers, remove the hosts lines and the network
    #[arg(short = 'r', long)]
    pub restore_libvirt: bool,
    /// -p and -r, and remove every file that was made
    #[arg(short = 'R', long, visible_alias = "cleanup")]
    pub restore_all: bool,
    /// Fetch and install the newest VirtualDomain agent
    #[arg(short = 'd', long)]
    pub download_agent: bool,
    /// Where -d fetches the agent from
    #[arg(long, value_name = "URL", default_value = DEFAULT_AGENT_URL, hide_default_value = true)]
    pub agent_url: String,
    /// Check whether this host can run libvirt-LXC containers as guest nodes
    #[arg(short = 'v', long)]
    pub verify: bool,
}

/// What the containers are like. What is left out comes from the set in the state directory.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Containers")]
pub struct Shape {
    /// How many containers, 1 to 60000 [default: as many as there are, or 2]
    #[arg(short = 'c', long, value_name = "N")]
    pub containers: Option<u32>,
    /// What they are to the cluster: guest nodes, which it runs, or remote nodes, which run on their
    /// own [default: guest]
    #[arg(long, value_enum, value_name = "KIND")]
    pub kind: Option<NodeKind>,
    /// What they are to this host: containers, or virtual machines with a kernel of their own
    /// [default: container]
    #[arg(long, value_enum, value_name = "FORM")]
    pub machine: Option<Form>,
    /// The kernel of virtual machines: the distribution's newest for clouds or with all modules, a version
    /// or package of it, or DIR with boot/vmlinuz-RELEASE and lib/modules/RELEASE [default: cloud]
    #[arg(long, value_name = "cloud|generic|VERSION|PACKAGE|DIR")]
    pub kernel: Option<KernelChoice>,
    /// Processors of each virtual machine [default: 1]
    #[arg(long, value_name = "N")]
    pub vm_cpus: Option<u32>,
    /// The network; without a prefix the first three octets count [default: 192.168.123.1]
    #[arg(short = 'n', long, value_name = "ADDR[/PREFIX]")]
    pub network: Option<String>,
    /// How packets leave the network [default: open]
    #[arg(long, value_enum, value_name = "MODE")]
    pub forward: Option<Forward>,
    /// No preference for this cluster node
    #[arg(short = 'A', long)]
    pub allow_anywhere: bool,
    /// Add a promotable clone of ocf:pacemaker:Stateful on the containers
    #[arg(short = 'C', long)]
    pub add_clone: bool,
    /// Deprecated: use -C
    #[arg(short = 'm', long)]
    pub add_master: bool,
    /// What names begin with: nodes PREFIX1, PREFIX2 … [default: lxc]
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Memory of each container at most, or of each virtual machine, in MiB [default: 196, of virtual
    /// machines 192]
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u32>,
    /// Size of each container's /dev/shm, in MiB [default: 147]
    #[arg(long, value_name = "MIB")]
    pub shm: Option<u32>,
    /// Seconds between two monitors of a container [default: 20, or 2 per container]
    #[arg(long, value_name = "SECONDS")]
    pub monitor_interval: Option<u32>,
    /// How the containers get the authentication key; virtual machines have a copy [default: bind]
    #[arg(long, value_enum, value_name = "MODE")]
    pub authkey: Option<Authkey>,
    /// Use the /usr of this tree instead of the host's, read-only
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// Use this pacemaker-remoted
    #[arg(long, value_name = "PATH", env = "LXC_AUTOGEN_REMOTED")]
    pub remoted: Option<PathBuf>,
    /// Show this directory in the containers at the same place, read-only (labs)
    #[arg(long, value_name = "DIR", hide = true)]
    pub bind: Vec<PathBuf>,
    /// Add the names to /etc/hosts, in a marked block
    #[arg(long)]
    pub hosts: bool,
    /// Leave CAP_SYS_ADMIN to the containers, so that agents can mount (less safe)
    #[arg(long)]
    pub allow_mounts: bool,
    /// Keep the resources of Pacemaker's test suite, Connectivity and rsc_*, off the nodes
    #[arg(long)]
    pub keep_off: bool,
    /// Not an option: under the name of lxc_autogen.sh, -m gives the clone's primitive the name that
    /// Pacemaker's test waits for.
    #[arg(skip)]
    pub old_names: bool,
}

impl Shape {
    /// The same as plain values.
    pub fn wanted(&self) -> Wanted {
        let it = self.clone();
        Wanted {
            containers: it.containers,
            kind: it.kind,
            machine: it.machine,
            kernel: it.kernel,
            vm_cpus: it.vm_cpus,
            network: it.network,
            forward: it.forward,
            allow_anywhere: it.allow_anywhere,
            clone: it.add_clone || it.add_master,
            prefix: it.prefix,
            memory: it.memory,
            shm: it.shm,
            monitor_interval: it.monitor_interval,
            authkey: it.authkey,
            base: it.base,
            remoted: it.remoted,
            binds: it.bind,
            hosts: it.hosts,
            allow_mounts: it.allow_mounts,
            keep_off: it.keep_off,
            old_names: it.old_names,
            remove: Vec::new(),
            enable: Vec::new(),
        }
    }
}

/// Other cluster nodes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Other cluster nodes")]
pub struct Share {
    /// Do it on every cluster node, by ssh, so that the containers can run on each
    #[arg(short = 's', long)]
    pub share_configs: bool,
    /// On these cluster nodes only, besides this one (implies -s)
    #[arg(long, value_name = "NODE,…", value_delimiter = ',',
        add = ArgValueCandidates::new(complete::cluster_nodes))]
    pub nodes: Vec<String>,
    /// A further option of ssh's, as ssh_config(5) has it: Port=2222
    #[arg(long, value_name = "OPTION")]
    pub ssh_option: Vec<String>,
    /// Put this node's key in the place of another one; cleanup puts that back
    #[arg(long)]
    pub replace_authkey: bool,
}

impl Share {
    /// The same as plain values.
    pub fn sharing(&self) -> Sharing {
        Sharing {
            every: self.share_configs,
            nodes: self.nodes.clone(),
            ssh_options: self.ssh_option.clone(),
            replace_authkey: self.replace_authkey,
        }
    }
}
