//! What is refused, before anything is touched.

use crate::Test;
use crate::anyone::ForAnyone;
use crate::world::{BINARY, Before, STATE, Said, lxa, run, tool};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

pub const TESTS: &[Test] = &[
    ("names_that_are_taken", names_that_are_taken),
    ("subnets_that_are_taken", subnets_that_are_taken),
    (
        "a_cluster_that_would_start_nothing",
        a_cluster_that_would_start_nothing,
    ),
    ("files_in_the_way", files_in_the_way),
    (
        "state_directories_that_are_not_ours",
        state_directories_that_are_not_ours,
    ),
    ("a_host_that_lacks_something", a_host_that_lacks_something),
];

fn names_that_are_taken() {
    let cases = [
        (
            "resources",
            r#"<primitive id="container2" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="s"><nvpair id="s-t" name="target-role" value="Stopped"/></meta_attributes></primitive>"#,
            "container2 is the id of something else",
        ),
        (
            "resources",
            r#"<primitive id="lxc2" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="s"><nvpair id="s-t" name="target-role" value="Stopped"/></meta_attributes></primitive>"#,
            "lxc2 is the id of something else",
        ),
        (
            "nodes",
            r#"<node id="lxc2" uname="lxc2" type="remote"/>"#,
            "lxc2 is a node of the cluster already",
        ),
        (
            "resources",
            r#"<primitive id="vm" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="vm-m"><nvpair id="vm-m-r" name="remote-node" value="lxc2"/><nvpair id="vm-m-t" name="target-role" value="Stopped"/></meta_attributes></primitive>"#,
            "lxc2 is a guest node already",
        ),
        (
            "resources",
            r#"<primitive id="lxc-rsc" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="s"><nvpair id="s-t" name="target-role" value="Stopped"/></meta_attributes></primitive>"#,
            "lxc-rsc is the id of something else",
        ),
    ];
    for (section, xml, complaint) in cases {
        run(
            "cibadmin",
            ["--create", "--scope", section, "--xml-text", xml],
        )
        .exits(0);
        let before = Before::new();
        lxa("up -c 3 -C")
            .exits(3)
            .complains(complaint)
            .complains("choose another --prefix");
        before.is_as_now();
        run(
            "cibadmin",
            ["--delete", "--scope", section, "--xml-text", xml],
        )
        .exits(0);
    }
    // A domain of somebody else's, which stays.
    let directory = tempfile::tempdir().unwrap();
    let xml = directory.path().join("lxc2.xml");
    std::fs::write(&xml, "<domain type='lxc'><name>lxc2</name><memory>10000</memory><os><type>exe</type><init>/bin/true</init></os><devices><console type='pty'/></devices></domain>").unwrap();
    tool(&format!("virsh -c lxc:/// define {}", xml.display()));
    let before = Before::new();
    lxa("up -c 3")
        .exits(3)
        .complains("lxc2 is a domain of libvirt that is not ours");
    lxa("cleanup").exits(0);
    before.is_as_now();
    tool("virsh -c lxc:/// undefine lxc2");
    // The drop of what a Dummy left in the cluster's memory.
    tool("crm_resource --refresh");
}

fn subnets_that_are_taken() {
    tool("ip link add taken0 type bridge");
    tool("ip address add 192.168.123.200/25 dev taken0");
    // No address of its own making, which would appear a moment later.
    tool("ip link set taken0 addrgenmode none");
    tool("ip link set taken0 up");
    let before = Before::new();
    lxa("up -c 2 -n 192.168.123.1")
        .exits(3)
        .complains("192.168.123.0/24 is in use")
        .complains("taken0");
    before.is_as_now();
    // The default gives way.
    lxa("generate -c 2").exits(0).complains("192.168.124.0/24");
    lxa("cleanup").exits(0);
    before.is_as_now();
    tool("ip link delete taken0");

    let directory = tempfile::tempdir().unwrap();
    let xml = directory.path().join("net.xml");
    std::fs::write(&xml, "<network><name>theirs</name><bridge name='theirs0'/><ip address='10.77.0.1' netmask='255.255.0.0'/></network>").unwrap();
    tool(&format!("virsh -c lxc:/// net-define {}", xml.display()));
    lxa("generate -c 2 -n 10.77.3.1")
        .exits(3)
        .complains("libvirt's network theirs");
    tool("virsh -c lxc:/// net-undefine theirs");
}

fn a_cluster_that_would_start_nothing() {
    for (name, value, back) in [
        ("maintenance-mode", "true", None),
        ("stop-all-resources", "true", None),
        ("stonith-enabled", "true", Some("false")),
    ] {
        let set = |value: &str| run("crm_attribute", ["-n", name, "-v", value]).exits(0);
        set(value);
        let before = Before::new();
        lxa("up -c 2")
            .exits(3)
            .complains("the cluster would start nothing")
            .complains("crm_attribute");
        before.is_as_now();
        match back {
            Some(value) => set(value),
            None => run("crm_attribute", ["-n", name, "-D"]).exits(0),
        };
    }
}

fn files_in_the_way() {
    let before = Before::new();
    lxa("generate -c 2").exits(0);
    run("mkdir", [format!("{STATE}/lxc3")]).exits(0);
    lxa("generate -c 4")
        .exits(3)
        .complains("lxc3 is in the way, and not ours");
    assert!(Path::new(STATE).join("lxc3").exists());
    run("rmdir", [format!("{STATE}/lxc3")]).exits(0);
    // A key made anew after ours was removed by hand is ours too.
    run("rm", ["/etc/pacemaker/authkey"]).exits(0);
    lxa("key-gen").exits(0);
    lxa("cleanup").exits(0);
    before.is_as_now();
}

fn state_directories_that_are_not_ours() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("state");
    let up = || lxa(&format!("up -c 2 --state-dir {}", dir.display()));
    let mode =
        |mode| std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).unwrap();
    let before = Before::new();

    std::fs::write(&dir, "a file").unwrap();
    up().exits(3).complains("is no directory");
    std::fs::remove_file(&dir).unwrap();
    std::fs::create_dir(&dir).unwrap();
    chown(&dir, Some(1), None).unwrap();
    up().exits(3).complains("belongs to uid 1");
    chown(&dir, Some(0), None).unwrap();
    mode(0o755);
    up().exits(3).complains("chmod 0700");
    mode(0o700);
    std::fs::write(dir.join("thesis.tex"), "x").unwrap();
    up().exits(3).complains("thesis.tex");
    assert!(dir.join("thesis.tex").exists());
    lxa(&format!("cleanup --state-dir {}", dir.display()))
        .exits(3)
        .complains("thesis.tex");
    lxa("up -c 2 --state-dir /tmp/a;b")
        .exits(2)
        .complains("not usable");

    // A file of somebody else's that came later stays, and is named.
    std::fs::remove_file(dir.join("thesis.tex")).unwrap();
    std::fs::remove_dir(&dir).unwrap();
    lxa(&format!("generate -c 1 --state-dir {}", dir.display())).exits(0);
    std::fs::write(dir.join("thesis.tex"), "x").unwrap();
    lxa(&format!("cleanup --state-dir {}", dir.display()))
        .exits(4)
        .complains("thesis.tex");
    std::fs::remove_file(dir.join("thesis.tex")).unwrap();
    lxa(&format!("cleanup --state-dir {}", dir.display())).exits(0);
    assert!(!dir.exists());
    before.is_as_now();
}

/// A program with a PATH of our making, and without root.
fn with(program: &Path, path: &Path, uid: u32, args: &str) -> Said {
    use std::os::unix::process::CommandExt;
    Command::new(program)
        .args(args.split_whitespace())
        .env("PATH", path)
        .stdin(Stdio::null())
        .uid(uid)
        .output()
        .unwrap()
        .into()
}

fn a_host_that_lacks_something() {
    let before = Before::new();
    let path = std::env::var("PATH").unwrap();
    let all = Path::new(&path);
    let program = ForAnyone::new(BINARY);
    let as_nobody = |args| with(&program.path(), all, 65534, args);
    as_nobody("up -c 2")
        .exits(3)
        .complains("needs root")
        .complains("--dry-run");
    as_nobody("cleanup").exits(3).complains("needs root");

    // Every tool but one.
    let directory = tempfile::tempdir().unwrap();
    for missing in ["virsh", "cibadmin", "ip"] {
        let bin = directory.path().join(missing);
        std::fs::create_dir(&bin).unwrap();
        for place in std::env::split_paths(&path) {
            for entry in std::fs::read_dir(&place).into_iter().flatten().flatten() {
                if entry.file_name() != missing {
                    let _ = std::os::unix::fs::symlink(entry.path(), bin.join(entry.file_name()));
                }
            }
        }
        let said = with(Path::new(BINARY), &bin, 0, "up -c 2")
            .exits(3)
            .complains(&format!("{missing} is not installed"));
        assert!(said.err.contains("mend: "), "{}", said.err);
    }
    before.is_as_now();
}
