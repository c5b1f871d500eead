//! A lab of a container, a virtual machine and a remote one: one cluster, whose nodes fence each other,
//! are entered, copied to, and leave nothing.

use crate::lab::Lab;
use crate::runner::{Test, not_proven};
use crate::world::{lxa, tool, until};

pub const TESTS: &[Test] = &[(
    "virtual_machines_are_nodes_like_others",
    virtual_machines_are_nodes_like_others,
)];
pub const LONG: &[Test] = &[(
    "virtual_machines_have_systemd",
    virtual_machines_have_systemd,
)];

/// Seconds that an emulated machine may take until it is in its cluster, on a machine with other work.
const PATIENCE: u64 = 180;

/// Whether this machine can have any.
fn can() -> bool {
    let found = which::which("qemu-system-x86_64").is_ok();
    if !found {
        not_proven("there is no qemu-system-x86_64 here, so no virtual machine");
    }
    found
}

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
    let lab = Lab::up(
        "lab",
        "--cluster-nodes 1 --cluster-vms 1 --remote-vms 1 --init own",
    );
    lab.await_online("node1", 1, "node1 vm1 remote-vm1");
    for node in ["vm1", "remote-vm1"] {
        let xml = format!("/var/lib/lxc-autogen-lab-lab/lab-{node}/domain.xml");
        tool(&format!("virt-xml-validate {xml} domain"));
    }
    entered(&lab);
    shown(&lab);

    // Its plug is pulled: the container has it fenced, and it comes back.
    lxa("lab kill lab/vm1").exits(0);
    lab.await_note("node1", "vm1", 60, "unclean");
    lab.await_online("node1", PATIENCE, "node1 vm1 remote-vm1");
    assert!(lab.fenced("node1", "vm1"));
    // The other way round, by the machine.
    lxa("lab kill lab/node1").exits(0);
    until("lab-node1 is fenced", 60, || lab.fenced("vm1", "node1"));
    lab.await_online("vm1", PATIENCE, "node1 vm1 remote-vm1");

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
    lab.await_online("node1", PATIENCE, "node1 vm1 remote-vm1");

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
    lab.ok("vm1", "modprobe softdog");
    assert!(lab.ok("vm1", "lsmod").contains("softdog"));
    // Its network was set up without udev, and the names are known.
    lab.ok("vm1", "ping -c 1 -W 2 lab-remote-vm1");
}

/// As machines, with a system to be written to, one container and three of them.
fn virtual_machines_have_systemd() {
    if !can() {
        return;
    }
    let lab = Lab::up(
        "lab",
        "--cluster-nodes 0 --cluster-vms 3 --init systemd --root full --vm-memory 768",
    );
    lab.await_online("vm2", 1, "vm1 vm2 vm3");
    lab.ok("vm1", "systemctl is-active pacemaker");
    lab.ok("vm1", "touch /usr/written");
    lxa("lab restart lab/vm2").exits(0);
    lab.await_online("vm1", PATIENCE, "vm1 vm2 vm3");
    assert!(!lab.fenced("vm1", "vm2"), "it left in good order");
    // One fewer, and one that is a container.
    lab.change("--cluster-vms 2 --cluster-nodes 1 --remote-vms 1")
        .exits(0);
    lab.await_online("vm1", PATIENCE, "vm1 vm2 node1 remote-vm1");
    lab.down();
}
