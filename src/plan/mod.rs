//! Pure functions from a spec and a snapshot of the host to everything that is to be made: names,
//! addresses, XML and files. They read no clock, no file and no process; the only randomness is a
//! seed that they are given.

mod blueprint;
mod files;
mod machine;
mod system;
mod virtual_machine;

pub use crate::spec::Form;
pub use blueprint::{Blueprint, Card, Made, Mount, Privileges, blueprint};
pub use files::{Identity, rootfs};
pub(crate) use files::{
    authkey, dir, file, hosts, link, mount_point, other_users, owned_file, secret, skeleton, text,
};
pub use machine::{Kind, Machine, guests, uuid};
pub(crate) use system::{PANICS, environment, remoted_daemon};
pub use system::{PROGRAM, PROGRAMS, PROGRAMS_AT};
pub use virtual_machine::{Board, Live, USR_TAG, Usr, Virtual, Watchdog};

use crate::error::{Error, Result};
use crate::rootfs::{Layout, Remoted};
use crate::spec::{Former, NodeKind, Spec, Subnet};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The directory of the authentication key (Pacemaker 2.1.5, DEFAULT_REMOTE_KEY_LOCATION), which
/// `--authkey bind` binds.
pub const AUTHKEY_DIRECTORY: &str = "/etc/pacemaker";
/// Names of network and bridge begin with this.
pub const NETWORK_NAME: &str = "lxc-autogen";

/// A set of containers: the spec, and what was chosen for it on this host. It is kept in the
/// state directory as `set.json`, and everything else follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// Format of set.json; see [`SET_VERSION`].
    pub version: u32,
    /// The options that the user asked for, with defaults filled in.
    pub spec: Spec,
    /// The state directory, an absolute path.
    pub state_dir: PathBuf,
    /// The subnet of the set's network.
    pub subnet: Subnet,
    /// Name of libvirt's network and of its bridge.
    pub network: String,
    /// Random text that makes the uuids of this set differ from those of any other set.
    pub seed: String,
    /// The base tree, which the containers' /usr comes from.
    pub layout: Layout,
    /// The pacemaker-remoted that the containers run.
    pub remoted: Remoted,
    /// Path of libvirt's container emulator on this host.
    pub emulator: PathBuf,
    /// Whether the machines run by KVM, where they are virtual machines.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kvm: bool,
    /// Whether this kernel has /proc/sysrq-trigger, which is masked in every container.
    pub mask_sysrq: bool,
    /// Environment variables of pacemaker-remoted, as (name, value).
    pub environment: Vec<(String, String)>,
    /// The cluster nodes that hold the set, first the node it was made on; empty when only that
    /// node holds it.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// What a change of the options has not reached all containers with.
    #[serde(default, skip_serializing_if = "Former::is_empty")]
    pub former: Former,
}

/// The format of set.json that this lxc-autogen writes, and the only one it reads.
pub const SET_VERSION: u32 = 1;

impl Set {
    /// Reads the text of `set.json`; `what` names the file in errors.
    ///
    /// # Errors
    /// When it is not JSON of this format.
    pub fn from_json(text: &str, what: &str) -> Result<Set> {
        let set: Set = serde_json::from_str(text).map_err(|e| {
            Error::failed(format!("{what}: {e}")).mend(
                "it was damaged or changed by hand: mend it, or take the set away, which does \
                     without it: lxc-autogen cleanup",
            )
        })?;
        if set.version != SET_VERSION {
            return Err(Error::cant(format!(
                "{what} has format {}, and this lxc-autogen knows {SET_VERSION}",
                set.version
            ))
            .mend("use the lxc-autogen that made it"));
        }
        Ok(set)
    }

    /// The directory of one container.
    pub fn container_dir(&self, name: &str) -> PathBuf {
        self.state_dir.join(name)
    }

    /// The path of one container's domain XML; the container's primitive has it as its `config`.
    pub fn domain_xml_path(&self, name: &str) -> PathBuf {
        domain_xml(&self.state_dir, name)
    }

    /// The beginning of the ids of this set's CIB objects; it is the whole id of its marker.
    pub fn tag(&self) -> String {
        format!("lxc-autogen-{}", self.spec.prefix)
    }

    /// A uuid that tells this set from any other in the CIB.
    pub fn mark(&self) -> String {
        uuid(&self.seed, "set")
    }

    /// Whether the cluster can run the containers, and does, on this node only.
    pub fn stays_here(&self) -> bool {
        self.spec.kind == NodeKind::Guest && self.nodes.is_empty() && !self.spec.anywhere
    }

    /// The node that the containers prefer: the one where a shared set was made, else this one.
    pub fn home<'a>(&'a self, this_node: &'a str) -> &'a str {
        self.nodes.first().map_or(this_node, String::as_str)
    }

    /// Names of the cluster nodes where the cluster can run the containers.
    pub fn places(&self, this_node: &str, cluster_nodes: &[&str]) -> Vec<String> {
        match (self.nodes.is_empty(), self.spec.anywhere) {
            (false, _) => self.nodes.clone(),
            (true, false) => vec![this_node.to_owned()],
            (true, true) => cluster_nodes.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    /// All the set's machines.
    pub fn guests(&self) -> Vec<Machine> {
        guests(self)
    }

    /// The uuid of the set's network.
    pub fn network_uuid(&self) -> String {
        uuid(&self.seed, "network")
    }
}

/// The path of a container's domain XML in a state directory.
pub fn domain_xml(state_dir: &Path, name: &str) -> PathBuf {
    state_dir.join(name).join("domain.xml")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::spec::Wanted;

    /// A set as on a merged-/usr Debian host, for tests of everything made from one.
    pub(crate) fn sample(containers: u32) -> Set {
        let wanted = Wanted {
            containers: Some(containers),
            clone: true,
            ..Wanted::default()
        };
        let spec = Spec::resolve(&wanted, None).unwrap();
        Set {
            version: SET_VERSION,
            subnet: Subnet::parse("192.168.123.1", containers).unwrap(),
            spec,
            state_dir: "/var/lib/lxc-autogen".into(),
            network: NETWORK_NAME.into(),
            seed: "0123".into(),
            layout: Layout {
                base: "/".into(),
                links: vec![
                    ("bin".into(), "usr/bin".into()),
                    ("lib".into(), "usr/lib".into()),
                ],
                trees: vec!["usr".into(), "etc/alternatives".into()],
                databases: Vec::new(),
                providers: vec!["heartbeat".into(), "pacemaker".into()],
            },
            remoted: Remoted::Bound {
                path: "/var/lib/lxc-autogen/remoted/usr/sbin/pacemaker-remoted".into(),
            },
            emulator: "/usr/lib/libvirt/libvirt_lxc".into(),
            kvm: false,
            mask_sysrq: true,
            environment: vec![("PCMK_logfacility".into(), "none".into())],
            nodes: Vec::new(),
            former: Former::default(),
        }
    }

    #[test]
    fn a_set_survives_its_file() {
        let set = sample(3);
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(Set::from_json(&text, "set.json").unwrap(), set);
        let newer = text.replace("\"version\":1", "\"version\":2");
        assert!(Set::from_json(&newer, "set.json").is_err());
    }
}
