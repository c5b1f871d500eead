//! A cluster that dies, a state directory that is lost, a disk that is full.

use crate::Test;
use crate::world::{
    Before, NODE, STATE, cluster, cluster_property, lxa, names, online, run, tool, until,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

pub const TESTS: &[Test] = &[
    ("the_cluster_dies", the_cluster_dies),
    ("the_state_directory_is_lost", the_state_directory_is_lost),
    ("a_full_disk", a_full_disk),
    (
        "a_node_that_never_comes_online",
        a_node_that_never_comes_online,
    ),
    ("others_changes_are_kept", others_changes_are_kept),
];

/// Pacemaker's daemons in this world, by name.
fn pacemaker_pids() -> Vec<i32> {
    // A container's own pacemaker-remoted lives on, as it would.
    let daemons = [
        "pacemakerd",
        "pacemaker-based",
        "pacemaker-fence",
        "pacemaker-execd",
        "pacemaker-attrd",
        "pacemaker-sched",
        "pacemaker-contr",
    ];
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|e| {
            let pid: i32 = e.file_name().to_str()?.parse().ok()?;
            let name = std::fs::read_to_string(e.path().join("comm")).ok()?;
            daemons.contains(&name.trim()).then_some(pid)
        })
        .collect()
}

fn kill_cluster() {
    for pid in pacemaker_pids() {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    until("the cluster is dead", 20, || {
        run("cibadmin", ["--query"]).code != 0
    });
}

fn start_cluster() {
    Command::new("setsid")
        .args(["--fork", "pacemakerd"])
        .env("PCMK_logfile", "/var/log/pacemaker/pacemaker.log")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    until("the cluster is up again", 60, || {
        let up = run("cibadmin", ["--query"]);
        up.code == 0 && up.out.contains("dc-uuid=\"") && cluster().online(NODE)
    });
}

fn the_cluster_dies() {
    let before = Before::new();
    lxa("up -c 2").exits(0);
    kill_cluster();
    lxa("up -c 3")
        .exits(3)
        .complains("no Pacemaker cluster runs");
    // All that can be said against the last action is said before the first.
    let qa = "/var/lib/lxc-autogen-qa";
    lxa(&format!("-g -a -c 1 --prefix qa --state-dir {qa}"))
        .exits(3)
        .complains("no Pacemaker cluster runs");
    assert!(!Path::new(qa).exists());
    lxa("cleanup").exits(3).complains("--force");
    assert!(
        Path::new(STATE).join("lxc1/domain.xml").exists(),
        "nothing was touched"
    );

    // Everything but the CIB goes, and what stays is told.
    let said = lxa("cleanup --force").exits(4);
    assert!(
        said.err.contains("resource container1 of the CIB"),
        "{}",
        said.err
    );
    assert_eq!(tool("virsh -c lxc:/// list --all --name").trim(), "");
    assert!(!Path::new(STATE).join("lxc1").exists());

    start_cluster();
    lxa("cleanup").exits(0);
    before.is_as_now();
}

/// Whether the key, the kernel setting and the groups were ours nobody can know any more; so they
/// are there beforehand.
fn the_state_directory_is_lost() {
    let key = Path::new("/etc/pacemaker/authkey");
    std::fs::write(key, [7; 4096]).unwrap();
    chown(
        key,
        None,
        Some(
            nix::unistd::Group::from_name("haclient")
                .unwrap()
                .unwrap()
                .gid
                .as_raw(),
        ),
    )
    .unwrap();
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
    run("mkdir", ["-p", "/var/log/libvirt/lxc"]).exits(0);
    let groups = lxc_autogen::host::cgroups::machine_groups_to_come().unwrap();
    for group in &groups {
        std::fs::create_dir(group).unwrap();
        // A cpuset of v1 begins without any, and nothing could run in it.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if let Ok(all) = std::fs::read_to_string(group.with_file_name(file)) {
                std::fs::write(group.join(file), all).unwrap();
            }
        }
    }

    let before = Before::new();
    lxa("up -c 3 -C --hosts").exits(0);
    assert_eq!(online(), names("lxc", 3));
    std::fs::remove_dir_all(STATE).unwrap();
    lxa("cleanup").exits(0).complains("is gone");
    let tags = run("cibadmin", ["--query", "--xpath", "//tags"]);
    assert_ne!(tags.code, 0, "an empty section is left: {}", tags.out);
    // Their logs stay: without the journal they could be another's of that name.
    for n in 1..=3 {
        std::fs::remove_file(format!("/var/log/libvirt/lxc/lxc{n}.log")).unwrap();
    }
    // Pacemaker knows the key of the test before for up to 60 s, and `up` then has the failed
    // connections forgotten. The property in which Pacemaker notes that could be another's, too.
    if cluster_property("last-lrm-refresh").is_some() {
        tool("crm_attribute -t crm_config -n last-lrm-refresh -D");
    }
    before.is_as_now();

    for group in groups {
        std::fs::remove_dir(group).unwrap();
    }
    run("rmdir", ["/var/log/libvirt/lxc"]).exits(0);
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "0").unwrap();
    std::fs::remove_file(key).unwrap();
}

fn a_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    let disk = directory.path().display();
    let before = Before::new();
    for size in ["16k", "64k", "400k"] {
        tool(&format!("mount -t tmpfs -o size={size} disk {disk}"));
        lxa(&format!("up -c 20 --state-dir {disk}/state"))
            .exits(1)
            .complains("No space left");
        assert_eq!(
            std::fs::read_dir(directory.path()).unwrap().count(),
            0,
            "{size}: something is left"
        );
        tool(&format!("umount {disk}"));
        before.is_as_now();
    }
    // A set that is there cannot grow, and can be taken away: no half line spoils the journal, and
    // what cannot be written down does not keep what frees the disk from being undone.
    tool(&format!("mount -t tmpfs -o size=400k disk {disk}"));
    lxa(&format!("generate -c 1 --state-dir {disk}/state")).exits(0);
    let filler = directory.path().join("filler");
    let zeros = vec![0; 4096];
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&zeros).is_ok() {}
    drop(file);
    lxa(&format!("generate -c 30 --state-dir {disk}/state")).complains("No space left");
    lxa(&format!("cleanup --state-dir {disk}/state")).exits(0);
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    tool(&format!("umount {disk}"));
    before.is_as_now();
    tool(&format!("mount -t tmpfs -o ro disk {disk}"));
    lxa(&format!("up -c 2 --state-dir {disk}/state"))
        .exits(1)
        .complains("Read-only file system");
    tool(&format!("umount {disk}"));
    before.is_as_now();
}

fn a_node_that_never_comes_online() {
    let before = Before::new();
    let directory = tempfile::tempdir().unwrap();
    let silent = directory.path().join("silent");
    // It says its version, and then does nothing.
    let version = tool("pacemakerd --version");
    let version = version.lines().next().unwrap();
    std::fs::write(
        &silent,
        format!("#!/bin/sh\n[ \"$1\" = --version ] && echo '{version}' && exit\nexec sleep 1000\n"),
    )
    .unwrap();
    std::fs::set_permissions(&silent, std::fs::Permissions::from_mode(0o755)).unwrap();
    let said = lxa(&format!(
        "up -c 2 --timeout 8 --remoted {}",
        silent.display()
    ))
    .exits(5);
    assert!(
        said.err
            .contains("2 of 2 nodes are not online after 8 s: lxc1, lxc2"),
        "{}",
        said.err
    );
    assert!(
        Path::new(STATE).join("lxc1").exists(),
        "it is left for a look"
    );
    lxa("cleanup").exits(0);
    before.is_as_now();

    // Another version is told before it fails.
    std::fs::write(&silent, "#!/bin/sh\necho Pacemaker 1.1.24\n").unwrap();
    lxa(&format!("up -c 2 --remoted {}", silent.display()))
        .exits(3)
        .complains("version 1.1.24");
    before.is_as_now();
}

/// A key or network that is not what we made any more is reported, not removed.
fn others_changes_are_kept() {
    let before = Before::new();
    lxa("generate -c 1").exits(0);
    let key = std::fs::read("/etc/pacemaker/authkey").unwrap();
    std::fs::write("/etc/pacemaker/authkey", "theirs").unwrap();
    lxa("cleanup")
        .exits(4)
        .complains("it is not the one we made any more");
    assert_eq!(std::fs::read("/etc/pacemaker/authkey").unwrap(), b"theirs");
    std::fs::write("/etc/pacemaker/authkey", key).unwrap();
    lxa("cleanup").exits(0);
    before.is_as_now();

    // Somebody's own resource under the name of one of ours.
    lxa("-g -a -c 1").exits(0);
    until("it runs", 60, || online() == names("lxc", 1));
    tool(
        "crm_resource --resource container1 --meta --set-parameter target-role --parameter-value Stopped",
    );
    until("it is stopped", 60, || online().is_empty());
    tool("cibadmin --delete --force --xpath //primitive[@id='container1']");
    std::fs::write("/run/theirs.xml", DUMMY).unwrap();
    tool("cibadmin --create --scope resources --xml-file /run/theirs.xml");
    lxa("cleanup")
        .exits(0)
        .complains("container1 of the CIB is not what was made here");
    assert!(tool("cibadmin --query").contains("theirs"));
    tool("cibadmin --delete --xml-file /run/theirs.xml");
    std::fs::remove_file("/run/theirs.xml").unwrap();
    before.is_as_now();

    // Where /etc/hosts is a mount point, as in containers, it is changed in place.
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().join("hosts");
    std::fs::write(&own, "127.0.0.1 localhost").unwrap();
    tool(&format!("mount --bind {} /etc/hosts", own.display()));
    lxa("generate -c 1 --hosts").exits(0);
    let text = std::fs::read_to_string(&own).unwrap();
    assert!(text.contains("192.168.123.11 lxc1"), "{text}");
    lxa("cleanup").exits(0);
    assert_eq!(
        std::fs::read_to_string(&own).unwrap(),
        "127.0.0.1 localhost"
    );
    tool("umount /etc/hosts");
    before.is_as_now();
}

const DUMMY: &str = r#"<primitive id="container1" class="ocf" provider="pacemaker" type="Dummy"
    description="theirs"/>"#;
