//! Checks of libvirt: tools, driver, and whether a container really starts.

use super::Check;
use crate::context::Context;
use crate::error::{Context as _, Error, Result};
use crate::host::command::Cmd;
use crate::host::users;
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::{self, container, leftovers, virsh};
use crate::plan::Set;
use crate::rootfs::Layout;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn checks(
    context: &Context,
    chosen: impl FnOnce() -> Result<Set>,
    quick: bool,
) -> Vec<Check> {
    let mut checks = tools(context);
    let (works, of_host) = of_host(context, quick);
    checks.extend(of_host);
    checks.push(subnet(works, chosen));
    checks
}

/// Whether libvirt's driver works, with the checks that have nothing to do with a set.
pub(crate) fn of_host(context: &Context, quick: bool) -> (bool, Vec<Check>) {
    let driver = Check::from(
        "libvirt LXC driver",
        virsh::version(&context.host, &LXC).map(|text| in_one_line(&text)),
    );
    let works = !driver.failed();
    let mut checks = vec![driver];
    checks.extend(dnsmasq());
    checks.push(probe(context, works, quick));
    (works, checks)
}

/// Checks for dnsmasq. Our networks need none, but a libvirtd that is restarted while any network
/// is active asks for its path and, when there is none, ends with a segmentation fault (seen with
/// libvirt 9.0: dnsmasqCapsGetBinaryPath, called by the network driver's reload).
fn dnsmasq() -> Option<Check> {
    if which::which("dnsmasq").is_ok() {
        return None;
    }
    Some(Check::warning(
        "dnsmasq",
        "not installed: libvirtd could crash when it is restarted while a network is active",
        crate::host::packages::mend_for_tool("dnsmasq"),
    ))
}

fn in_one_line(versions: &str) -> String {
    // The lines are "Compiled against library", "Using library", "Using API", "Running hypervisor".
    let line = versions
        .lines()
        .find(|l| l.starts_with("Using library"))
        .unwrap_or(versions);
    line.trim_start_matches("Using library:").trim().to_owned()
}

fn tools(context: &Context) -> Vec<Check> {
    let wanted = [
        ("virsh", "--version"),
        ("ip", "-Version"),
        ("cibadmin", "--version"),
        ("crm_mon", "--version"),
        ("crm_node", "--version"),
        ("crm_resource", "--version"),
        ("crm_simulate", "--version"),
        ("crm_verify", "--version"),
    ];
    let mut found = Vec::new();
    let mut checks = Vec::new();
    for (tool, option) in wanted {
        match Cmd::new(tool).arg(option).run(&context.host) {
            Ok(output) => {
                found.push(format!("{tool} {}", version_in(&output.stdout)));
            }
            Err(e) => checks.push(Check::of_error("tools", &e)),
        }
    }
    if checks.is_empty() {
        checks.push(Check::ok("tools", found.join(", ")));
    }
    checks
}

/// The first word with a digit in a tool's report of its version: `9.0.0`, `iproute2-6.1.0`.
fn version_in(text: &str) -> &str {
    let number = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
    let word = text.split([' ', '\n', ',']).find(number).unwrap_or("?");
    word.trim_start_matches("iproute2-")
}

/// Starts a throw-away container and takes it away again.
fn probe(context: &Context, works: bool, quick: bool) -> Check {
    let name = "container starts";
    if quick {
        return Check::skipped(name, "as asked");
    }
    if !works || !users::is_root() {
        return Check::skipped(name, "needs root and libvirt's LXC driver");
    }
    match start_probe(context) {
        Ok(()) => Check::ok(name, "a throw-away one did"),
        Err(e) => {
            let mend = e
                .mend_text()
                .unwrap_or("see /var/log/libvirt/lxc and libvirtd's log")
                .to_owned();
            let detail = e.detail_lines().join("; ");
            Check::failure(name, format!("{} {detail}", e.message()), mend)
        }
    }
}

/// Beginning of the names of probes' directories.
const PROBE: &str = "lxc-autogen-probe-";

fn start_probe(context: &Context) -> Result<()> {
    // What is started must be ended, however long that takes.
    let context = &context.patient();
    clear_old_probes();
    let dir = tempfile::Builder::new()
        .prefix(PROBE)
        .tempdir()
        .map_err(|e| Error::failed(format!("make a temporary directory: {e}")))?;
    let name = dir.path().file_name().unwrap_or_default().to_string_lossy();
    let name = probe_domain(&name);
    let root = dir.path().join("root");
    let layout = Layout::of(Path::new("/"))?;
    skeleton(&root, &layout)?;
    let xml = dir.path().join("domain.xml");
    let init = sleep_program();
    let text = container::probe(&name, &root, &libvirt::emulator(), &layout.trees, &init).render();
    std::fs::write(&xml, text).map_err(|e| Error::io("write", &xml, e))?;
    let groups = crate::host::cgroups::machine_groups_to_come()?;
    let leftovers = LXC.leftovers(&name);
    let directories: Vec<_> = leftovers::directories(&LXC)
        .filter(|path| !path.exists())
        .collect();
    let started = virsh::create(&context.host, &LXC, &xml).context("start a throw-away container");
    let ended = virsh::destroy_domains(&context.host, &LXC, &[name]);
    // The error of the start comes before the error of the removal.
    let mut result = started.and(ended);
    for path in leftovers {
        result = result.and(crate::host::files::remove_file_or_empty_directory(&path));
    }
    for path in directories {
        result = result.and(crate::host::files::remove_empty_directory(&path).map(drop));
    }
    for group in groups {
        result = result.and(crate::host::cgroups::remove_if_empty(&group).map(drop));
    }
    result
}

/// Removes the directories of probes that were killed on the way: their containers have ended by
/// themselves since.
fn clear_old_probes() {
    const LIFE: Duration = Duration::from_secs(60);
    let old = |path: &Path| {
        let metadata = std::fs::symlink_metadata(path).ok()?;
        let ours = metadata.is_dir() && metadata.uid() == 0;
        let age = metadata.modified().ok()?.elapsed().ok()?;
        (ours && age > LIFE).then_some(())
    };
    let mounts = crate::host::mounts::points().unwrap_or_default();
    for entry in std::fs::read_dir(std::env::temp_dir())
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(PROBE) || old(&entry.path()).is_none() {
            continue;
        }
        for path in LXC.leftovers(&probe_domain(&name)) {
            let _ = crate::host::files::remove_file_or_empty_directory(&path);
        }
        let _ = crate::host::files::remove_tree(&entry.path(), &mounts);
    }
}

/// A domain name that nobody else has: the name of the probe's directory.
fn probe_domain(directory: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    directory.chars().map(plain).collect()
}

/// Path of sleep: in /bin alone on a host whose /usr was never merged.
fn sleep_program() -> PathBuf {
    let places = ["/usr/bin/sleep", "/bin/sleep"].map(PathBuf::from);
    let there = places.iter().find(|path| path.exists());
    there.unwrap_or(&places[0]).clone()
}

/// Makes the probe's root, over the host's trees, merged or unmerged at the top like the host's.
fn skeleton(root: &Path, layout: &Layout) -> Result<()> {
    let make = |path: &Path| {
        std::fs::create_dir_all(path).map_err(|e| Error::io("make directory", path, e))
    };
    make(root)?;
    for (name, target) in &layout.links {
        let path = root.join(name);
        symlink(target, &path).map_err(|e| Error::io("link", &path, e))?;
    }
    ["dev", "proc", "sys", "etc", "run", "tmp"]
        .into_iter()
        .chain(layout.trees.iter().map(String::as_str))
        .try_for_each(|d| make(&root.join(d)))
}

/// The subnet that a set would get, or the error why there is none.
fn subnet(works: bool, chosen: impl FnOnce() -> Result<Set>) -> Check {
    let name = "subnet";
    if !works {
        return Check::skipped(name, "needs libvirt's LXC driver");
    }
    match chosen() {
        Ok(set) => Check::ok(name, format!("{} on network {}", set.subnet, set.network)),
        Err(e) => Check::of_error(name, &e),
    }
}
