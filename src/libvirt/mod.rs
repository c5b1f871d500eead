//! libvirt: domain and network XML (pure), and virsh with parsers of what it prints.

pub mod container;
pub mod domain;
pub mod leftovers;
pub mod network;
pub mod virsh;

/// The namespace of our metadata in domains and networks.
pub const NAMESPACE: &str = "urn:lxc-autogen:1";

use crate::xml::El;
use std::path::Path;

/// What marks a domain or network as made by us, for a state directory.
pub fn metadata(state_dir: &Path) -> El {
    El::new("metadata").child(
        El::new("lxc-autogen:made")
            .attr("xmlns:lxc-autogen", NAMESPACE)
            .attr("state-dir", state_dir.display()),
    )
}

/// The state directory in our mark, when this domain or network has one.
pub fn marked_state_dir(object: &El) -> Option<&str> {
    let mark = object.find("metadata")?.children.iter().find(|c| {
        c.attrs
            .iter()
            .any(|(name, value)| name.starts_with("xmlns") && value == NAMESPACE)
    })?;
    mark.get("state-dir")
}
