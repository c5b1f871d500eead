//! The domain XML of a guest node's container.

use super::container::{
    Card, Container, Privileges, bind, capabilities, covered_groups, in_memory, masked_sysrq,
    read_only,
};
use super::metadata;
use crate::plan::{Machine, Set};
use crate::rootfs::Layout;
use crate::spec::Authkey;
use crate::xml::El;
use std::path::Path;

/// The domain of one container of a set.
pub fn domain(set: &Set, guest: &Machine) -> El {
    Container {
        name: &guest.name,
        uuid: &guest.uuid,
        state_dir: &set.state_dir,
        memory_mib: set.spec.memory_mib,
        init: vec![set.remoted.inside().display().to_string()],
        environment: &set.environment,
        privileges: if set.spec.allow_mounts {
            Privileges::Mounting
        } else {
            Privileges::Least
        },
        emulator: &set.emulator,
        filesystems: filesystems(set, guest),
        card: Card {
            bridge: &set.network,
            mac: &guest.mac,
            address: guest.address,
            subnet: &set.subnet,
            host_side: None,
        },
        devices: &[],
    }
    .domain()
}

fn filesystems(set: &Set, guest: &Machine) -> Vec<El> {
    let mut all = root_and_trees(&set.container_dir(&guest.name).join("rootfs"), &set.layout);
    if let Some(remoted) = set.remoted.bind_source() {
        all.push(read_only(remoted, set.remoted.inside()));
    }
    if set.spec.authkey == Authkey::Bind {
        let directory = Path::new(crate::plan::AUTHKEY_DIRECTORY);
        all.push(read_only(directory, directory));
    }
    all.extend(set.mask_sysrq.then(masked_sysrq));
    all.push(in_memory(set.spec.shm_mib, "/dev/shm"));
    all.push(covered_groups());
    all
}

/// A container's own root, and over it what comes from the base tree, read-only.
pub fn root_and_trees(root: &Path, layout: &Layout) -> Vec<El> {
    let mut all = vec![bind(root, Path::new("/"))];
    all.extend(
        layout
            .trees
            .iter()
            .map(|tree| read_only(&layout.base.join(tree), &Path::new("/").join(tree))),
    );
    all
}

/// A domain of no set, to see whether this host can start a container at all: it runs `init` over
/// a read-only view of the host's trees without a network and ends by itself.
pub fn probe(name: &str, root: &Path, emulator: &Path, trees: &[String], init: &Path) -> El {
    El::new("domain")
        .attr("type", "lxc")
        .child(El::new("name").text(name))
        .child(metadata(root))
        .child(El::new("memory").attr("unit", "MiB").text(64))
        .child(
            El::new("os")
                .child(El::new("type").text("exe"))
                .child(El::new("init").text(init.display()))
                .child(El::new("initarg").text("5")),
        )
        .child(
            El::new("features")
                .child(El::new("privnet"))
                .child(capabilities(Privileges::Least)),
        )
        .child(
            El::new("devices")
                .child(El::new("emulator").text(emulator.display()))
                .child(bind(root, Path::new("/")))
                .children(trees.iter().map(|tree| {
                    let path = Path::new("/").join(tree);
                    read_only(&path, &path)
                }))
                .child(El::new("console").attr("type", "pty")),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;

    #[test]
    fn the_text_virtual_domain_greps_for_stands_on_lines_of_its_own() {
        let set = sample(1);
        let text = domain(&set, &set.guests()[0]).render();
        assert_eq!(text.matches("<name>").count(), 1);
        assert!(text.contains("\n  <name>lxc1</name>\n"), "{text}");
        let emulator = "\n    <emulator>/usr/lib/libvirt/libvirt_lxc</emulator>\n";
        assert!(text.contains(emulator), "{text}");
    }

    #[test]
    fn only_the_skeleton_is_writable_and_the_host_stays_out_of_reach() {
        let set = sample(1);
        let xml = domain(&set, &set.guests()[0]);
        let writable: Vec<&str> = xml
            .all("filesystem")
            .into_iter()
            .filter(|f| f.get("type") == Some("mount") && f.find("readonly").is_none())
            .filter_map(|f| f.find("source")?.get("dir"))
            .collect();
        assert_eq!(writable, ["/var/lib/lxc-autogen/lxc1/rootfs", "/dev/null"]);
        for capability in ["sys_boot", "sys_admin", "dac_read_search"] {
            assert_eq!(xml.all(capability)[0].get("state"), Some("off"));
        }
    }

    #[test]
    fn a_copied_key_needs_no_bind_and_mounts_are_allowed_on_request() {
        let mut set = sample(1);
        set.spec.authkey = Authkey::Copy;
        set.spec.allow_mounts = true;
        let text = domain(&set, &set.guests()[0]).render();
        assert!(!text.contains("/etc/pacemaker"), "{text}");
        assert!(!text.contains("sys_admin"), "{text}");
    }
}
