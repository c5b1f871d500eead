//! What a container cannot do to the host.

use crate::runner::not_proven;
use crate::world::{Before, init_of, lxa};
use lxc_autogen::libvirt::container::SYSRQ;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// By what the kernel says of the container's first process, not by trying: a test that is wrong
/// about this must not be what reboots the machine.
pub fn a_container_cannot_reach_the_host() {
    let before = Before::new();
    lxa("up -c 1").exits(0);
    let pid = init_of("lxc1");
    assert_ne!(pid, 0);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mask = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(name)).unwrap();
        u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
    };
    // Numbers of capability.h: dac_read_search, sys_module, sys_rawio, sys_admin, sys_boot, mknod.
    for bit in [2, 16, 17, 21, 22, 27] {
        for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
            assert_eq!(mask(set) >> bit & 1, 0, "capability {bit} in {set}");
        }
    }
    let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let options = |point: &str| {
        let line = mounts.lines().rfind(|l| l.split(' ').nth(4) == Some(point));
        line.map(|l| l.split(' ').nth(5).unwrap().to_owned())
    };
    for point in [
        "/usr",
        "/etc/pacemaker",
        "/etc/alternatives",
        "/opt/lxc-autogen/pacemaker-remoted",
    ] {
        let options = options(point).unwrap_or_else(|| panic!("{point} is not mounted"));
        assert!(options.split(',').any(|o| o == "ro"), "{point}: {options}");
    }
    // Its root is the skeleton and not the host's.
    let root = format!("/proc/{pid}/root");
    assert!(Path::new(&root).join("etc/hostname").exists());
    std::fs::write(HOSTS_OWN, "").unwrap();
    let seen = Path::new(&root).join(HOSTS_OWN.trim_start_matches('/'));
    let is_seen = seen.exists();
    std::fs::remove_file(HOSTS_OWN).unwrap();
    assert!(!is_seen, "the host's / is seen in the container");
    assert_eq!(
        std::fs::read_to_string(format!("{root}/etc/hostname")).unwrap(),
        "lxc1\n"
    );
    lxa("cleanup").exits(0);
    before.is_as_now();
}

/// A file directly in the host's /, as it is while a test looks for it in a container.
const HOSTS_OWN: &str = "/lxc-autogen-test";

/// Without ever writing to the real file.
pub fn the_trigger_is_masked() {
    if !Path::new(SYSRQ).exists() {
        return not_proven("this kernel has no sysrq-trigger that containers could reach");
    }
    let before = Before::new();
    lxa("up -c 1").exits(0);
    let seen = format!("/proc/{}/root{SYSRQ}", init_of("lxc1"));
    let kind = std::fs::metadata(seen).unwrap();
    let null = std::fs::metadata("/dev/null").unwrap();
    assert!(kind.file_type().is_char_device());
    assert_eq!(kind.rdev(), null.rdev(), "not the null device");
    lxa("cleanup").exits(0);
    before.is_as_now();
}
