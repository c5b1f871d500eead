//! A lab's nodes as ssh reaches them from this host: for `ssh -F`, and as an inventory of
//! Ansible's. Pure, but for what finds the lab.

use super::directory::existing;
use super::{KEYS, KNOWN_HOSTS, Lab};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::files;
use crate::plan::{Kind, Machine};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The user that a lab's key is for.
const USER: &str = "root";

/// How ssh reaches the nodes of a lab: those in which sshd runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Access {
    /// The lab's name.
    pub lab: String,
    /// Who logs in.
    pub user: &'static str,
    /// Path of the private key.
    pub identity_file: PathBuf,
    /// Path of the file with the lab's host key.
    pub known_hosts_file: PathBuf,
    /// The name that the host key has in that file: all nodes have the same.
    pub host_key_alias: String,
    /// The nodes, in order.
    pub hosts: Vec<Reached>,
}

/// A node that ssh reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// Its name.
    pub name: String,
    /// Its name without the lab's.
    pub short_name: String,
    /// Its address.
    pub address: String,
    /// Its kind, as `lab status` calls it.
    #[serde(serialize_with = "text_of")]
    pub(super) kind: Kind,
}

fn text_of<S: serde::Serializer>(kind: &Kind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.text())
}

/// The name of a lab's host key in its known_hosts.
fn alias(lab: &Lab) -> String {
    format!("lxc-autogen-lab-{}", lab.spec.name)
}

/// The lab's known_hosts for this host: the one host key, under the lab's alias.
pub fn known_hosts(lab: &Lab, host_public: &str) -> String {
    // Without the comment behind it.
    let key: Vec<&str> = host_public.split_whitespace().take(2).collect();
    format!("{} {}\n", alias(lab), key.join(" "))
}

/// Of the lab of this name, or of the default one, which has the keys for it.
///
/// # Errors
/// [`crate::error::Kind::Cant`] when there is no such lab, or its nodes do not run sshd.
pub(crate) fn of_existing(context: &Context, name: Option<&str>) -> Result<Access> {
    let (_, lab) = existing(context, name)?;
    let access = Access::of(&lab)?;
    if files::exists(&access.known_hosts_file) {
        return Ok(access);
    }
    let missing = access.known_hosts_file.display();
    let mend = format!("lxc-autogen lab up --name {} makes it", access.lab);
    Err(Error::cant(format!("{missing} is not there")).mend(mend))
}

impl Access {
    /// Of a lab whose nodes run sshd.
    ///
    /// # Errors
    /// [`crate::error::Kind::Cant`] when they do not.
    pub fn of(lab: &Lab) -> Result<Access> {
        let name = &lab.spec.name;
        if !lab.spec.ssh {
            let made = format!("lab {name} was made without --ssh, and runs no sshd");
            let mend = format!(
                "lxc-autogen lab down --name {name}, then lxc-autogen lab up --name {name} --ssh"
            );
            return Err(Error::cant(made).mend(mend));
        }
        let own = format!("{name}-");
        let reached = |node: Machine| Reached {
            kind: node.kind,
            short_name: node.name.strip_prefix(&own).unwrap_or(&node.name).into(),
            address: node.address.to_string(),
            name: node.name,
        };
        let hosts = lab.systems().into_iter().map(reached);
        let keys = lab.path(KEYS);
        Ok(Access {
            lab: name.clone(),
            user: USER,
            identity_file: keys.join("ssh-root"),
            known_hosts_file: keys.join(KNOWN_HOSTS),
            host_key_alias: alias(lab),
            hosts: hosts.collect(),
        })
    }

    /// What ssh is told of every node, but for its address: the keywords of ssh_config(5).
    pub(super) fn settings(&self) -> [(&'static str, String); 6] {
        [
            ("User", self.user.to_owned()),
            ("IdentityFile", quoted(&self.identity_file)),
            ("IdentitiesOnly", "yes".to_owned()),
            ("HostKeyAlias", self.host_key_alias.clone()),
            ("UserKnownHostsFile", quoted(&self.known_hosts_file)),
            ("StrictHostKeyChecking", "yes".to_owned()),
        ]
    }

    /// A file for `ssh -F`, with a stanza for each node, so that it can be included in others.
    pub fn ssh_config(&self) -> String {
        let mut text = String::new();
        for host in &self.hosts {
            text.push_str(&format!("Host {} {}\n", host.name, host.short_name));
            text.push_str(&format!("    HostName {}\n", host.address));
            for (keyword, value) in self.settings() {
                text.push_str(&format!("    {keyword} {value}\n"));
            }
        }
        text
    }
}

/// A path as ssh_config(5) takes it: `%` begins a token there, and blanks end an argument.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%");
    match text.contains(char::is_whitespace) {
        true => format!("\"{text}\""),
        false => text,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lab::Init;
    use crate::lab::tests::sample;

    pub(in crate::lab) fn access(dir: &str) -> Access {
        access_by(dir, Init::Own)
    }

    pub(in crate::lab) fn access_by(dir: &str, init: Init) -> Access {
        let mut lab = sample(2, 1);
        lab.spec.ssh = true;
        lab.spec.init = init;
        lab.dir = dir.into();
        Access::of(&lab).unwrap()
    }

    #[test]
    fn a_stanza_for_each_cluster_node() {
        let text = access("/var/lib/lxc-autogen-lab-lab").ssh_config();
        let first = "\
Host lab-node1 node1
    HostName 172.31.200.11
    User root
    IdentityFile /var/lib/lxc-autogen-lab-lab/keys/ssh-root
    IdentitiesOnly yes
    HostKeyAlias lxc-autogen-lab-lab
    UserKnownHostsFile /var/lib/lxc-autogen-lab-lab/keys/known_hosts
    StrictHostKeyChecking yes
Host lab-node2 node2
    HostName 172.31.200.12
";
        assert!(text.starts_with(first), "{text}");
        assert_eq!(text.matches("Host ").count(), 2, "{text}");
    }

    #[test]
    fn a_path_with_blanks_is_one_argument_everywhere() {
        let access = access("/my labs/100%");
        let text = access.ssh_config();
        assert!(
            text.contains("\n    IdentityFile \"/my labs/100%%/keys/ssh-root\"\n"),
            "{text}"
        );
        let yaml = access.inventory().yaml().unwrap();
        let option = "-o 'UserKnownHostsFile=\"/my labs/100%%/keys/known_hosts\"' -o";
        assert!(yaml.contains(option), "{yaml}");
        let key = "ansible_ssh_private_key_file: /my labs/100%/keys/ssh-root\n";
        assert!(yaml.contains(key), "{yaml}");
    }

    #[test]
    fn the_known_host_is_the_alias() {
        let lab = sample(3, 0);
        assert_eq!(
            known_hosts(&lab, "ssh-ed25519 AAAA lxc-autogen lab\n"),
            "lxc-autogen-lab-lab ssh-ed25519 AAAA\n"
        );
    }

    #[test]
    fn without_sshd_there_is_nothing_to_reach() {
        let e = Access::of(&sample(1, 0)).unwrap_err();
        assert_eq!(e.kind, crate::error::Kind::Cant);
        assert!(e.mend_text().unwrap().ends_with("lab up --name lab --ssh"));
    }
}
