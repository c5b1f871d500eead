//! A lab of a container, a virtual machine and a remote one: one cluster, whose nodes fence each other,
//! are entered, copied to, and leave nothing.

use crate::lab::Lab;
use crate::runner::Test;
use crate::world::{lxa, tool, until};
use crate::{PATIENCE, can};
use std::path::Path;

pub const TESTS: &[Test] = &[(
    "virtual_machines_are_nodes_like_others",
    virtual_machines_are_nodes_like_others,
)];

fn state(node: &str) -> String {
    tool(&format!(
        "virsh -c qemu:///system domstate --reason lab-{node}"
    ))
    .trim()
    .to_owned()
}

fn virtual_machines_are_nodes_like_others() {
    if !can() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "before\n").unwrap();
    let options =
        "--cluster-nodes 1 --cluster-vms 1 --remote-vms 1 -c 2 --watchdog softdog --init own";
    let share = directory.path().display();
    let lab = Lab::up("lab", &format!("{options} --share {share}:/shown"));
    let all = "node1 vm1 remote-vm1 lxc1 lxc2";
    lab.await_online("node1", 1, all);
    for node in ["vm1", "remote-vm1"] {
        let xml = format!("/var/lib/lxc-autogen-lab-lab/lab-{node}/domain.xml");
        tool(&format!("virt-xml-validate {xml} domain"));
    }
    entered(&lab);
    shown(&lab);
    live(&lab, directory.path());
    // Each that is killed would have its guest node recovered, too.
    lab.change("-c 0").exits(0);
    let all = "node1 vm1 remote-vm1";
    lab.await_online("node1", 30, all);

    // Its plug is pulled: the container has it fenced, and it comes back.
    lxa("lab kill lab/vm1").exits(0);
    lab.await_note("node1", "vm1", 60, "unclean");
    lab.await_online("node1", PATIENCE, all);
    assert!(lab.fenced("node1", "vm1"));
    // The other way round, by the machine.
    lxa("lab kill lab/node1").exits(0);
    until("lab-node1 is fenced", 60, || lab.fenced("vm1", "node1"));
    lab.await_online("vm1", PATIENCE, all);

    // A panic that is one: it stays as it fell until it is fenced.
    let was = tool("virsh -c qemu:///system domid lab-vm1");
    lab.shell(
        "vm1",
        "echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger",
    );
    until("it has crashed", 30, || {
        let now = state("vm1");
        // It can be fenced and running again by the time of the look.
        now == "shut off (crashed)"
            || tool("virsh -c qemu:///system list").contains("lab-vm1") && {
                tool("virsh -c qemu:///system domid lab-vm1") != was
            }
    });
    lab.await_online("node1", PATIENCE, all);

    let status = lxa("lab status --json").exits(0).out;
    assert!(status.contains("\"lab-remote-vm1\""), "{status}");
    lab.down();
}

/// Exit status, streams, both ways, and files; and a connection that is cut.
fn entered(lab: &Lab) {
    for node in ["vm1", "remote-vm1"] {
        let said = lab.shell(node, "echo out; echo err >&2; exit 7").exits(7);
        assert_eq!((said.out.as_str(), said.err.as_str()), ("out\n", "err\n"));
        assert_eq!(lab.exec(node, "no-such-program").code, 127);
    }
    assert_ne!(lab.ok("vm1", "uname -r"), lab.ok("node1", "uname -r"));
    let directory = tempfile::tempdir().unwrap();
    let [from, back] = ["from", "back"].map(|name| directory.path().join(name));
    let bytes: Vec<u8> = (0..2_000_000_u32)
        .map(|n| (n % 251 * (n % 7)) as u8)
        .collect();
    std::fs::write(&from, &bytes).unwrap();
    lxa(&format!("lab cp {} lab/vm1:/root/file", from.display())).exits(0);
    lxa(&format!("lab cp lab/vm1:/root/file {}", back.display())).exits(0);
    assert!(std::fs::read(&back).unwrap() == bytes, "another file");
    // Whoever waits for a program may go; the program goes too, and the port is free again.
    let cut = "timeout 2 \"$0\" lab exec lab/vm1 -- sleep 987";
    assert_eq!(
        crate::world::run("sh", ["-c", cut, crate::world::BINARY]).code,
        124
    );
    until("it has ended", 20, || {
        lab.exec("vm1", "pgrep -f 'sleep 987'").code != 0
    });
    // As many at once as there are ports, and one more, which waits.
    std::thread::scope(|scope| {
        for _ in 0..9 {
            scope.spawn(|| lab.ok("vm1", "sleep 1"));
        }
    });
}

/// What they see of this host, and their own modules.
fn shown(lab: &Lab) {
    let own = lab.ok("vm1", "cat /etc/hostname");
    assert_eq!(own, "lab-vm1\n");
    lab.ok("vm1", "modprobe drbd");
    assert!(lab.ok("vm1", "lsmod").contains("drbd"));
    lab.ok("vm1", "test -c /dev/watchdog");
    // Its network was set up without udev, and the names are known.
    lab.ok("vm1", "ping -c 1 -W 2 lab-remote-vm1");
}

/// A directory of this host, as it is at each moment, in the machine and in a guest node in it; whoever is
/// root there cannot write to it.
fn live(lab: &Lab, directory: &Path) {
    assert_eq!(lab.runs_on("node1", "container2"), ["lab-vm1"]);
    std::fs::write(directory.join("file"), "after\n").unwrap();
    for node in ["vm1", "remote-vm1"] {
        assert_eq!(lab.ok(node, "cat /shown/file"), "after\n");
    }
    assert_eq!(
        lxa("lab exec lxc2 -- cat /shown/file").exits(0).out,
        "after\n"
    );
    let write =
        "mount -o remount,rw /shown && mount -o remount,rw /.live/live1; echo gone > /shown/file";
    let said = lab.shell("vm1", write);
    assert!(said.err.contains("Read-only file system"), "{said:?}");
    let text = std::fs::read_to_string(directory.join("file")).unwrap();
    assert_eq!(text, "after\n");
}
