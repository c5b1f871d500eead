//! Nodes that are machines: systemd, a writable system, and the tools people use.

use crate::Test;
use crate::lab::Lab;
use crate::reboot;
use crate::work::{self, Build};
use crate::world::{lxa, run, until};
use nix::sys::signal::Signal;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub const TESTS: &[Test] = &[("nodes_are_machines", nodes_are_machines)];

/// What a lab of machines is asked for with.
const MACHINES: &str = "--cluster-nodes 1 -c 0 --init systemd --root full";

/// Secrets of the host's /etc, none of which must be in a node's: paths below it, texts, modes.
const SECRETS: &[(&str, &str, u32)] = &[
    (
        "qa/rsa",
        "-----BEGIN RSA PRIVATE KEY-----\nQA-SECRET",
        0o644,
    ),
    (
        "qa/openssh",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nQA-SECRET",
        0o644,
    ),
    (
        "qa/pgp",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nQA-SECRET",
        0o644,
    ),
    ("qa/putty", "PuTTY-User-Key-File-3: QA-SECRET", 0o644),
    ("qa/age", "AGE-SECRET-KEY-1QA-SECRET", 0o644),
    (
        "qa/openvpn",
        "-----BEGIN OpenVPN Static key V1-----\nQA-SECRET",
        0o644,
    ),
    ("qa/wireguard", "[Interface]\nPrivateKey = QA-SECRET", 0o644),
    ("qa/hash", "joe:$6$salt$QA-SECRET:1::::::", 0o644),
    ("qa/htpasswd", "joe:$apr1$salt$QA-SECRET", 0o644),
    ("qa/ldap", "userPassword: {SSHA}QA-SECRET", 0o644),
    ("qa/ini", "[db]\ndb_password = QA-SECRET", 0o644),
    ("qa/json", "{\"a\": {\"api_key\": \"QA-SECRET\"}}", 0o644),
    ("qa/xml", "<a><password>QA-SECRET</password></a>", 0o644),
    ("qa/url", "https://joe:QA-SECRET@example.com/", 0o644),
    (
        "qa/netrc",
        "machine example.com login joe password QA-SECRET",
        0o644,
    ),
    ("qa/jwt", "# eyJhbGciOiJIUzI1NiJ9.eyJQA-SECRET", 0o644),
    ("qa/store.p12", "QA-SECRET", 0o644),
    ("qa/roots-own", "QA-SECRET", 0o600),
    ("qa/closed/file", "QA-SECRET", 0o644),
    ("corosync/qa", "QA-SECRET", 0o644),
    ("libvirt/qa", "QA-SECRET", 0o644),
    ("ssh/qa_key", "QA-SECRET", 0o644),
    ("NetworkManager/qa", "QA-SECRET", 0o644),
    ("krb5.keytab", "QA-SECRET", 0o644),
];

/// What was planted in the host's /etc. Dropping this value takes it away.
struct Planted {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Planted {
    fn now() -> Planted {
        let etc = Path::new("/etc");
        let (mut files, mut directories) = (Vec::new(), Vec::new());
        let setting = ("qa/setting", "colour = blue\n", 0o644);
        for (name, text, mode) in SECRETS.iter().chain([&setting]) {
            let path = etc.join(name);
            let parents: Vec<_> = path.ancestors().skip(1).filter(|p| !p.exists()).collect();
            for parent in parents.into_iter().rev() {
                std::fs::create_dir(parent).unwrap();
                directories.push(parent.to_owned());
            }
            assert!(!path.exists(), "{} is this machine's", path.display());
            std::fs::write(&path, text).unwrap();
            set_mode(&path, *mode);
            files.push(path);
        }
        set_mode(&etc.join("qa/closed"), 0o700);
        Planted { files, directories }
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

impl Drop for Planted {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
        for directory in self.directories.iter().rev() {
            let _ = std::fs::remove_dir(directory);
        }
    }
}

fn nodes_are_machines() {
    let _planted = Planted::now();
    let build = Build::new();
    let lab = Lab::up("lab", &format!("{MACHINES} {}", build.options()));
    // Those that come later are known to pcs on the first as well.
    lab.change("--cluster-nodes 2 --remote-nodes 1").exits(0);
    let ask = |command: &str| lab.exec("node1", command);
    until("it runs", 60, || {
        ask("systemctl is-system-running").out.trim() == "running"
    });
    lab.ok("node2", "systemd-run --unit=qa-fails false");
    until("it is seen", 10, || {
        let table = lxa("lab status").out;
        table.contains("qa-fails failed (exit-code)")
    });
    lab.ok("node2", "systemctl reset-failed qa-fails");
    has_memory_of_its_own(&lab);
    asked_by_pcs(&lab);
    asked_by_crmsh(&lab);
    // Packed by whatever the node has of gzip, bzip2 and xz.
    let report = lab.ok("node1", "find /tmp -name qa-report.tar* -size +0");
    assert!(report.contains("/tmp/qa-report.tar"), "{report}");
    writable_and_without_secrets(&lab);
    takes_packages(&lab);

    // Stopped and started by pcs, from another node.
    lab.ok("node1", "pcs cluster stop lab-node2");
    until("it is seen", 30, || {
        let table = lxa("lab status").out;
        table.contains("offline    corosync inactive; pacemaker inactive")
    });
    lab.ok("node1", "pcs cluster start lab-node2");
    lab.await_online("node1", 60, "node1 node2 remote1");
    assert!(!lab.fenced("node1", "node2"), "it left in good order");

    work::set_for_daemons(&lab, "PCMK_qa=machine");
    build.is_in(&lab, "of the build");
    build.is_made_again();
    // What was changed is there after the plug was pulled, and nowhere else.
    let was = lab.init("node2");
    // By SIGKILL: virsh destroy begins with SIGTERM, on which a node that runs nothing can have taken
    // leave before it is gone, and need not be fenced.
    lab.signal_all("node2", Signal::SIGKILL);
    until("it is fenced", 60, || lab.fenced("node1", "node2"));
    lab.await_online("node1", 90, "node1 node2 remote1");
    assert_ne!(lab.init("node2"), was);
    assert_eq!(lab.ok("node2", "qa-program"), "of node2\n");
    assert_eq!(lab.ok("node2", "crm_shadow"), "made again\n");
    assert_ne!(
        lab.exec("node1", "test -e /usr/local/bin/qa-program").code,
        0
    );
    assert!(!Path::new("/usr/local/bin/qa-program").exists());
    reboot::comes_back(&lab);
    reboot::so_is_a_remote_node(&lab);
    work::recipes(&lab);
    lab.down();
}

/// What the node has, and not the host.
pub fn has_memory_of_its_own(lab: &Lab) {
    let free = lab.ok("node1", "free --mebi");
    let total = free
        .lines()
        .nth(1)
        .and_then(|l| l.split_whitespace().nth(1));
    assert_eq!(total, Some("2048"), "{free}");
    let used = || {
        let text = lab.ok("node1", "cat /proc/meminfo");
        let line = text.lines().find(|l| l.starts_with("MemFree:"));
        line.unwrap().to_owned()
    };
    let was = used();
    lab.ok("node1", "dd if=/dev/zero of=/dev/shm/qa bs=1M count=64");
    until("it is seen", 10, || used() != was);
    lab.ok("node1", "rm /dev/shm/qa");
    lab.ok("node1", "top -b -n 1");
}

fn asked_by_pcs(lab: &Lab) {
    until("pcsd knows both nodes", 60, || {
        let said = lab.exec("node1", "pcs status pcsd").out;
        said.matches(": Online").count() == 2
    });
    let status = lab.ok("node1", "pcs status");
    for daemon in ["corosync", "pacemaker", "pcsd"] {
        let line = format!("{daemon}: active/enabled");
        assert!(status.contains(&line), "{status}");
    }
    for command in [
        "pcs config",
        "pcs resource config",
        "pcs cluster config",
        "pcs stonith config",
        "pcs property",
    ] {
        let said = lab.exec("node1", command);
        assert_eq!(
            (said.code, said.err.contains("Traceback")),
            (0, false),
            "{said:?}"
        );
    }
    // By the password, as somebody would who has only read where it is kept.
    let kept = "/var/lib/lxc-autogen-lab-lab/keys/hacluster";
    let password = std::fs::read_to_string(kept).unwrap();
    let known = "/var/lib/pcsd/known-hosts";
    let said = lab.shell(
        "node1",
        &format!(
            "rm {known} && pcs host auth -u hacluster -p {} lab-node1 lab-node2 lab-remote1",
            password.trim()
        ),
    );
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        lab.ok("node1", &format!("cat {known}"))
            .contains("lab-node2")
    );
}

fn asked_by_crmsh(lab: &Lab) {
    for command in [
        "crm status",
        "crm configure show",
        "crm configure verify",
        "crm report -f 5M /tmp/qa-report",
    ] {
        let said = lab.exec("node1", command);
        assert_eq!(
            (said.code, said.err.contains("Traceback")),
            (0, false),
            "{said:?}"
        );
    }
    lab.ok("node1", "crm node standby lab-node2");
    lab.await_note("node1", "node2", 10, "standby");
    lab.ok("node1", "crm node online lab-node2");
    lab.await_online("node1", 10, "node1 node2 remote1");
}

/// A package goes into one node, and neither into another nor into the host.
fn takes_packages(lab: &Lab) {
    // Packages start what they bring, which images for Docker do not let them (invoke-rc.d(8)).
    let policy = "/usr/sbin/policy-rc.d";
    lab.ok("node2", &format!("{policy} x start"));
    let script = "mkdir -p /tmp/qa/DEBIAN /tmp/qa/usr/share/qa && echo new > /tmp/qa/usr/share/qa/file \
                  && printf 'Package: lxc-autogen-qa\\nVersion: 1\\nArchitecture: all\\n\
                  Maintainer: qa <qa@example.com>\\nDescription: a test\\n' > /tmp/qa/DEBIAN/control \
                  && dpkg-deb --build /tmp/qa /tmp/qa.deb";
    lab.shell("node2", script).exits(0);
    lab.ok("node2", "dpkg --install /tmp/qa.deb");
    lab.ok("node2", "apt-get remove -y lxc-autogen-qa");
    lab.ok("node2", "apt-get install -y /tmp/qa.deb");
    assert_eq!(lab.ok("node2", "cat /usr/share/qa/file"), "new\n");
    assert_eq!(lab.ok("node2", "dpkg --audit"), "");
    let asked = "dpkg-query --show lxc-autogen-qa";
    lab.ok("node2", asked);
    assert_eq!(lab.exec("node1", asked).code, 1);
    run("dpkg-query", ["--show", "lxc-autogen-qa"]).exits(1);
}

fn writable_and_without_secrets(lab: &Lab) {
    lab.ok("node2", "mkdir -p /usr/local/bin");
    let program = "/usr/local/bin/qa-program";
    lab.shell(
        "node2",
        &format!("printf '#!/bin/sh\\necho of node2\\n' > {program} && chmod +x {program}"),
    )
    .exits(0);
    assert_eq!(lab.ok("node2", "cat /etc/qa/setting"), "colour = blue\n");
    let found = lab.exec(
        "node2",
        "grep --recursive --files-with-matches QA-SECRET /etc",
    );
    assert_eq!((found.code, found.out.as_str()), (1, ""), "{found:?}");
    let shadow = lab.ok("node2", "grep -v ^hacluster: /etc/shadow");
    assert!(!shadow.contains('$'), "{shadow}");
}
