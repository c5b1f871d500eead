//! A lab's nodes as an inventory of Ansible's.

use super::access::{Access, Reached};
use crate::error::{Error, Result};
use crate::plan::Kind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

impl Access {
    /// The nodes as the groups `cluster_nodes`, `remote_nodes` and `qnetd` of an inventory of Ansible's.
    pub fn inventory(&self) -> Inventory {
        let options: Vec<String> = self
            .settings()
            .into_iter()
            // Ansible has variables of its own for these.
            .filter(|(keyword, _)| !matches!(*keyword, "User" | "IdentityFile"))
            .map(|(keyword, value)| format!("-o {}", one_word(&format!("{keyword}={value}"))))
            .collect();
        let host = |host: &Reached| {
            let ansible_host = host.address.clone();
            (host.name.clone(), HostVars { ansible_host })
        };
        let group = |kind| {
            let hosts = self.hosts.iter().filter(|h| h.kind == kind);
            Group {
                hosts: hosts.map(host).collect(),
                vars: GroupVars {
                    ansible_user: self.user,
                    ansible_ssh_private_key_file: self.identity_file.clone(),
                    ansible_ssh_common_args: options.join(" "),
                },
            }
        };
        let if_any = |kind| Some(group(kind)).filter(|group| !group.hosts.is_empty());
        Inventory {
            cluster_nodes: group(Kind::Cluster),
            remote_nodes: if_any(Kind::Remote),
            qnetd: if_any(Kind::Qnetd),
        }
    }
}

/// A word as Ansible takes its arguments for ssh apart.
fn one_word(text: &str) -> String {
    match text.contains(char::is_whitespace) {
        true => format!("'{text}'"),
        false => text.to_owned(),
    }
}

/// An inventory of Ansible's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inventory {
    cluster_nodes: Group,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_nodes: Option<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qnetd: Option<Group>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Group {
    hosts: BTreeMap<String, HostVars>,
    vars: GroupVars,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct HostVars {
    ansible_host: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct GroupVars {
    ansible_user: &'static str,
    ansible_ssh_private_key_file: PathBuf,
    ansible_ssh_common_args: String,
}

impl Inventory {
    /// The inventory as YAML.
    ///
    /// # Errors
    /// When a path has no YAML form.
    pub fn yaml(&self) -> Result<String> {
        serde_yaml_ng::to_string(self).map_err(|e| Error::failed(format!("inventory: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Init;
    use super::super::access::tests::{access, access_by};

    #[test]
    fn an_inventory_of_those_that_ssh_reaches() {
        let yaml = access("/lab").inventory().yaml().unwrap();
        let wanted = "\
cluster_nodes:
  hosts:
    lab-node1:
      ansible_host: 172.31.200.11
    lab-node2:
      ansible_host: 172.31.200.12
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: /lab/keys/ssh-root
    ansible_ssh_common_args: -o IdentitiesOnly=yes -o HostKeyAlias=lxc-autogen-lab-lab \
-o UserKnownHostsFile=/lab/keys/known_hosts -o StrictHostKeyChecking=yes
";
        assert_eq!(yaml, wanted);
        // A remote node with systemd runs sshd as well.
        let machines = access_by("/lab", Init::Systemd);
        let yaml = machines.inventory().yaml().unwrap();
        let group =
            "\nremote_nodes:\n  hosts:\n    lab-remote1:\n      ansible_host: 172.31.200.51\n";
        assert!(yaml.contains(group), "{yaml}");
        assert!(machines.ssh_config().contains("Host lab-remote1 remote1\n"));
    }
}
