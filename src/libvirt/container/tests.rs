use super::*;
use crate::plan::blueprint;
use crate::plan::tests::sample;
use crate::spec::Authkey;

/// Element for element as 0.1.0 prints it (`up --dry-run`), compared once by hand.
#[test]
fn the_domain_of_a_guest_node_to_the_letter() {
    let set = sample(1);
    let text = domain(&blueprint(&set, &set.guests()[0])).render();
    assert_eq!(text, include_str!("../testdata/guest.xml"));
}

#[test]
fn the_text_virtual_domain_greps_for_stands_on_lines_of_its_own() {
    let set = sample(1);
    let text = domain(&blueprint(&set, &set.guests()[0])).render();
    assert_eq!(text.matches("<name>").count(), 1);
    assert!(text.contains("\n  <name>lxc1</name>\n"), "{text}");
    let emulator = "\n    <emulator>/usr/lib/libvirt/libvirt_lxc</emulator>\n";
    assert!(text.contains(emulator), "{text}");
}

#[test]
fn only_the_skeleton_is_writable_and_the_host_stays_out_of_reach() {
    let set = sample(1);
    let xml = domain(&blueprint(&set, &set.guests()[0]));
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
    let text = domain(&blueprint(&set, &set.guests()[0])).render();
    assert!(!text.contains("/etc/pacemaker"), "{text}");
    assert!(!text.contains("sys_admin"), "{text}");
}
