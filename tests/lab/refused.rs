//! What bad input gets: a clear error, and nothing touched.

use crate::Test;
use crate::world::{Before, lxa, run, tool};
use std::path::Path;

pub const TESTS: &[Test] = &[("refused_before_anything_is_touched", refused)];

fn refused() {
    let before = Before::new();
    let directory = tempfile::tempdir().unwrap();
    let toml = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("lab up -f {}", path.display())
    };
    for (arguments, code, says) in [
        (
            "lab up --name Lab".to_owned(),
            2,
            "cannot be the name of a lab",
        ),
        ("lab up --name twelve-chars".to_owned(), 2, "11 characters"),
        ("lab up --cluster-nodes 0".to_owned(), 2, "1 to 32"),
        ("lab up --cluster-nodes 33".to_owned(), 2, "1 to 32"),
        (
            "lab up --remote-nodes 1000 -n 10.9.0.1/24".to_owned(),
            2,
            "has 244 addresses for nodes, and 1040 are needed for 3 cluster nodes and 1000 remote",
        ),
        (
            "lab up -n 10.9.0.1/29 --cluster-nodes 20".to_owned(),
            2,
            "10.9.0.0/29 has no addresses for nodes, and 20 are needed for 20 nodes",
        ),
        (
            "lab up --share /opt".to_owned(),
            2,
            "a directory of their own",
        ),
        (
            "lab up --share /lib64".to_owned(),
            2,
            "a directory of their own",
        ),
        (
            "lab up --share /var/lib/pacemaker/cib".to_owned(),
            2,
            "a directory of their own",
        ),
        ("lab up --share /tmp/../etc".to_owned(), 2, "without \"..\""),
        (
            "lab up --agents /nowhere:qa".to_owned(),
            2,
            "--agents /nowhere: there is no such directory",
        ),
        ("lab up --overlay /etc".to_owned(), 2, "--overlay /etc: "),
        (
            "lab up --overlay /usr --init own".to_owned(),
            2,
            "nodes that are machines, and these are none",
        ),
        ("lab up --env PCMK_debug".to_owned(), 2, "there is no ="),
        (
            "lab up --agents /usr/lib/ocf/resource.d/heartbeat".to_owned(),
            2,
            "the nodes have a provider heartbeat of their own",
        ),
        (
            "lab up --network 300.1.1.1".to_owned(),
            2,
            "is no IPv4 address",
        ),
        (
            "lab up --base /etc".to_owned(),
            2,
            "there is no directory usr",
        ),
        (
            toml("unknown.toml", "cluster-node = 3\n"),
            2,
            "did you mean cluster-nodes?",
        ),
        (toml("broken.toml", "name = [\n"), 2, "line 1"),
        (toml("timeout.toml", "timeout = \"long\"\n"), 2, "line 1"),
        // It counts more than the environment, which names one that is there.
        (
            toml("remoted.toml", "remoted = \"/etc/passwd\"\n"),
            2,
            "--remoted /etc/passwd: no executable file",
        ),
        ("lab up -f /nowhere.toml".to_owned(), 2, "No such file"),
        ("lab down".to_owned(), 3, "there is no lab lab"),
        ("lab down --if-exists".to_owned(), 0, "there is no lab lab"),
        ("lab down --all".to_owned(), 0, "no labs"),
        (
            toml("qa.toml", "name = \"qa\"\n").replace(" up ", " status "),
            3,
            "there is no lab qa",
        ),
        (
            toml("qa.toml", "name = \"qa\"\n").replace(" up ", " graph --name lab "),
            2,
            "qa.toml is of lab qa",
        ),
        ("lab status --name qa".to_owned(), 3, "there is no lab qa"),
        (
            "lab exec node1 -- true".to_owned(),
            125,
            "there is no lab lab",
        ),
        ("lab shell node1".to_owned(), 125, "there is no lab lab"),
        ("lab exec node1".to_owned(), 125, "lab exec lacks COMMAND"),
        (
            "lab up --remoted /etc/passwd".to_owned(),
            2,
            "no executable file",
        ),
    ] {
        lxa(&arguments).exits(code).complains(says);
        before.is_as_now();
    }
    // A tree in which something is missing.
    let schemas = directory.path().join("tree/usr/share/pacemaker");
    std::fs::create_dir_all(&schemas).unwrap();
    let base = format!("lab up --base {}/tree", directory.path().display());
    lxa(&base).exits(3).complains("no schemas of Pacemaker's");
    std::fs::write(schemas.join("pacemaker-3.9.rng"), "").unwrap();
    lxa(&base)
        .exits(3)
        .complains("corosync is not installed")
        .complains("install");
    verified(&format!("{}/tree", directory.path().display()));
    let programs = directory.path().join("tree/usr/sbin");
    std::fs::create_dir(&programs).unwrap();
    std::fs::write(programs.join("corosync"), "").unwrap();
    lxa(&base)
        .exits(3)
        .complains("pacemakerd is not installed in")
        .complains("install pacemaker");
    before.is_as_now();
    names_that_are_taken(directory.path());
    libvirt_that_cannot(directory.path());
    before.is_as_now();
    // Its plan, without a trace.
    let plan = lxa("lab up --dry-run --remote-nodes 1").exits(0);
    assert!(plan.out.contains("ring0_addr") && plan.out.contains("lab-remote1"));
    before.is_as_now();
    // Not root.
    let said = run(
        "setpriv",
        [
            "--reuid=65534",
            "--clear-groups",
            crate::world::BINARY,
            "lab",
            "up",
        ],
    );
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("needs root"), "{}", said.err);
}

/// `lab verify` fails nothing on a host that has no cluster running, and in a tree names all that
/// is lacking, where `lab up` names the first.
fn verified(tree: &str) {
    let table = lxa("lab verify").exits(0).out;
    for found in [
        "a throw-away one did",
        "lab-node1, lab-node2, lab-node3 on 172.31.200.0/24",
    ] {
        assert!(table.contains(found), "{table}");
    }
    assert!(!table.contains("FAILURE"), "{table}");
    let said = lxa(&format!("lab verify --quick --json --base {tree}")).exits(3);
    let json = crate::schema::conforms("lab-verify", &said.out);
    assert_eq!(json["lab"], "lab");
    let failures = json["checks"].as_array().unwrap().iter();
    let failures = failures.filter(|c| c["verdict"] == "failure");
    let found: Vec<&str> = failures.map(|c| c["found"].as_str().unwrap()).collect();
    assert_eq!(json["failures"], found.len(), "{json}");
    for lacking in ["corosync", "pacemakerd", "crm_mon", "VirtualDomain"] {
        assert!(
            found.iter().any(|f| f.contains(lacking)),
            "{lacking}: {found:?}"
        );
    }
}

fn names_that_are_taken(directory: &Path) {
    let before = Before::new();
    tool("ip link add lab-taken type bridge");
    lxa("lab up --name taken")
        .exits(3)
        .complains("network interface lab-taken");
    tool("ip link delete lab-taken");
    // A domain and a network of somebody else's; neither is touched.
    let log = Path::new("/etc/libvirt/lxc");
    let had_log = log.exists();
    for (what, xml, define, undefine, says) in [
        (
            "domain",
            r#"<domain type="lxc"><name>lab-node2</name><memory unit="MiB">64</memory>
               <os><type>exe</type><init>/bin/sleep</init></os><devices/></domain>"#,
            "define",
            "undefine lab-node2",
            "lab-node2 is a domain of libvirt that is not of this lab",
        ),
        (
            "network",
            "<network><name>lab-lab</name><bridge name='other0'/></network>",
            "net-define",
            "net-undefine lab-lab",
            "there is a network lab-lab that is not of this lab",
        ),
    ] {
        let file = directory.join(what);
        std::fs::write(&file, xml).unwrap();
        tool(&format!("virsh -c lxc:/// {define} {}", file.display()));
        let with_it = Before::new();
        lxa("lab up").exits(3).complains(says).complains("--name");
        with_it.is_as_now();
        tool(&format!("virsh -c lxc:/// {undefine}"));
    }
    if !had_log {
        let _ = std::fs::remove_dir(log);
    }
    before.is_as_now();
}

/// Undoes what a test did to the world, also when the test fails.
struct Undo<F: Fn()>(F);

impl<F: Fn()> Drop for Undo<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn libvirt_that_cannot(directory: &Path) {
    let before = Before::new();
    // No libvirtd: its socket is where nobody looks.
    let socket = "/run/libvirt/libvirt-sock";
    std::fs::rename(socket, "/run/libvirt/elsewhere").unwrap();
    let back = Undo(|| std::fs::rename("/run/libvirt/elsewhere", socket).unwrap());
    lxa("lab up")
        .exits(3)
        .complains("libvirt's LXC driver does not answer")
        .complains("start libvirtd");
    drop(back);
    // Control groups with which it can start nothing.
    let unified = "/sys/fs/cgroup/unified";
    std::fs::create_dir(unified).unwrap();
    tool(&format!("mount -t cgroup2 cgroup2 {unified}"));
    let controllers = format!("{unified}/cgroup.controllers");
    let back = Undo(|| {
        run("umount", [&controllers]);
        tool(&format!("umount {unified}"));
        std::fs::remove_dir(unified).unwrap();
    });
    // A world's own group in it has none, whatever the kernel has.
    let some = directory.join("controllers");
    std::fs::write(&some, "cpu io memory\n").unwrap();
    tool(&format!("mount --bind {} {controllers}", some.display()));
    lxa("lab up")
        .exits(3)
        .complains("Unable to create directory /sys/fs/cgroup/unified")
        .complains("umount /sys/fs/cgroup/unified");
    drop(back);
    before.is_as_now();
}
