//! Whether this host can take a lab; asked before anything is made.

use crate::checks::virtual_host::{self, is_in, libraries};
use crate::error::{Error, Result};
use crate::host::hybrid::{self, Trap};
use crate::host::{cgroups, disk, loops, memory, packages};
use crate::lab::network::Link;
use crate::lab::{Lab, LabSpec};
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::{emulator_in, marked_state_dir, virsh};
use crate::look::Look;
use crate::rootfs::Owners;
use std::path::Path;

/// # Errors
/// [`crate::error::Kind::Cant`] with what is in the way and its mend.
pub(crate) fn check(look: &Look<'_>, lab: &Lab, saved: Option<&Lab>) -> Result<()> {
    check_programs(lab)?;
    super::able::check(lab)?;
    super::hosts::check(lab)?;
    Owners::of(&lab.layout.base)?;
    virsh::connect(&look.context.host, &LXC)?;
    if lab.spec.has_vms() {
        virtual_host::check(look.context, lab.spec.sees_live())?;
    }
    if matches!(hybrid::trap(), Ok(Trap::Set)) {
        return Err(Error::cant(hybrid::TRAP.0).mend(hybrid::TRAP.1));
    }
    check_names(look, lab)?;
    for link in &lab.links() {
        let present = check_network(look, lab, link)?;
        if saved.is_none() && !present {
            check_bridge(&link.name)?;
        }
    }
    super::memory::check(lab, saved, memory::available_mib())
}

const VIRTUAL_DOMAIN: &str = "usr/lib/ocf/resource.d/heartbeat/VirtualDomain";

fn check_programs(lab: &Lab) -> Result<()> {
    let lacking = lacking(&lab.spec, &lab.layout.base);
    lacking.into_iter().next().map_or_else(fuse, Err)
}

/// What lacks of programs and what belongs to them: those that run in nodes in the tree whose /usr
/// the nodes get, and those that run here, on this host.
pub(crate) fn lacking(spec: &LabSpec, base: &Path) -> Vec<Error> {
    let mut inside = vec![
        "corosync",
        "pacemakerd",
        "libvirtd",
        "virsh",
        "ip",
        "cibadmin",
        "crm_mon",
        "crm_node",
        "crm_resource",
    ];
    let mut here = Vec::new();
    if cgroups::only_v2() {
        // The groups daemon attaches device programs with it: see groups.rs.
        here.push("bpftool");
    }
    if spec.fencing {
        inside.push("fence_virt");
        here.push("fence_virtd");
    }
    if spec.ssh {
        inside.push("sshd");
        here.push("ssh-keygen");
    }
    if spec.sbd {
        inside.push("sbd");
    }
    if spec.qnetd {
        inside.extend(["corosync-qnetd", "corosync-qdevice"]);
    }
    let mut all = Vec::new();
    for name in inside {
        let there = ["usr/sbin", "usr/bin", "sbin", "bin"]
            .iter()
            .any(|d| base.join(d).join(name).exists());
        if !there {
            all.push(
                Error::cant(format!(
                    "{name} is not installed in {}, whose /usr the nodes get",
                    base.display()
                ))
                .mend(packages::mend_in(base, name)),
            );
        }
    }
    if spec.containers > 0 {
        all.extend(check_for_guests(base).err());
    }
    if spec.has_vms() {
        all.extend(virtual_host::lacking(spec.sees_live()));
    }
    if spec.fencing {
        all.extend(check_fence_modules(Path::new("/")).err());
    }
    if let Some((what, mend)) = disk::lacking().filter(|_| spec.disk_mib > 0) {
        let mend = format!("{mend}; for nodes without disks: lab up --disk 0");
        all.push(Error::cant(format!("--disk: {what}")).mend(mend));
    }
    if let Some((what, mend)) = loops::lacking().filter(|_| !spec.shared_disks_mib.is_empty()) {
        all.push(Error::cant(format!("--shared-disk: {what}")).mend(mend));
    }
    for name in here.into_iter().filter(|name| which::which(name).is_err()) {
        let what = format!("{name} is not installed");
        all.push(Error::cant(what).mend(packages::mend_for_tool(name)));
    }
    all
}

/// Looks for the device through which libvirt in the nodes shows them their own memory; in a
/// container it can be there and be forbidden.
pub(crate) fn fuse() -> Result<()> {
    const FUSE: &str = "/dev/fuse";
    let opened = std::fs::File::options().read(true).write(true).open(FUSE);
    opened.map(drop).map_err(|e| {
        let what = match e.kind() {
            std::io::ErrorKind::NotFound => format!("there is no {FUSE}"),
            _ => format!("{FUSE} cannot be opened ({e})"),
        };
        Error::cant(format!("{what}, which libvirt in the nodes needs"))
            .mend("modprobe fuse; in a container: docker run --privileged, or --device /dev/fuse")
    })
}

/// Checks the tree for the files besides programs that a cluster node needs to run guests;
/// distributions have some of them in packages of their own.
fn check_for_guests(base: &Path) -> Result<()> {
    let lacks = |what: &str, tool: &str| {
        Err(Error::cant(format!(
            "{what} is not installed in {}, whose /usr the nodes get",
            base.display()
        ))
        .mend(packages::mend_in(base, tool)))
    };
    if !base.join(VIRTUAL_DOMAIN).exists() {
        return lacks(
            "the resource agent ocf:heartbeat:VirtualDomain",
            "VirtualDomain",
        );
    }
    let driver = "libvirt/connection-driver/libvirt_driver_lxc.so";
    if !is_in(&libraries(base), driver) {
        return lacks("libvirt's LXC driver", "libvirt_lxc");
    }
    if emulator_in(base).is_none() {
        return lacks("libvirt_lxc", "libvirt_lxc");
    }
    Ok(())
}

/// Looks for the modules of fence_virtd that a lab uses, which are packages of their own on Fedora.
fn check_fence_modules(base: &Path) -> Result<()> {
    let places = libraries(base);
    for (name, files) in [
        // The backend's path since it is part of fence-agents, and its path before.
        ("virt", &["fence-virt/virt.so", "fence-virt/libvirt.so"][..]),
        ("tcp", &["fence-virt/tcp.so"]),
    ] {
        if !files.iter().any(|file| is_in(&places, file)) {
            let what = format!("fence_virtd's module {name}");
            let mend = packages::mend_for_tool(&what);
            return Err(Error::cant(format!("{what} is not installed")).mend(mend));
        }
    }
    Ok(())
}

fn check_names(look: &Look<'_>, lab: &Lab) -> Result<()> {
    let foreign: Vec<String> = look
        .marked_domains()?
        .iter()
        .filter(|(_, ours)| !ours)
        .map(|(name, _)| name.clone())
        .collect();
    if let Some(node) = lab.nodes().into_iter().find(|n| foreign.contains(&n.name)) {
        return Err(Error::cant(format!(
            "{} is a domain of libvirt that is not of this lab",
            node.name
        ))
        .mend("choose another --name"));
    }
    Ok(())
}

fn check_bridge(name: &str) -> Result<()> {
    if crate::host::net::links().iter().any(|link| link == name) {
        return Err(
            Error::cant(format!("there is a network interface {name} already"))
                .mend("choose another --name"),
        );
    }
    Ok(())
}

/// Refuses a network of the link's name that does not belong to this lab. Gives back whether the
/// lab's own network is there.
///
/// # Errors
/// [`crate::error::Kind::Cant`] with the owner of the network.
pub(crate) fn check_network(look: &Look<'_>, lab: &Lab, link: &Link) -> Result<bool> {
    let Some(xml) = look.network(&link.name)? else {
        return Ok(false);
    };
    if marked_state_dir(&xml).map(Path::new) == Some(lab.dir.as_path()) {
        return Ok(true);
    }
    Err(Error::cant(format!(
        "there is a network {} that is not of this lab",
        link.name
    ))
    .mend("choose another --name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    /// Each is named with its package, one after the other, until all are there.
    #[test]
    fn parts_that_are_packages_of_their_own() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        for (path, lacking) in [
            (VIRTUAL_DOMAIN, "VirtualDomain"),
            (
                "usr/lib/x/libvirt/connection-driver/libvirt_driver_lxc.so",
                "LXC driver",
            ),
            (crate::libvirt::EMULATORS[1], "libvirt_lxc"),
        ] {
            let e = check_for_guests(base).unwrap_err();
            assert!(e.message().contains(lacking), "{e}");
            assert!(e.mend_text().unwrap().contains("install"), "{e}");
            touch(&base.join(path));
        }
        check_for_guests(base).unwrap();
        for module in ["virt", "tcp"] {
            let e = check_fence_modules(base).unwrap_err();
            assert!(e.message().contains(module), "{e}");
            assert!(e.mend_text().unwrap().contains("fence-virtd"), "{e}");
            touch(&base.join(format!("usr/lib64/fence-virt/{module}.so")));
        }
        check_fence_modules(base).unwrap();
    }
}
