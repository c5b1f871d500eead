//! Settings of the kernel's network: those that libvirt changes when it starts a network, and those
//! that decide what each link accepts and forwards.

use super::section::{Section, section};
use crate::error::{Error, Result};
use std::io::ErrorKind;
use std::path::Path;

const SWITCHES: &[&str] = &[
    "net/ipv4/ip_forward",
    "net/ipv4/neigh/default/gc_thresh1",
    "net/ipv4/neigh/default/gc_thresh2",
    "net/ipv4/neigh/default/gc_thresh3",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "net/bridge/bridge-nf-call-arptables",
];
/// Settings of each link, of `all` and of `default`. libvirt sets those of IPv6 on its bridges
/// (libvirt 9.0, src/network/bridge_driver.c, networkSetIPv6Sysctls); those of IPv4 change with
/// `ip_forward` (see [`crate::host::forwarding`]).
const OF_LINKS: &[(&str, &[&str])] = &[
    (
        "net/ipv4/conf",
        &["forwarding", "accept_redirects", "rp_filter", "proxy_arp"],
    ),
    (
        "net/ipv6/conf",
        &["forwarding", "accept_ra", "autoconf", "disable_ipv6"],
    ),
];

/// The settings by their names in sysctl(8).
pub(super) fn look() -> Result<Section<String>> {
    let root = Path::new("/proc/sys");
    let mut all = Vec::new();
    let mut add = |name: String| -> Result<()> {
        let path = root.join(&name);
        match std::fs::read_to_string(&path) {
            Ok(value) => all.push((name.replace('/', "."), value.trim().to_owned())),
            // The module is not loaded, or the link has just gone.
            Err(e) if matches!(e.kind(), ErrorKind::NotFound) => {}
            Err(e) => return Err(Error::io("read", &path, e)),
        }
        Ok(())
    };
    for name in SWITCHES {
        add((*name).to_owned())?;
    }
    for (directory, names) in OF_LINKS {
        for link in links(&root.join(directory))? {
            for name in *names {
                add(format!("{directory}/{link}/{name}"))?;
            }
        }
    }
    Ok(section(all))
}

fn links(directory: &Path) -> Result<Vec<String>> {
    match std::fs::read_dir(directory) {
        Ok(entries) => Ok(entries
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .collect()),
        // The kernel has no IPv6.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(Error::io("read", directory, e)),
    }
}
