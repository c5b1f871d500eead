//! What is under work on the host, in nodes: resource agents, shared directories, builds.

use crate::lab::Lab;
use crate::world::{BINARY, Said, lxa, run, until};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// Where nodes find providers of resource agents.
const PROVIDERS: &str = "/usr/lib/ocf/resource.d";

/// A directory of the host with one agent, which does nothing but remember that it runs.
pub struct Agents(TempDir);

impl Agents {
    pub fn new() -> Agents {
        let agents = Agents(tempfile::tempdir().unwrap());
        // Not ocf:pacemaker:Dummy: its meta-data is of another standard than the ocf-tester of
        // resource-agents 4.12 knows.
        let text = std::fs::read_to_string(format!("{PROVIDERS}/heartbeat/Dummy")).unwrap();
        agents.write("Dummy", &text);
        agents
    }

    /// As editors do it: a new file takes the name.
    fn write(&self, name: &str, text: &str) {
        let (new, path) = (self.path().join(".new"), self.path().join(name));
        std::fs::write(&new, text).unwrap();
        std::fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Options by which a lab's nodes see it as provider qa, and at another place besides.
    pub fn options(&self) -> String {
        let path = self.path().display();
        format!("--agents {path}:qa --share {path}:/srv/qa")
    }

    /// The nodes, each of another kind, find the agent, test it, run it, and see what changes.
    pub fn are_in(&self, lab: &Lab, nodes: &[&str]) {
        let agent = format!("{PROVIDERS}/qa/Dummy");
        for node in nodes {
            let exec = |command: &str| lxa(&format!("lab exec {}/{node} -- {command}", lab.name));
            let said = exec(&format!("ocf-tester -n qa {agent}")).exits(0);
            assert!(said.out.contains("passed all tests"), "{said:?}");
            for su in ["su nobody -s /bin/sh -c id", "runuser -u nobody id"] {
                assert!(exec(su).exits(0).out.contains("(nobody)"), "{su} in {node}");
            }
            exec(&format!("cmp /srv/qa/Dummy {agent}")).exits(0);
            // Those of the base tree are there all the same, and nothing can be written.
            exec(&format!("test -x {PROVIDERS}/heartbeat/IPaddr2")).exits(0);
            assert_ne!(exec(&format!("touch {agent}")).code, 0, "{node}");
        }
        let listed = lab.ok("node1", "crm_resource --list-agents ocf:qa");
        assert_eq!(listed, "Dummy\n");
        let xml = "<primitive id='qa' class='ocf' provider='qa' type='Dummy'/>";
        cib(lab, "--create", xml).exits(0);
        let text = std::fs::read_to_string(self.path().join("Dummy")).unwrap();
        for node in nodes {
            // What is edited now counts at the next start.
            let line = format!("#!/bin/sh\necho ran > /tmp/{node}\n");
            self.write("Dummy", &text.replacen("#!/bin/sh\n", &line, 1));
            let name = match node.starts_with("lxc") {
                true => (*node).to_owned(),
                false => lab.node(node),
            };
            lab.ok("node1", &format!("crm_resource -r qa --move -N {name}"));
            until(&format!("it runs on {name}"), 30, || {
                lab.runs_on("node1", "qa") == [name.clone()]
            });
            let at = format!("{}/{node}", lab.name);
            run(
                BINARY,
                ["lab", "exec", &at, "--", "cat", &format!("/tmp/{node}")],
            )
            .exits(0);
            lab.ok("node1", "crm_resource -r qa --clear");
        }
        self.write("Dummy", &text);
        cib(lab, "--delete", xml).exits(0);
    }
}

fn cib(lab: &Lab, act: &str, xml: &str) -> Said {
    let node = format!("{}/node1", lab.name);
    let start = [
        "lab",
        "exec",
        &node,
        "--",
        "cibadmin",
        act,
        "-o",
        "resources",
    ];
    run(BINARY, start.into_iter().chain(["--xml-text", xml]))
}

/// What `make install DESTDIR=DIR` leaves: a program in place of the base tree's, one that is new, and a
/// pacemaker-remoted, whose unit is not in /usr, as where pkg-config names /lib for units.
pub struct Build(TempDir);

impl Build {
    pub fn new() -> Build {
        let build = Build(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(build.0.path().join("usr/sbin")).unwrap();
        std::fs::create_dir(build.0.path().join("etc")).unwrap();
        if let Some(remoted) = std::env::var_os("LXC_AUTOGEN_REMOTED") {
            let of_build = build.0.path().join("usr/sbin/pacemaker-remoted");
            std::fs::copy(remoted, of_build).unwrap();
        }
        build.install("of the build");
        build
    }

    fn install(&self, says: &str) {
        for name in ["crm_shadow", "qa-new"] {
            let path = self.0.path().join("usr/sbin").join(name);
            std::fs::write(&path, format!("#!/bin/sh\necho {says}\n")).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
    }

    pub fn options(&self) -> String {
        let path = self.0.path().display();
        format!("--overlay {path} --env PCMK_qa=machine")
    }

    /// Cluster and remote nodes run it.
    pub fn is_in(&self, lab: &Lab, says: &str) {
        for node in ["node1", "node2", "remote1"] {
            for program in ["crm_shadow", "qa-new"] {
                assert_eq!(lab.ok(node, program), format!("{says}\n"), "{node}");
            }
            lab.ok(node, "crm_mon --version");
        }
        let runs = lab.shell("remote1", "readlink /proc/$(pidof pacemaker-remoted)/exe");
        assert_eq!(runs.exits(0).out, "/usr/sbin/pacemaker-remoted\n");
        assert!(!Path::new("/usr/sbin/qa-new").exists());
        lab.change("--env A=b").exits(2).complains("--env");
    }

    /// It counts when a node is started again.
    pub fn is_made_again(&self) {
        self.install("made again");
    }
}

/// A variable is in the environment of Pacemaker's daemons in nodes of the two kinds, and not in that
/// of commands.
pub fn set_for_daemons(lab: &Lab, variable: &str) {
    for (node, daemon) in [
        ("node1", "pacemaker-based"),
        ("remote1", "pacemaker-remoted"),
    ] {
        let all = lab.shell(
            node,
            &format!("tr '\\0' '\\n' < /proc/$(pidof {daemon})/environ"),
        );
        let all = all.exits(0).out;
        assert!(all.lines().any(|l| l == variable), "{node}: {all}");
    }
    let mine = lab.ok("node1", "env");
    assert!(!mine.lines().any(|l| l == variable), "{mine}");
}

/// The commands of docs/builds.md, each with the beginning of a line that it prints.
pub fn recipes(lab: &Lab) {
    const PAGE: &str = include_str!("../../docs/builds.md");
    let blocks = PAGE.split("```console\n").skip(1);
    let lines = blocks.flat_map(|b| b.split("```").next().unwrap().lines());
    let mut all: Vec<(String, Vec<&str>)> = Vec::new();
    for line in lines {
        match line.strip_prefix("# ") {
            Some(command) => all.push((
                command.replace("lxc-autogen lab", &format!("{BINARY} lab")),
                vec![],
            )),
            None => all
                .last_mut()
                .unwrap()
                .1
                .push(line.split('…').next().unwrap()),
        }
    }
    assert!(all.len() >= 12, "{all:?}");
    for (command, told) in all {
        let tool = ["gdb", "gcore", "valgrind", "strace"];
        let lacking = tool
            .iter()
            .find(|t| command.contains(&format!("{t} ")) && which::which(t).is_err());
        if let Some(tool) = lacking {
            crate::runner::not_proven(&format!("{tool} is not installed, so not its recipe"));
            continue;
        }
        let said = run("sh", ["-c", &command]).exits(0);
        for start in told {
            assert!(
                said.out.lines().any(|l| l.starts_with(start)),
                "{command}\n{start}\n{said:?}"
            );
        }
    }
    lab.await_online("node1", 90, "node1 node2 remote1");
    // By a plain name they are where Pacemaker's daemons are.
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let cores = lab.ok("node1", "ls /var/lib/pacemaker/cores");
    assert!(cores.contains("based."), "{cores}");
    if pattern.trim() == "core" {
        assert!(cores.lines().any(|l| l.starts_with("core")), "{cores}");
    }
}
