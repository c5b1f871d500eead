//! A set of a virtual machine: refused where it cannot be, online, entered, restarted, gone.

use crate::kill::{Stage, in_journal, killed};
use crate::runner::{Test, not_proven};
use crate::schema::conforms;
use crate::world::{Before, STATE, cluster, lxa, run, tool, until};
use std::path::Path;

pub const TESTS: &[Test] = &[(
    "a_virtual_machine_is_a_guest_node",
    a_virtual_machine_is_a_guest_node,
)];
pub const LONG: &[Test] = &[
    ("killed_at_every_stage", killed_at_every_stage),
    ("it_crashes_grows_and_shrinks", it_crashes_grows_and_shrinks),
];

/// Seconds that an emulated machine may take until it is in its cluster, on a machine with other work.
const PATIENCE: u64 = 180;

/// Whether this machine can have any; the kernel is put then where the program looks for it, as a world
/// has no network to fetch one.
fn can() -> bool {
    let kernels = std::env::var_os("WORLD_CACHE").filter(|path| Path::new(path).is_dir());
    let lacking = [
        (
            which::which("qemu-system-x86_64").is_err(),
            "there is no qemu-system-x86_64 here",
        ),
        (
            !Path::new("/dev/net/tun").exists(),
            "there is no /dev/net/tun here",
        ),
        (kernels.is_none(), "no kernel was fetched for this world"),
    ];
    if let Some((_, what)) = lacking.iter().find(|(lacks, _)| *lacks) {
        not_proven(&format!("{what}, so no virtual machine"));
        return false;
    }
    // Images of /usr, and by what machines run here, are the same as in other worlds.
    let copy = "mkdir -p /var/cache/lxc-autogen; cp -a \"$WORLD_CACHE\"/. /var/cache/lxc-autogen/";
    run("sh", ["-c", copy]).exits(0);
    true
}

fn online() -> Vec<String> {
    let view = cluster();
    let guests = view.all_online().filter(|name| name.starts_with("lxc"));
    guests.map(str::to_owned).collect()
}

/// What a command in the machine prints.
#[track_caller]
fn inside(command: &str) -> String {
    run(
        crate::world::BINARY,
        ["exec", "lxc1", "--", "sh", "-c", command],
    )
    .exits(0)
    .out
}

fn boot_id() -> String {
    inside("cat /proc/sys/kernel/random/boot_id")
}

fn a_virtual_machine_is_a_guest_node() {
    if !can() {
        return;
    }
    let before = Before::new();
    // What cannot be is refused before anything is touched.
    for (options, said) in [
        ("--machine vm -s", "-s is for containers"),
        ("--machine vm -A", "--allow-anywhere"),
        ("--machine vm --authkey bind", "--authkey copy"),
        ("--machine vm --memory 64", "128"),
        ("--kernel generic", "--machine vm"),
    ] {
        lxa(&format!("up -c 1 {options}")).exits(2).complains(said);
    }
    lxa("up -c 4000 --machine vm").exits(3).complains("MiB");
    lxa("up -c 1 --machine vm --dry-run").exits(0);
    before.is_as_now();

    lxa("up -c 1 --machine vm").exits(0);
    assert_eq!(online(), ["lxc1"]);
    let domains = |hypervisor: &str| tool(&format!("virsh -c {hypervisor} list --name"));
    assert_eq!(domains("qemu:///system").trim(), "lxc1");
    assert_eq!(domains("lxc:///").trim(), "");
    tool("virt-xml-validate /var/lib/lxc-autogen/lxc1/domain.xml domain");
    readable();

    let status = lxa("status --json").exits(0).out;
    let status = conforms("status", &status);
    assert_eq!(status["nodes"][0]["virtual"], true);
    // It asks the cluster by its own connection, and has a kernel of its own.
    assert!(inside("cibadmin --query --xpath /cib --no-children").starts_with("<cib "));
    assert_ne!(inside("uname -r"), tool("uname -r"));
    let said = lxa("exec lxc1 -- sh -c exit\\ 7");
    assert_ne!(said.code, 0);
    lxa("up --machine container")
        .exits(2)
        .complains("--machine");

    let was = boot_id();
    lxa("restart lxc1").exits(0);
    assert_ne!(boot_id(), was);
    assert_eq!(online(), ["lxc1"]);

    lxa("cleanup").exits(0);
    before.is_as_now();
}

/// What pcs and crmsh have to read.
fn readable() {
    for command in [
        "pcs resource config container1",
        "crm configure show container1",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let said = run(words[0], &words[1..]).exits(0);
        let shown = said.out + &said.err;
        assert!(shown.contains("qemu:///system"), "{shown}");
        assert!(!shown.contains("Traceback"), "{shown}");
    }
    tool("crm_verify --live-check");
}

/// Stages of `up`, in the order it reaches them.
const STAGES: &[Stage] = &[
    ("the images' record", || in_journal(STATE, "\"images\"")),
    ("the initramfs", || {
        Path::new(STATE).join("images/initramfs").exists()
    }),
    ("virtlogd's record", || in_journal(STATE, "virtlogd")),
    ("the machine's files", || {
        Path::new(STATE).join("lxc1").exists()
    }),
    ("the machine's start", || {
        Path::new("/run/libvirt/qemu/lxc1.pid").exists()
    }),
];

fn killed_at_every_stage() {
    if !can() {
        return;
    }
    let before = Before::new();
    for (what, stage) in STAGES {
        killed("up -c 1 --machine vm", what, stage);
        let said = lxa("cleanup");
        assert_eq!(said.code, 0, "killed at {what}: {}", said.err);
        before.is_as_now();
    }
    killed("up -c 1 --machine vm", STAGES[3].0, STAGES[3].1);
    lxa("up").exits(0);
    assert_eq!(online(), ["lxc1"]);
    killed("cleanup", "the machine is gone", || {
        !Path::new("/run/libvirt/qemu/lxc1.pid").exists()
    });
    lxa("cleanup").exits(0);
    before.is_as_now();
}

fn it_crashes_grows_and_shrinks() {
    if !can() {
        return;
    }
    let before = Before::new();
    lxa("up -c 1 --machine vm -C").exits(0);
    let was = boot_id();
    // A panic that is one, and the cluster recovers it.
    let panic = "(sleep 1; echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger) >/dev/null 2>&1 &";
    inside(panic);
    until("it has started again", PATIENCE, || {
        online() == ["lxc1"] && {
            let again = lxa("exec lxc1 -- cat /proc/sys/kernel/random/boot_id");
            again.code == 0 && again.out != was
        }
    });
    lxa("up -c 2").exits(0);
    assert_eq!(online(), ["lxc1", "lxc2"]);
    lxa("up --memory 224 -c 1").exits(0);
    assert_eq!(online(), ["lxc1"]);
    lxa("restart lxc1").exits(0);
    let memory = tool("virsh -c qemu:///system dominfo lxc1");
    assert!(memory.contains("229376 KiB"), "{memory}");
    lxa("cleanup").exits(0);
    before.is_as_now();

    lxa("up -c 1 --machine vm --kind remote").exits(0);
    assert_eq!(online(), ["lxc1"]);
    lxa("restart lxc1").exits(0);
    assert_eq!(online(), ["lxc1"]);
    lxa("cleanup").exits(0);
    before.is_as_now();
}
