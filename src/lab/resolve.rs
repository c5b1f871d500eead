//! From options, file and kept lab to a complete lab.

use super::able;
use super::fixed::refuse_other_kind;
use super::spec::absolute;
use super::{Agents, DEFAULT_NAME, Init, Root, Vms, Wanted, build, given, ipv6, subnets};
use crate::checks::virtual_host;
use crate::error::{Error, Result};
use crate::host::{disk, files};
use crate::lab::{Lab, LabSpec, VERSION, file};
use crate::libvirt;
use crate::libvirt::container::SYSRQ;
use crate::look::Look;
use crate::plan::Virtual;
use crate::resolve;
use crate::rootfs::{Layout, Remoted};
use crate::spec::Subnet;
use std::path::{Path, PathBuf};

/// A lab, and the package that is still to be fetched for it.
#[derive(Debug)]
pub(crate) struct Choice {
    /// The lab, complete.
    pub lab: Lab,
    /// The version of the package pacemaker-remote to fetch, if there is no daemon yet.
    pub fetch: Option<String>,
}

/// The options, completed from the file that `-f` names. The command line counts more than the
/// file.
///
/// # Errors
/// When the file cannot be read or understood.
pub(crate) fn completed(wanted: &Wanted, file: Option<&Path>) -> Result<Wanted> {
    let Some(path) = file else {
        return Ok(wanted.clone());
    };
    Ok(wanted.clone().or(file::read(path)?))
}

/// The lab's name: given, or the default.
pub(crate) fn name_of(wanted: &Wanted) -> &str {
    wanted.name.as_deref().unwrap_or(DEFAULT_NAME)
}

/// Completes the options from the kept lab, or else from what this host has. Changes nothing.
///
/// # Errors
/// Usage errors, and [`crate::error::Kind::Cant`] when this host lacks something.
pub(crate) fn choose(look: &Look<'_>, wanted: &Wanted, saved: Option<&Lab>) -> Result<Choice> {
    if let Some(base) = wanted.base.as_deref().filter(|_| saved.is_none()) {
        Layout::of(base)?;
    }
    let usual = (saved.is_none()).then(|| able::Usual::of(look.context, wanted));
    let mut spec = resolve(wanted, saved.map(|l| &l.spec), usual.as_ref())?;
    let says = usual.and_then(|usual| usual.says(wanted));
    if let Some(line) = says.filter(|_| !spec.bare) {
        look.context.report.line(line);
    }
    // People's tools go from machine to machine by it.
    let is_machine = spec.init == Init::Systemd && spec.root == Root::Full;
    if saved.is_none() && wanted.ssh.is_none() && is_machine {
        let base = spec.base.as_deref().unwrap_or(Path::new("/"));
        spec.ssh = files::exists(&base.join("usr/sbin/sshd")) && which::which("ssh-keygen").is_ok();
    }
    if saved.is_none() && wanted.disk.is_none() {
        if let Some((what, mend)) = disk::lacking() {
            look.context.report.line(format!(
                "the nodes have no disks, and can fill this host's file system: {what} (mend: {mend})"
            ));
            spec.disk_mib = 0;
        }
    }
    let lab = match saved {
        Some(saved) => {
            spec.check_fits(&saved.subnet)?;
            able::warn_if_outrun(look.context, saved)?;
            Lab {
                spec,
                // The host may have another kernel or other settings by now.
                mask_sysrq: has_sysrq(),
                tun: saved.tun && virtual_host::has_tun(),
                ipv6: ipv6::kept(look.context, saved.ipv6),
                ..saved.clone()
            }
        }
        None => new_lab(look, spec)?,
    };
    let needed = lab.spec.all_remote_nodes() > 0 || lab.spec.containers > 0;
    let fetch = match &lab.remoted {
        Remoted::Bound { path }
            if needed && path.starts_with(&look.context.state_dir) && !path.exists() =>
        {
            Some(resolve::wanted_version(look.context)?)
        }
        _ => None,
    };
    Ok(Choice { lab, fetch })
}

pub(super) fn resolve(
    wanted: &Wanted,
    saved: Option<&LabSpec>,
    usual: Option<&able::Usual>,
) -> Result<LabSpec> {
    let bare = wanted.bare.unwrap_or(saved.is_some_and(|l| l.bare));
    let base = saved.cloned().unwrap_or(match bare {
        true => bare_default(),
        false => LabSpec {
            init: usual.map(|u| u.init).unwrap_or_default(),
            root: usual.map(|u| u.root).unwrap_or_default(),
            ..LabSpec::default()
        },
    });
    let absolute = |path: &Option<PathBuf>| path.as_deref().map(absolute).transpose();
    let subnet = wanted
        .network
        .as_deref()
        .map(|n| Subnet::parse(n, 0))
        .transpose()?;
    let cluster_vms = wanted.cluster_vms.unwrap_or(base.cluster_vms);
    // In a virtual machine they take much of its memory and time.
    let containers = match saved {
        None if cluster_vms > 0 => 0,
        _ => base.containers,
    };
    let containers = wanted.containers.unwrap_or(containers);
    let spec = LabSpec {
        name: name_of(wanted).to_owned(),
        cluster_nodes: wanted.cluster_nodes.unwrap_or(base.cluster_nodes),
        remote_nodes: wanted.remote_nodes.unwrap_or(base.remote_nodes),
        cluster_vms,
        remote_vms: wanted.remote_vms.unwrap_or(base.remote_vms),
        vms: Vms {
            memory_mib: wanted.vm_memory.or(base.vms.memory_mib),
            cpus: wanted.vm_cpus.unwrap_or(base.vms.cpus),
            kernel: wanted.kernel.clone().unwrap_or(base.vms.kernel.clone()),
            board: wanted.machine.unwrap_or(base.vms.board),
            watchdog: wanted.watchdog.or(base.vms.watchdog),
            usr: wanted.vm_usr.unwrap_or(base.vms.usr),
            with_guests: match saved {
                Some(saved) if saved.cluster_vms > 0 => saved.vms.with_guests,
                _ => containers > 0,
            },
        },
        containers,
        subnet: subnet.or(base.subnet),
        links: wanted.links.unwrap_or(base.links),
        fencing: wanted.fencing.unwrap_or(base.fencing),
        ssh: wanted.ssh.unwrap_or(base.ssh),
        hosts: wanted.hosts.unwrap_or(base.hosts),
        memory_mib: wanted.memory.unwrap_or(base.memory_mib),
        guest_memory_mib: wanted.guest_memory.unwrap_or(base.guest_memory_mib),
        disk_mib: wanted.disk.unwrap_or(base.disk_mib),
        shared_disks_mib: (wanted.shared_disk.clone()).unwrap_or(base.shared_disks_mib.clone()),
        sbd: wanted.sbd.unwrap_or(base.sbd),
        qnetd: wanted.qnetd.unwrap_or(base.qnetd),
        share: match &wanted.share {
            None => base.share.clone(),
            Some(all) => all.iter().map(|s| s.absolute()).collect::<Result<_>>()?,
        },
        agents: match &wanted.agents {
            None => base.agents.clone(),
            Some(all) => all.iter().map(Agents::absolute).collect::<Result<_>>()?,
        },
        overlay: absolute(&wanted.overlay)?.or(base.overlay.clone()),
        env: wanted.env.clone().unwrap_or(base.env.clone()),
        base: absolute(&wanted.base)?.or(base.base.clone()),
        // For a new lab the environment variable counts when no option names a daemon.
        remoted: match saved {
            Some(saved) => absolute(&wanted.remoted)?.or(saved.remoted.clone()),
            None => absolute(&wanted.remoted.clone().or_else(from_environment))?,
        },
        init: wanted.init.unwrap_or(base.init),
        root: wanted.root.unwrap_or(base.root),
        bare,
    };
    spec.check()?;
    given::check(&spec)?;
    if let Some(saved) = saved {
        refuse_other_kind(&spec, saved)?;
    }
    Ok(spec)
}

/// What a lab without a cluster is like, unless the options say otherwise.
fn bare_default() -> LabSpec {
    LabSpec {
        bare: true,
        containers: 0,
        ssh: true,
        init: Init::Systemd,
        root: Root::Full,
        ..LabSpec::default()
    }
}

fn from_environment() -> Option<PathBuf> {
    std::env::var_os("LXC_AUTOGEN_REMOTED")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

fn new_lab(look: &Look<'_>, spec: LabSpec) -> Result<Lab> {
    let context = look.context;
    let base = spec.base.clone().unwrap_or_else(|| "/".into());
    let layout = Layout::of(&base)?;
    given::check_providers(context, &spec, &layout)?;
    build::check(context, &spec, &layout)?;
    let remoted = match build::remoted(&spec) {
        Some(remoted) => remoted,
        None => resolve::remoted(context, spec.remoted.as_deref(), &base)?,
    };
    let (subnet, link1) = subnets::choose(look, &spec)?;
    let seed = files::sha256(&files::random_bytes(32)?);
    Ok(Lab {
        version: VERSION,
        subnet,
        link1,
        ipv6: ipv6::choose(context, &subnet),
        seed,
        dir: context.state_dir.clone(),
        schema: newest_schema(&base)?,
        remoted_environment: resolve::environment(&base),
        packages: layout.packages()?,
        vm: Virtual {
            cpus: spec.vms.cpus,
            kvm: spec.has_vms()
                && virtual_host::kvm(look.context, &spec.vms.kernel, spec.vms.watchdog)?,
            kernel: spec.vms.kernel.clone(),
            board: spec.vms.board,
            watchdog: spec.vms.watchdog,
            usr: spec.vms.usr,
        },
        pcsd: files::exists(&base.join("usr/sbin/pcsd")),
        sysconfig: files::exists(&base.join("etc/sysconfig/sbd")),
        no_remote_unit: build::no_remote_unit(&spec, &layout),
        layout,
        remoted,
        emulator: libvirt::emulator(),
        mask_sysrq: has_sysrq(),
        tun: virtual_host::has_tun(),
        spec,
    })
}

fn has_sysrq() -> bool {
    Path::new(SYSRQ).exists()
}

/// The newest schema of a tree's Pacemaker, by the names of its files; a CIB that it starts without
/// would get this one. 2.1.5 has /usr/share/pacemaker/pacemaker-3.9.rng, 3.0 a subdirectory more.
fn newest_schema(base: &Path) -> Result<String> {
    let directory = base.join("usr/share/pacemaker");
    let mut versions: Vec<(u32, u32)> = walkdir::WalkDir::new(&directory)
        .max_depth(2)
        .into_iter()
        .flatten()
        .filter_map(|e| {
            let name = e.file_name().to_str()?;
            let version = name.strip_prefix("pacemaker-")?.strip_suffix(".rng")?;
            let (major, minor) = version.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        })
        .collect();
    versions.sort_unstable();
    match versions.last() {
        Some((major, minor)) => Ok(format!("pacemaker-{major}.{minor}")),
        None => Err(Error::cant(format!(
            "there are no schemas of Pacemaker's in {}",
            directory.display()
        ))
        .mend(crate::host::packages::mend_in(base, "pacemakerd"))),
    }
}
