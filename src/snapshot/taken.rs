//! Taking a snapshot, writing it down and reading it back.

use super::looked::Looked;
use super::section::Section;
use super::{
    addresses, cgroups, cluster, files, iptables, libvirt, links, mounts, nftables, processes,
    qdiscs, routes, sysctls,
};
use crate::error::{Error, Result};
use crate::host::Host;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The mark by which a file is known as a snapshot.
const FORMAT: &str = "lxc-autogen snapshot";
/// The version of the content. It is raised when a kind of thing is added or looked at in another
/// way, since two snapshots of different versions would differ on an unchanged machine.
const VERSION: u32 = 1;

/// The state of a machine, or of the inside of a container, at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    format: String,
    version: u32,
    /// Which files were looked at.
    pub looked: Looked,
    pub(super) domains: Section<libvirt::Domain>,
    pub(super) networks: Section<libvirt::Network>,
    pub(super) links: Section<links::Link>,
    pub(super) addresses: Section<addresses::Address>,
    pub(super) routes: Section<routes::Route>,
    pub(super) rules: Section<routes::Rule>,
    pub(super) neighbours: Section<routes::Neighbour>,
    pub(super) qdiscs: Section<qdiscs::Qdisc>,
    pub(super) nftables: Section<nftables::Chain>,
    pub(super) iptables: Section<iptables::Chain>,
    pub(super) ip6tables: Section<iptables::Chain>,
    pub(super) ebtables: Section<iptables::Chain>,
    pub(super) sysctls: Section<String>,
    pub(super) mounts: Section<mounts::Mount>,
    pub(super) cgroups: Section<cgroups::Group>,
    pub(super) processes: Section<processes::Process>,
    pub(super) nodes: Section<cluster::Node>,
    pub(super) cib: Section<cluster::Object>,
    pub(super) files: Section<files::File>,
}

impl Snapshot {
    /// Looks at everything and takes the snapshot.
    ///
    /// # Errors
    /// When a tool that is installed fails, or a file cannot be read: a list is never shorter
    /// because of an error.
    pub fn take(host: &Host, looked: Looked) -> Result<Snapshot> {
        // libvirt comes first, since a question to it may start the daemon that answers.
        let (domains, networks) = libvirt::look(host)?;
        let mounted = mounts::mounted()?;
        // In threads: the tools wait for the kernel and for their own starts, the files for the
        // disk.
        let (files, rest) = std::thread::scope(|scope| {
            let files = scope.spawn(|| files::look(&looked, &mounted));
            let cluster = scope.spawn(|| cluster::look(host));
            let rest = Rest::look(host);
            (joined(files), joined(cluster).and_then(|c| Ok((c, rest?))))
        });
        let ((nodes, cib), rest) = rest?;
        let files = files?;
        Ok(Snapshot {
            format: FORMAT.to_owned(),
            version: VERSION,
            domains,
            networks,
            links: rest.links,
            addresses: rest.addresses,
            routes: rest.routes,
            rules: rest.rules,
            neighbours: rest.neighbours,
            qdiscs: rest.qdiscs,
            nftables: rest.nftables,
            iptables: rest.iptables,
            ip6tables: rest.ip6tables,
            ebtables: rest.ebtables,
            sysctls: sysctls::look()?,
            mounts: mounts::look(&mounted, &looked),
            cgroups: cgroups::look(&mounted)?,
            processes: processes::look()?,
            nodes,
            cib,
            files,
            looked,
        })
    }

    /// Reads a snapshot from its text; `name` is the file's, for errors.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] when the text is no snapshot, or one of another version.
    pub fn read(text: &str, name: &str) -> Result<Snapshot> {
        let none = |why: String| {
            Error::usage(format!("{name} is not a snapshot{why}"))
                .mend("lxc-autogen snapshot -o FILE writes one")
        };
        let head: Head = serde_json::from_str(text).map_err(|e| none(format!(": {e}")))?;
        if head.format != FORMAT {
            return Err(none(String::new()));
        }
        if head.version != VERSION {
            return Err(none(format!(
                " of version {VERSION}, but of {}",
                head.version
            )));
        }
        serde_json::from_str(text).map_err(|e| none(format!(": {e}")))
    }

    /// The snapshot as one line of JSON.
    ///
    /// # Errors
    /// None that is known: everything in a snapshot has a JSON form.
    pub fn write(&self) -> Result<String> {
        let text =
            serde_json::to_string(self).map_err(|e| Error::failed(format!("snapshot: {e}")))?;
        Ok(text + "\n")
    }
}

#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// The sections that iproute2 and the tools of the packet filters give.
struct Rest {
    links: Section<links::Link>,
    addresses: Section<addresses::Address>,
    routes: Section<routes::Route>,
    rules: Section<routes::Rule>,
    neighbours: Section<routes::Neighbour>,
    qdiscs: Section<qdiscs::Qdisc>,
    nftables: Section<nftables::Chain>,
    iptables: Section<iptables::Chain>,
    ip6tables: Section<iptables::Chain>,
    ebtables: Section<iptables::Chain>,
}

impl Rest {
    fn look(host: &Host) -> Result<Rest> {
        Ok(Rest {
            links: links::look(host)?,
            addresses: addresses::look(host)?,
            routes: routes::routes(host)?,
            rules: routes::rules(host)?,
            neighbours: routes::neighbours(host)?,
            qdiscs: qdiscs::look(host)?,
            nftables: nftables::look(host)?,
            iptables: iptables::look(host, &iptables::IPV4)?,
            ip6tables: iptables::look(host, &iptables::IPV6)?,
            ebtables: iptables::look(host, &iptables::BRIDGES)?,
        })
    }
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    let ended = thread.join();
    ended.unwrap_or_else(|_| Err(Error::failed("a thread ended")))
}

/// Reads the snapshot in a file.
///
/// # Errors
/// [`crate::error::Kind::Usage`] when the file cannot be read or holds no snapshot.
pub fn load(path: &Path) -> Result<Snapshot> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path)
        .map_err(|e| Error::usage(format!("{name} is not a snapshot: {e}")))
        .map_err(|e| e.mend("lxc-autogen snapshot -o FILE writes one"))?;
    Snapshot::read(&String::from_utf8_lossy(&bytes), &name)
}
