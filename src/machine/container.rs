//! Containers of libvirt-LXC.

use super::{Doing, Machinery, Seen};
use crate::error::Result;
use crate::host::inside::{self, Inside};
use crate::host::{Host, container_net, container_shm, disk, files, mounts, processes, signals};
use crate::libvirt::container;
use crate::libvirt::hypervisor::{DEAD, Hypervisor, LXC};
use crate::libvirt::virsh::{self, DomainRow};
use crate::plan::{Blueprint, Machine, Made};
use crate::rootfs::Writer;
use crate::spec::Subnet;
use crate::xml::El;
use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

/// How containers are made, started, entered, watched and ended.
#[derive(Debug)]
pub(super) struct Container;

impl Machinery for Container {
    fn hypervisor(&self) -> &'static Hypervisor {
        &LXC
    }

    fn domain(&self, blueprint: &Blueprint) -> El {
        container::domain(blueprint)
    }

    fn write_root(
        &self,
        host: &Host,
        writer: &mut Writer,
        directory: &Path,
        made: &Made,
    ) -> Result<()> {
        let root = directory.join(container::ROOT);
        writer.write(&root, &made.root)?;
        match made.blueprint.disk_mib {
            None => Ok(()),
            Some(mib) => {
                disk::make(host, &root, &directory.join(container::DISK), mib)?;
                files::remove_tree(&root, &mounts::points()?)
            }
        }
    }

    fn give_memory(&self, host: &Host, name: &str, mib: u32) -> Result<()> {
        virsh::limit_memory(host, &LXC, name, mib)
    }

    fn give_shm(&self, _: &Host, name: &str, seen: &Seen, mib: u32) -> Result<()> {
        let pid = seen.pid.into_iter();
        pid.into_iter()
            .try_for_each(|pid| container_shm::resize(name, pid, mib))
    }

    fn settle(&self, host: &Host, machines: &[Machine], subnet: &Subnet) -> Result<()> {
        let names: Vec<String> = machines.iter().map(|m| m.name.clone()).collect();
        let seen = self.watch(host, &names)?;
        let inside = |m: &Machine| Some((seen.get(&m.name)?.pid?, m.address));
        let mut left: Vec<(u32, Ipv4Addr)> = machines.iter().filter_map(inside).collect();
        // The last containers started may not have their address yet.
        for _ in 0..5 {
            left = container_net::settle(&left, subnet)?;
            if left.is_empty() {
                break;
            }
            signals::sleep(Duration::from_millis(30))?;
        }
        Ok(())
    }

    fn seen(&self, rows: &[DomainRow], names: &[String]) -> HashMap<String, Seen> {
        let wanted: HashSet<&String> = names.iter().collect();
        let rows = rows.iter().filter(|row| wanted.contains(&row.name));
        // A container's PID 1 is the only child of its libvirt_lxc (libvirt 9.0,
        // src/lxc/lxc_controller.c).
        let pid = |row: &DomainRow| row.id.and_then(virsh::child_of);
        let with_pid: Vec<(&DomainRow, Option<u32>)> = rows.map(|row| (row, pid(row))).collect();
        let pids: Vec<u32> = with_pid.iter().filter_map(|(_, pid)| *pid).collect();
        // Read from the control groups, since a container can be paused without libvirt knowing.
        let frozen = inside::frozen(&pids);
        let seen = |(row, pid): (&DomainRow, Option<u32>)| {
            let doing = match pid {
                _ if row.state == DEAD => Doing::Dead,
                Some(pid) if frozen.contains(&pid) => Doing::Paused,
                Some(_) => Doing::Runs,
                None => Doing::Rests,
            };
            let said = row.state.clone();
            (row.name.clone(), Seen { doing, said, pid })
        };
        with_pid.into_iter().map(seen).collect()
    }

    fn enter(
        &self,
        name: &str,
        seen: &Seen,
        _: &Path,
        environment: &[(String, String)],
    ) -> Option<Inside> {
        Inside::of(name, seen.pid?, environment.to_vec()).ok()
    }

    /// Kills PID 1 of each container, and with it everything in the container. libvirt's own way
    /// begins with SIGTERM and waits, for one container after the other.
    fn unplug(&self, host: &Host, names: &[String]) -> Result<()> {
        let seen = self.watch(host, names)?;
        for pid in seen.values().filter_map(|seen| seen.pid) {
            processes::kill_now(pid);
        }
        Ok(())
    }
}
