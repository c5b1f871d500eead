//! What `lab up` needs of this host, looked at one by one, for `lab verify`. No cluster need run here.

use super::resolve::{choose, resolve};
use super::{Lab, LabSpec, Wanted, able, build, checks, directory, memory};
use crate::checks::{Check, kernel, libvirt, virtual_host};
use crate::context::{Context, Options};
use crate::error::Result;
use crate::host::{disk, loops, memory as host_memory, users};
use crate::look::Look;
use crate::rootfs::{self, Owners};
use std::path::Path;

/// The checks for a lab with these options, in the lab's own context.
///
/// # Errors
/// Usage errors, and when the lab that is there cannot be read.
pub(crate) fn look_at(context: &Context, wanted: &Wanted, quick: bool) -> Result<Vec<Check>> {
    // Nothing is told but what the table says, and nothing is made.
    let quiet = Options {
        quiet: true,
        dry_run: true,
        only_looks: true,
        ..context.options
    };
    let mut own = Context::new(quiet, context.state_dir.clone());
    own.host = own.host.waits(!context.options.quiet, true);
    let context = &own;
    let saved = match users::is_root() {
        true => directory::load(&context.state_dir)?,
        false => None,
    };
    let usual = able::Usual::of(context, wanted);
    let spec = resolve(wanted, saved.as_ref().map(|l| &l.spec), Some(&usual))?;
    let base = spec.base.as_deref().unwrap_or(Path::new("/"));
    let mut all = kernel::of_host();
    all.push(fuse());
    all.push(loop_devices(&spec, wanted));
    all.extend(programs(&spec, base));
    all.push(Check::from("haclient", owners(base)));
    all.push(remoted(context, &spec, base));
    let (works, of_libvirt) = libvirt::of_host(context, quick);
    all.extend(of_libvirt);
    all.push(match usual.lacking() {
        _ if saved.is_some() => Check::skipped("nodes", "the lab is there, and stays what it is"),
        None => Check::ok("nodes", able::MACHINES),
        Some(e) => Check::warning(
            "nodes",
            format!("no whole machines: {}", e.message()),
            e.mend_text().unwrap_or_default(),
        ),
    });
    all.extend(spec.has_vms().then(virtual_host::outlook));
    // What the lab would be takes all of the above.
    if works && !all.iter().any(Check::failed) {
        all.extend(lab(context, wanted, saved.as_ref()));
    } else {
        let why = "needs what fails above";
        all.push(Check::skipped("memory", why));
        all.push(Check::skipped("lab", why));
    }
    Ok(all)
}

fn fuse() -> Check {
    let name = "/dev/fuse";
    match checks::fuse() {
        Ok(()) => Check::ok(name, "there"),
        Err(e) => Check::of_error(name, &e),
    }
}

/// Loop devices and what makes file systems: the nodes of a new lab do without disks where there are
/// none, unless the options ask for them.
fn loop_devices(spec: &LabSpec, wanted: &Wanted) -> Check {
    let name = "disks";
    let shared = (!spec.shared_disks_mib.is_empty()).then(loops::lacking);
    let asked = wanted.disk.is_some_and(|mib| mib > 0);
    match (shared.flatten(), disk::lacking()) {
        (Some((what, mend)), _) => Check::failure(name, what, mend),
        (None, Some((what, mend))) if asked => Check::failure(name, what, mend),
        (None, Some(_)) if spec.disk_mib == 0 => Check::ok(name, "none are wanted"),
        (None, Some((what, mend))) => Check::warning(
            name,
            format!("the nodes have none, and can fill this host's file system: {what}"),
            mend,
        ),
        (None, None) => Check::ok(name, "loop devices, and mkfs.ext4"),
    }
}

/// What lacks of programs, each with its package.
fn programs(spec: &LabSpec, base: &Path) -> Vec<Check> {
    let name = "programs";
    let mut spec = spec.clone();
    // Told of above.
    spec.disk_mib = 0;
    spec.shared_disks_mib.clear();
    let lacking = checks::lacking(&spec, base);
    if lacking.is_empty() {
        let found = format!("here and in {}: all that the lab needs", base.display());
        return vec![Check::ok(name, found)];
    }
    lacking.iter().map(|e| Check::of_error(name, e)).collect()
}

fn owners(base: &Path) -> Result<String> {
    Owners::of(base).map(|_| "the group is there".to_owned())
}

/// The daemon of remote and guest nodes, and what a first run downloads.
fn remoted(context: &Context, spec: &LabSpec, base: &Path) -> Check {
    let name = "pacemaker-remoted";
    if spec.all_remote_nodes() == 0 && spec.containers == 0 {
        return Check::skipped(name, "no remote and no guest nodes are wanted");
    }
    if let (Some(it), Some(build)) = (build::remoted(spec), &spec.overlay) {
        return Check::from(name, Ok(it.on_host(build).display().to_string()));
    }
    let found = rootfs::find(spec.remoted.as_deref(), base, &context.state_dir);
    Check::from(
        name,
        found.and_then(|found| match found {
            Some(it) => Ok(it.on_host(base).display().to_string()),
            None => rootfs::to_fetch(&context.host),
        }),
    )
}

fn lab(context: &Context, wanted: &Wanted, saved: Option<&Lab>) -> Vec<Check> {
    let look = Look::new(context);
    let lab = match choose(&look, wanted, saved) {
        Ok(choice) => choice.lab,
        Err(e) => return vec![Check::of_error("lab", &e)],
    };
    let available = host_memory::available_mib();
    let takes = memory::check(&lab, saved, available).map(|()| {
        let available = available.map_or("an unknown number of".to_owned(), |n| n.to_string());
        format!(
            "{available} MiB available, about {} wanted",
            memory::mib(&lab)
        )
    });
    let fits = checks::check(&look, &lab, saved).map(|()| {
        let nodes: Vec<String> = lab.nodes().into_iter().map(|n| n.name).collect();
        format!("{} on {}", nodes.join(", "), lab.subnet)
    });
    vec![Check::from("memory", takes), Check::from("lab", fits)]
}
