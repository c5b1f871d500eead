//! PID 1 of a cluster node, by itself: in a pid namespace with daemons that do what real ones do.

use crate::Test;
use crate::world::{BINARY, until};
use lxc_autogen::supervisor::{Config, Daemon, Ready};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

pub const TESTS: &[Test] = &[
    ("in_order_up_and_down", in_order_up_and_down),
    ("from_outside_the_plug_is_pulled", from_outside),
];

/// A node's PID 1 in namespaces of its own.
struct Node {
    directory: tempfile::TempDir,
    unshare: Child,
}

impl Node {
    /// Daemons are scripts: name, stage, whether to wait for the file of their name, and what they do.
    fn new(daemons: &[(&str, u32, bool, &str)], stop_s: u64) -> Node {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let daemons = daemons.iter().map(|(name, stage, waits, does)| {
            let script = format!(
                "cd {}\nsay() {{ echo {name} $1 >>log; }}\nsay begins\n{does}\n",
                directory.path().display()
            );
            Daemon {
                name: (*name).to_owned(),
                command: ["/bin/bash", "-c", &script].map(str::to_owned).to_vec(),
                stage: *stage,
                ready: waits.then(|| Ready::Path(at(name))),
                panics: vec![],
                stop_s,
            }
        });
        let config = Config {
            directories: vec![("/run/made".into(), 0o1777)],
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            daemons: daemons.collect(),
            ..Config::default()
        };
        std::fs::write(at("node.json"), serde_json::to_string(&config).unwrap()).unwrap();
        // /run and /var/log are its own, as in a container. Who starts it may ignore signals.
        let start = format!(
            "trap '' TERM HUP; mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log && exec {BINARY} node-init {}",
            at("node.json").display()
        );
        let unshare = Command::new("unshare")
            .args(["--pid", "--fork", "--kill-child", "--mount", "--mount-proc"])
            .args(["--propagation", "private", "--", "sh", "-c", &start])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Node { directory, unshare }
    }

    /// Its PID 1 as we number it.
    fn init(&self) -> u32 {
        lxc_autogen::libvirt::virsh::child_of(self.unshare.id()).unwrap_or(0)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn await_log(&self, line: &str) {
        until(line, 10, || self.log().iter().any(|l| l == line));
    }

    /// What it says of its daemons.
    fn report(&self) -> String {
        let path = format!("/proc/{}/root/run/lxc-autogen/daemons.json", self.init());
        std::fs::read_to_string(path).unwrap_or_default()
    }

    fn has_ended(&mut self) -> bool {
        self.unshare.try_wait().unwrap().is_some()
    }

    /// Runs a command in there.
    fn inside(&self, command: &str) -> String {
        let pid = self.init().to_string();
        let arguments = ["--target", &pid, "--mount", "--pid", "sh", "-c", command];
        let output = Command::new("nsenter").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

/// Says when it is told to stop, and stops.
const WILLING: &str = "trap 'say stops; exit 0' TERM\nwhile :; do sleep 0.05; done";

fn in_order_up_and_down() {
    let slow = "(sleep 0.5; say ready; touch slow) &\n".to_owned() + WILLING;
    // Does not stop, and leaves an orphan that nobody waits for but PID 1.
    let stubborn = "trap 'say refuses' TERM\n(sleep 0.2 & echo $! >orphan)\n\
                    while :; do sleep 0.05; done";
    let daemons = [
        ("slow", 0, true, slow.as_str()),
        ("stubborn", 1, false, stubborn),
        ("last", 2, false, WILLING),
    ];
    let mut node = Node::new(&daemons, 1);
    node.await_log("last begins");
    // One stage after the other, and not before the one before is ready.
    let up = [
        "slow begins",
        "slow ready",
        "stubborn begins",
        "last begins",
    ];
    assert_eq!(node.log(), up);
    until("all are said to run", 5, || {
        node.report().matches("running").count() == 3
    });
    let made = node.inside("stat -c %a /run/made");
    assert_eq!(made.trim(), "1777");

    // The orphan ends, and is not there as a zombie.
    let orphan = std::fs::read_to_string(node.path("orphan")).unwrap();
    let orphan = Path::new("/proc").join(orphan.trim());
    until("the orphan is reaped", 5, || {
        node.inside(&format!("test -e {} || echo gone", orphan.display()))
            .trim()
            == "gone"
    });

    // A daemon that dies stays dead, is seen, and is started again when asked.
    node.inside("pkill -KILL -f 'say[(][)] [{] echo last'");
    until("its death is seen", 5, || {
        node.report().contains("killed by SIGKILL")
    });
    node.inside("kill -HUP 1");
    until("it runs again", 5, || {
        node.log().iter().filter(|l| *l == "last begins").count() == 2
            && node.report().matches("running").count() == 3
    });

    // Down in the other order; one that refuses is killed when its time is over.
    let began = Instant::now();
    node.inside("kill -TERM 1");
    until("it ends", 10, || node.has_ended());
    let took = began.elapsed().as_secs_f32();
    assert_eq!(
        node.log()[5..],
        ["last stops", "stubborn refuses", "slow stops"],
        "after {took} s"
    );
    assert!((1.0..4.0).contains(&took), "stopping took {took} s");
}

fn from_outside() {
    let mut node = Node::new(&[("one", 0, false, WILLING)], 20);
    node.await_log("one begins");
    until("it runs", 5, || node.report().contains("running"));
    let began = Instant::now();
    kill(
        Pid::from_raw(i32::try_from(node.init()).unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    until("it ends", 5, || node.has_ended());
    assert!(began.elapsed().as_secs() < 2);
    assert_eq!(node.log(), ["one begins"], "nobody was told to stop");
}
