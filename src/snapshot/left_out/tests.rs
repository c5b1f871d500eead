use super::*;

#[test]
fn names_with_and_without_a_star() {
    let left_out = LeftOut::new(&[PathBuf::from("/a/b*.pid"), PathBuf::from("/c")]);
    for path in ["/a/b.pid", "/a/bcd.pid", "/c", "/run/user"] {
        assert!(left_out.has(Path::new(path)), "{path}");
    }
    for path in ["/a/b", "/a/xb.pid", "/cc", "/", "/run", "/run/user/1000"] {
        assert!(!left_out.has(Path::new(path)), "{path}");
    }
    assert!(left_out.has_above(Path::new("/run/user/1000/bus")));
    assert!(!left_out.has_above(Path::new("/run/libvirt/lxc")));
}

#[test]
fn nothing_of_what_a_run_makes_is_left_out() {
    let left_out = LeftOut::new(&[]);
    let mut ours: Vec<PathBuf> = crate::libvirt::hypervisor::LXC.leftovers("lxc1");
    ours.extend(crate::libvirt::leftovers::drop_ins());
    ours.extend(crate::libvirt::leftovers::directories(
        &crate::libvirt::hypervisor::LXC,
    ));
    ours.extend(crate::libvirt::leftovers::network_directories());
    ours.extend(
        [
            "/var/lib/lxc-autogen/set.json",
            "/etc/pacemaker/authkey",
            "/etc/hosts",
            "/run/systemd/machines/lxc-7-lxc1",
            "/run/systemd/transient/machine-lxc1.scope",
            "/usr/lib/ocf/resource.d/heartbeat/VirtualDomain",
        ]
        .map(PathBuf::from),
    );
    for path in ours {
        assert!(!left_out.has_above(&path), "{}", path.display());
    }
}
