//! Who can power what, and what a container's /proc is masked with.

use crate::Test;
use crate::lab::Lab;
use crate::runner::not_proven;
use crate::world::{Said, init_of, root_of, tool};
use lxc_autogen::libvirt::container::masked;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

pub const TESTS: &[Test] = &[(
    "only_its_own_nodes_are_fenced",
    only_its_own_nodes_are_fenced,
)];

/// Cannot be written to, were it not masked.
const MASKED: &str = "/proc/version";

fn only_its_own_nodes_are_fenced() {
    let lab = Lab::up("lab", "--cluster-nodes 1 --remote-nodes 1 -c 0");
    // A file of its /proc is masked as sysrq-trigger is, which not every kernel has: this is one that
    // every kernel has, and that nobody can do harm with.
    let masked = masked(Path::new(MASKED));
    // Somebody else's domain on the same libvirt; it ends by itself should this test fail.
    let directory = tempfile::tempdir().unwrap();
    let xml = directory.path().join("stranger.xml");
    std::fs::write(
        &xml,
        r#"<domain type="lxc"><name>stranger</name><memory unit="MiB">64</memory>
           <os><type>exe</type><init>/bin/sleep</init><initarg>60</initarg></os>
           <features><privnet/></features>
           <devices><filesystem type="mount"><source dir="/"/><target dir="/"/></filesystem>
           <console type="pty"/>MASK</devices></domain>"#
            .replace("MASK", &masked.render()),
    )
    .unwrap();
    tool(&format!("virsh -c lxc:/// create {}", xml.display()));
    let uuid = tool("virsh -c lxc:/// domuuid stranger").trim().to_owned();
    let address = "172.31.200.1";
    let fence = |name: &str, what: &str| {
        format!(
            "fence_virt -T {address} -p 1229 -k /etc/cluster/fence_xvm.key -C sha256 -c sha256 -H {name} -o {what}"
        )
    };
    let seen = format!("/proc/{}/root{MASKED}", init_of("stranger"));
    let kind = std::fs::metadata(&seen).unwrap();
    assert!(kind.file_type().is_char_device(), "{MASKED} is not masked");
    assert_eq!(
        kind.rdev(),
        nix::sys::stat::makedev(1, 3),
        "not the null device"
    );
    std::fs::write(&seen, "b").unwrap();
    assert_eq!(std::fs::read(&seen).unwrap(), b"");
    assert!(!std::fs::read(MASKED).unwrap().is_empty(), "the real one");

    // With one that believes nobody its groups are left out, which up has said.
    let groups = lab.fence_groups();
    if groups.is_empty() {
        not_proven("this fence_virtd cannot tell who asks, so fences for whoever has the key");
        lab.ok("node1", &fence("lab-remote1", "status"));
        tool("virsh -c lxc:/// destroy stranger");
        clear_up();
        return lab.down();
    }
    let listed = lab.exec("node1", &fence("x", "list")).out;
    let state = || tool("virsh -c lxc:/// domstate stranger").trim().to_owned();
    for name in ["stranger", uuid.as_str()] {
        is_denied(&lab.exec("node1", &fence(name, "off")), name);
        assert_eq!(state(), "running", "{name}");
    }
    assert!(
        listed.contains("lab-remote1") && !listed.contains("stranger"),
        "{listed}"
    );
    // Its own it can.
    let was = lab.init("remote1");
    assert_ne!(was, 0);
    lab.ok("node1", &fence("lab-remote1", "off"));
    assert_ne!(lab.init("remote1"), was);
    // The cluster fences it itself and so starts it again, unless pacemaker-remoted could still ask
    // for the shutdown of its node (libvirt begins with SIGTERM): then it is down, and stays so.
    lab.await_online("node1", 60, "node1");
    lab.change("").exits(0);
    let now = lab.init("remote1");
    assert!(now != 0 && now != was, "{now}, before: {was}");
    lab.await_online("node1", 60, "node1 remote1");
    // With a wrong key it cannot, with a copy of the right one it can.
    let was = (lab.init("node1"), lab.init("remote1"));
    lab.ok("node1", "cp /etc/cluster/fence_xvm.key /run/key");
    let copied = |name: &str, what: &str| {
        fence(name, what).replace("/etc/cluster/fence_xvm.key", "/run/key")
    };
    lab.ok("node1", &copied("lab-remote1", "status"));
    lab.ok("node1", "truncate -s 4095 /run/key");
    for what in ["status", "off"] {
        let said = lab.exec("node1", &copied("lab-remote1", what));
        assert_ne!(said.code, 0, "{what}: {}", said.out);
    }
    // Nor can a node that is none of those that may, had it the right one: where another that has
    // it in the same place is answered, it is told that it may not.
    let key = Path::new("/var/lib/lxc-autogen-lab-lab/fence/key");
    for node in ["node1", "remote1"] {
        let root = root_of(&format!("lab-{node}"));
        std::fs::copy(key, root.join("root/key")).unwrap();
    }
    let stolen = |name: &str, what: &str| {
        fence(name, what).replace("/etc/cluster/fence_xvm.key", "/root/key")
    };
    lab.ok("node1", &stolen("lab-node1", "status"));
    let listed = lab.ok("node1", &stolen("x", "list"));
    assert!(listed.contains("lab-node1"), "{listed}");
    for what in ["status", "off"] {
        is_denied(&lab.exec("remote1", &stolen("lab-node1", what)), what);
    }
    let listed = lab.ok("remote1", &stolen("x", "list"));
    assert!(!listed.contains("lab-"), "{listed}");
    assert_eq!((lab.init("node1"), lab.init("remote1")), was);
    tool("virsh -c lxc:/// destroy stranger");
    clear_up();
    lab.down();
}

/// By fence_virtd's word: it was reached, and knew the key.
#[track_caller]
fn is_denied(said: &Said, what: &str) {
    let denied = [&said.out, &said.err]
        .iter()
        .any(|text| text.contains("Permission denied"));
    assert!(said.code != 0 && denied, "{what}: {said:?}");
}

fn clear_up() {
    // libvirt makes it for its pivot_root(2), in what was this container's root: the world's own.
    let _ = std::fs::remove_dir("/.oldroot");
    for path in lxc_autogen::libvirt::hypervisor::LXC.leftovers("stranger") {
        let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path));
    }
}
