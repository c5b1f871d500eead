//! libvirt: domain and network XML (pure), and virsh with parsers of its output.

pub mod changed;
pub mod container;
pub mod hypervisor;
pub mod leftovers;
pub mod network;
pub mod qemu;
pub mod virsh;

/// The XML namespace of our metadata in domains and networks.
pub const NAMESPACE: &str = "urn:lxc-autogen:1";

use crate::xml::El;
use std::path::{Path, PathBuf};

/// The program that runs a container, relative to a root: first Debian's place, then that of all
/// other distributions.
pub const EMULATORS: [&str; 2] = ["usr/lib/libvirt/libvirt_lxc", "usr/libexec/libvirt_lxc"];

/// The first of [`EMULATORS`] that exists below a root.
pub fn emulator_in(root: &Path) -> Option<PathBuf> {
    EMULATORS
        .iter()
        .map(|path| root.join(path))
        .find(|path| path.exists())
}

/// The emulator of this host; where none exists, the path where it should be.
pub fn emulator() -> PathBuf {
    let root = Path::new("/");
    emulator_in(root).unwrap_or_else(|| root.join(EMULATORS[1]))
}

/// The metadata that mark a domain or network as made by us, for this state directory.
pub fn metadata(state_dir: &Path) -> El {
    El::new("metadata").child(
        El::new("lxc-autogen:made")
            .attr("xmlns:lxc-autogen", NAMESPACE)
            .attr("state-dir", state_dir.display()),
    )
}

/// The state directory in the mark of a domain or network; `None` for one without our mark.
pub fn marked_state_dir(object: &El) -> Option<&str> {
    let mark = object.find("metadata")?.children.iter().find(|c| {
        c.attrs
            .iter()
            .any(|(name, value)| name.starts_with("xmlns") && value == NAMESPACE)
    })?;
    mark.get("state-dir")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulator_is_found_in_either_place() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(emulator_in(root.path()), None);
        for place in EMULATORS.iter().rev() {
            let path = root.path().join(place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            assert_eq!(emulator_in(root.path()), Some(path));
        }
    }
}
