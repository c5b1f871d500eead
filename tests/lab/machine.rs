//! Nodes that are machines: systemd, a writable system, and the tools people use.

use crate::Test;
use crate::lab::Lab;
use crate::world::{lxa, tool, until};
use std::path::Path;

pub const TESTS: &[Test] = &[("nodes_are_machines", nodes_are_machines)];

/// What a lab of machines is asked for with.
const MACHINES: &str = "--cluster-nodes 1 -c 0 --init systemd --root full";

/// Something secret in the host's /etc, which must not be in a node's.
struct Secret(&'static str);

impl Secret {
    /// Files that everybody may read, as careless people leave them, and one for root alone.
    const ALL: &[(&'static str, &'static str, u32)] = &[
        ("qa-open.key", "-----BEGIN RSA PRIVATE KEY-----\n", 0o644),
        ("qa-hash.conf", "joe:$6$salt$hash:1::::::\n", 0o644),
        ("qa-plain.conf", "db_password = x\n", 0o644),
        ("qa-closed.conf", "nothing\n", 0o600),
    ];

    fn plant() -> Secret {
        use std::os::unix::fs::PermissionsExt;
        for (name, text, mode) in Secret::ALL {
            let path = Path::new("/etc").join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)).unwrap();
        }
        std::fs::write("/etc/qa-setting.conf", "colour = blue\n").unwrap();
        Secret("/etc/qa-setting.conf")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        for (name, _, _) in Secret::ALL {
            let _ = std::fs::remove_file(Path::new("/etc").join(name));
        }
        let _ = std::fs::remove_file(self.0);
    }
}

fn nodes_are_machines() {
    let _planted = Secret::plant();
    let lab = Lab::up("lab", MACHINES);
    // One that comes later is known to pcs on the first as well.
    lab.change("--cluster-nodes 2").exits(0);
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
    asked_by_pcs(&lab);
    asked_by_crmsh(&lab);
    writable_and_without_secrets(&lab);

    // Stopped and started by pcs, from another node.
    lab.ok("node1", "pcs cluster stop lab-node2");
    until("it is seen", 30, || {
        let table = lxa("lab status").out;
        table.contains("offline    corosync inactive; pacemaker inactive")
    });
    lab.ok("node1", "pcs cluster start lab-node2");
    lab.await_online("node1", 60, "node1 node2");
    assert!(!lab.fenced("node1", "node2"), "it left in good order");

    // What was changed is there after the plug was pulled, and nowhere else.
    let was = lab.init("node2");
    tool("virsh -c lxc:/// destroy lab-node2");
    until("it is fenced", 60, || lab.fenced("node1", "node2"));
    lab.await_online("node1", 90, "node1 node2");
    assert_ne!(lab.init("node2"), was);
    assert_eq!(lab.ok("node2", "qa-program"), "of node2\n");
    assert_ne!(
        lab.exec("node1", "test -e /usr/local/bin/qa-program").code,
        0
    );
    assert!(!Path::new("/usr/local/bin/qa-program").exists());
    lab.down();
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
            "rm {known} && pcs host auth -u hacluster -p {} lab-node1 lab-node2",
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
    for command in ["crm status", "crm configure show", "crm configure verify"] {
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
    lab.await_online("node1", 10, "node1 node2");
}

fn writable_and_without_secrets(lab: &Lab) {
    lab.ok("node2", "mkdir -p /usr/local/bin");
    let program = "/usr/local/bin/qa-program";
    lab.shell(
        "node2",
        &format!("printf '#!/bin/sh\\necho of node2\\n' > {program} && chmod +x {program}"),
    )
    .exits(0);
    assert_eq!(
        lab.ok("node2", "cat /etc/qa-setting.conf"),
        "colour = blue\n"
    );
    for (name, _, _) in Secret::ALL {
        let said = lab.exec("node2", &format!("test -e /etc/{name}"));
        assert_eq!(said.code, 1, "/etc/{name} is in the node");
    }
    let shadow = lab.ok("node2", "grep -v ^hacluster: /etc/shadow");
    assert!(!shadow.contains('$'), "{shadow}");
}
