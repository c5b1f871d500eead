//! What sshd and its clients have in the nodes, with `--ssh`.

use super::{Lab, config, names};
use crate::plan::{dir, secret, text};
use crate::rootfs::{Entry, Owner};

/// One host key for all nodes and one key for root, which the nodes know from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Private host key.
    pub host: Vec<u8>,
    /// The public half of the host key.
    pub host_public: String,
    /// root's private key.
    pub user: Vec<u8>,
    /// The public half of root's key.
    pub user_public: String,
}

/// A node's files: root of each may go to all.
pub(super) fn files(lab: &Lab, ssh: &Keys) -> Vec<Entry> {
    let secret = |path: &str, bytes: &[u8]| secret(path, bytes, 0o600, Owner::Root);
    let known = names::known_hosts(lab, &ssh.host_public);
    vec![
        dir("root/.ssh", 0o700, Owner::Root),
        secret("root/.ssh/id_ed25519", &ssh.user),
        text("root/.ssh/id_ed25519.pub", ssh.user_public.clone()),
        text("root/.ssh/authorized_keys", ssh.user_public.clone()),
        text("etc/ssh/ssh_known_hosts", known),
        text("etc/ssh/sshd_config", config::sshd()),
        secret("etc/ssh/ssh_host_ed25519_key", &ssh.host),
    ]
}
