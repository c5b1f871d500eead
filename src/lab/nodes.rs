//! A lab's nodes: who they are, what they have, and what runs in them.

use super::{Init, KEYS, Lab, LabSpec, MOST_CLUSTER_NODES, PASSWORD, Root, names};
use crate::plan::{Form, Kind, Machine};
use crate::spec::{REMOTE_MEMORY_MIB, Subnet};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// How many addresses lie between the first cluster node's and the first remote node's, so that the
/// number of either can grow without moving the other.
pub(super) const REMOTE_OFFSET: usize = 40;

/// The same for the qnetd node: the last address before the remote nodes', after those of as many
/// cluster nodes as there can be.
pub(super) const QNETD_OFFSET: usize = REMOTE_OFFSET - 1;

/// Memory of a virtual machine unless an option says otherwise, MiB: of a cluster node, and of a remote
/// node.
const CLUSTER_VM_MIB: u32 = 512;
const REMOTE_VM_MIB: u32 = REMOTE_MEMORY_MIB;
/// The least memory of a virtual machine with pcsd, MiB, which takes 100 of it: one of 192 had 2 left.
const WITH_PCSD_MIB: u32 = 384;

impl Lab {
    /// Whether a node has an init, ours or systemd. Others have pacemaker-remoted as their PID 1: with
    /// that a container ends, and the kernel of a virtual machine would panic.
    pub fn has_init(&self, node: &Machine) -> bool {
        node.form == Form::Virtual || self.is_system(node.kind)
    }

    /// Whether containers of this kind have an init.
    pub(super) fn is_system(&self, kind: Kind) -> bool {
        match kind {
            Kind::Cluster | Kind::Qnetd => true,
            Kind::Remote => self.spec.init == Init::Systemd,
            Kind::Guest => false,
        }
    }

    /// Whether a node runs pcsd; a virtual machine does so when it has the memory.
    pub fn runs_pcsd(&self, node: &Machine) -> bool {
        let has_room = node.form == Form::Container || node.memory_mib >= WITH_PCSD_MIB;
        self.has_pcs() && has_room && matches!(node.kind, Kind::Cluster | Kind::Remote)
    }

    /// The nodes that run pcsd.
    pub fn with_pcsd(&self) -> Vec<Machine> {
        let mut all = self.nodes();
        all.retain(|node| self.runs_pcsd(node));
        all
    }

    /// Whether cluster and remote nodes run pcsd.
    pub fn has_pcs(&self) -> bool {
        self.pcsd && self.spec.init == Init::Systemd && self.spec.root == Root::Full
    }

    /// Path of the file on this host with hacluster's password, where the nodes have pcsd.
    pub fn password(&self) -> Option<PathBuf> {
        self.has_pcs().then(|| self.path(KEYS).join(PASSWORD))
    }

    /// The cluster nodes, in order: containers, then virtual machines.
    pub fn cluster_nodes(&self) -> Vec<Machine> {
        let mut all = self.of_kind(Kind::Cluster, self.spec.cluster_nodes, 0);
        all.extend(self.virtual_ones(Kind::Cluster));
        all
    }

    /// The remote nodes, in order: containers, then virtual machines.
    pub fn remote_nodes(&self) -> Vec<Machine> {
        let mut all = self.of_kind(Kind::Remote, self.spec.remote_nodes, REMOTE_OFFSET);
        all.extend(self.virtual_ones(Kind::Remote));
        all
    }

    /// The forms that the lab's nodes have, and nodes of these names, which it may not have any more.
    pub fn forms(&self, names: &[String]) -> Vec<Form> {
        let of = |name: &String| names::read(&self.spec.name, name).map(|(_, form, _)| form);
        let here = self.nodes().into_iter().map(|node| node.form);
        let all: Vec<Form> = here.chain(names.iter().filter_map(of)).collect();
        let both = [Form::Container, Form::Virtual].into_iter();
        both.filter(|form| all.contains(form)).collect()
    }

    /// Virtual machines of this kind. They have the last addresses of each link, so that the numbers of
    /// all others can grow: cluster nodes those after the remote nodes.
    fn virtual_ones(&self, kind: Kind) -> Vec<Machine> {
        let (count, skip, first, usual) = match kind {
            Kind::Cluster => (self.spec.cluster_vms, 0, MOST_CLUSTER_NODES, CLUSTER_VM_MIB),
            _ => (
                self.spec.remote_vms,
                MOST_CLUSTER_NODES as usize,
                0,
                REMOTE_VM_MIB,
            ),
        };
        let last = |subnet: &Subnet| {
            let all: Vec<Ipv4Addr> = subnet.addresses().collect();
            all.into_iter().rev().skip(skip)
        };
        let second = self.link1.filter(|_| kind == Kind::Cluster);
        let mut second = second.into_iter().flat_map(|subnet| last(&subnet));
        (1..=count)
            .zip(last(&self.subnet))
            .map(|(number, address)| {
                let name = names::node(&self.spec.name, kind, Form::Virtual, number);
                let memory = self.spec.vms.memory_mib.unwrap_or(usual);
                let machine = Machine::new(kind, first + number, name, address, memory, &self.seed);
                let form = Form::Virtual;
                self.linked(Machine { form, ..machine }, second.next())
            })
            .collect()
    }

    /// The machine with its addresses besides the first one.
    fn linked(&self, machine: Machine, link1: Option<Ipv4Addr>) -> Machine {
        let links = (0..).zip([machine.address].into_iter().chain(link1));
        Machine {
            link1,
            ipv6: links.filter_map(|(n, a)| self.ipv6_of(n, a)).collect(),
            ..machine
        }
    }

    /// The node that runs corosync-qnetd, with `--qnetd`.
    pub fn qnetd_node(&self) -> Option<Machine> {
        let count = u32::from(self.spec.qnetd);
        self.of_kind(Kind::Qnetd, count, QNETD_OFFSET).pop()
    }

    /// The nodes that the cluster knows, and fences: cluster nodes and remote nodes.
    pub fn members(&self) -> Vec<Machine> {
        let mut all = self.cluster_nodes();
        all.extend(self.remote_nodes());
        all
    }

    /// The nodes in which an init runs daemons: see [`Lab::has_init`].
    pub fn systems(&self) -> Vec<Machine> {
        let mut all = self.nodes();
        all.retain(|node| self.has_init(node));
        all
    }

    /// All nodes that are domains of this host's libvirt: cluster nodes, remote nodes and the
    /// qnetd node.
    pub fn nodes(&self) -> Vec<Machine> {
        let mut all = self.members();
        all.extend(self.qnetd_node());
        all
    }

    fn of_kind(&self, kind: Kind, count: u32, skip: usize) -> Vec<Machine> {
        let memory = match self.is_system(kind) {
            true => self.spec.memory_mib,
            false => self.spec.guest_memory_mib,
        };
        let second = self.link1.filter(|_| kind == Kind::Cluster);
        let mut second = second.into_iter().flat_map(|s| s.addresses());
        (1..=count)
            .zip(self.subnet.addresses().skip(skip))
            .map(|(number, address)| {
                let name = names::node(&self.spec.name, kind, Form::Container, number);
                let machine = Machine::new(kind, number, name, address, memory, &self.seed);
                self.linked(machine, second.next())
            })
            .collect()
    }

    /// How many addresses of the subnet are needed.
    pub fn addresses_needed(spec: &LabSpec) -> u32 {
        let containers = match spec.remote_nodes {
            0 if spec.qnetd => QNETD_OFFSET as u32 + 1,
            0 => spec.cluster_nodes,
            remote => REMOTE_OFFSET as u32 + remote,
        };
        let virtual_ones = match spec.remote_vms {
            0 => spec.cluster_vms,
            remote => MOST_CLUSTER_NODES + remote,
        };
        containers + virtual_ones
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::{sample, with_two_links};

    #[test]
    fn virtual_machines_have_the_last_addresses_and_move_nobody() {
        let mut lab = with_two_links(2, 1);
        let before = lab.nodes();
        (lab.spec.cluster_vms, lab.spec.remote_vms) = (2, 1);
        let all = lab.nodes();
        assert!(before.iter().all(|node| all.contains(node)));
        let shown = |node: &Machine| format!("{} {} {}", node.name, node.number, node.address);
        let virtual_ones = all.iter().filter(|node| node.form == Form::Virtual);
        assert!(virtual_ones.map(shown).eq([
            "lab-vm1 33 172.31.200.254",
            "lab-vm2 34 172.31.200.253",
            "lab-remote-vm1 1 172.31.200.222",
        ]));
        let second = lab
            .cluster_nodes()
            .into_iter()
            .map(|node| node.link1.unwrap());
        assert!(second.map(|a| a.to_string()).eq([
            "172.31.201.11",
            "172.31.201.12",
            "172.31.201.254",
            "172.31.201.253"
        ]));
        let memory = |kind| lab.virtual_ones(kind)[0].memory_mib;
        assert_eq!((memory(Kind::Cluster), memory(Kind::Remote)), (512, 192));
        assert_eq!(lab.forms(&[]), [Form::Container, Form::Virtual]);
    }

    #[test]
    fn a_machine_that_has_left_is_looked_for_too() {
        let lab = sample(1, 0);
        assert_eq!(lab.forms(&[]), [Form::Container]);
        let gone = ["lab-vm1".to_owned()];
        assert_eq!(lab.forms(&gone), [Form::Container, Form::Virtual]);
    }
}
