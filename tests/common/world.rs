//! What the tests have in common: running our binary and the field's tools, and the comparison of
//! the world before and after.

// Each of the test programs that share this uses a part of it.
#![allow(dead_code)]

use crate::mon::View;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The binary under test: this build's, or the installed one where these tests are a package.
pub const BINARY: &str = match option_env!("LXC_AUTOGEN_TESTS_OF") {
    Some(installed) => installed,
    None => env!("CARGO_BIN_EXE_lxc-autogen"),
};
/// The tree whose `scripts` the tests use.
pub const ROOT: &str = match option_env!("LXC_AUTOGEN_TESTS_IN") {
    Some(installed) => installed,
    None => env!("CARGO_MANIFEST_DIR"),
};
/// The cluster node of a world: a lab's.
pub const NODE: &str = "world-node1";
/// The default state directory, which the world keeps private.
pub const STATE: &str = "/var/lib/lxc-autogen";

/// What a program said.
#[derive(Debug)]
pub struct Said {
    /// Exit status.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    /// Fails the test unless the program exited like this.
    #[track_caller]
    pub fn exits(self, code: i32) -> Said {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }

    /// Fails the test unless standard error has this text.
    #[track_caller]
    pub fn complains(self, text: &str) -> Said {
        assert!(self.err.contains(text), "no {text:?} in:\n{}", self.err);
        self
    }
}

/// Runs a program.
pub fn run<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = S>) -> Said {
    let program = program.as_ref();
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{program:?}: {e}"))
        .into()
}

/// Runs lxc-autogen with arguments separated by spaces.
pub fn lxa(args: &str) -> Said {
    run(BINARY, args.split_whitespace())
}

/// Runs a tool with arguments separated by spaces, which must succeed, and gives back its output.
#[track_caller]
pub fn tool(line: &str) -> String {
    let mut words = line.split_whitespace();
    run(words.next().unwrap(), words).exits(0).out
}

/// A cluster property, if it is set.
pub fn cluster_property(name: &str) -> Option<String> {
    let said = run(
        "crm_attribute",
        ["-t", "crm_config", "-n", name, "-G", "-q"],
    );
    (said.code == 0).then(|| said.out.trim().to_owned())
}

/// The cluster as crm_mon shows it.
pub fn cluster() -> View {
    View::parse(&tool("crm_mon -1 --output-as=xml"))
}

/// Names of all guest and remote nodes that are online: crm_mon says so, and so does the node, which
/// the cluster tools in it can ask the cluster through its connection alone. Judged by neither our
/// own reader of what crm_mon prints nor our own idea of a connection.
pub fn online() -> Vec<String> {
    let view = cluster();
    let names = view.all_online().filter(|name| *name != NODE);
    // Side by side: each takes a few processes.
    std::thread::scope(|scope| {
        let asked: Vec<_> = names
            .map(|name| (name, scope.spawn(|| reaches_the_cluster(name))))
            .collect();
        let asked = asked
            .into_iter()
            .map(|(name, told)| (name, told.join().unwrap()));
        let online = asked.filter(|(_, reaches)| *reaches);
        online.map(|(name, _)| name.to_owned()).collect()
    })
}

/// Whether the CIB can be read in a container: pacemaker-remoted hands that on to a cluster node that
/// is connected with it, and refuses where none is.
///
/// For 2 s after a join, while the cluster starts what goes to the new nodes, Pacemaker 2.1.5 ends
/// one in thirty such connections before it answers ("Communication error on send"; so it was with
/// our 0.1.0, whose `up` ended later). So it is asked again for a while.
fn reaches_the_cluster(domain: &str) -> bool {
    let end = Instant::now() + Duration::from_secs(5);
    while !asks_the_cluster(domain) {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    true
}

fn asks_the_cluster(domain: &str) -> bool {
    let pid = init_of(domain).to_string();
    let inside = [
        "--mount", "--uts", "--ipc", "--net", "--pid", "--target", &pid, "--",
    ];
    let query = ["cibadmin", "--query", "--xpath", "/cib", "--no-children"];
    let said = run("nsenter", inside.iter().chain(&query));
    said.code == 0 && said.out.starts_with("<cib ")
}

/// `PREFIX1 … PREFIXn`, sorted as names are.
pub fn names(prefix: &str, count: usize) -> Vec<String> {
    let mut all: Vec<String> = (1..=count).map(|n| format!("{prefix}{n}")).collect();
    all.sort();
    all
}

/// Waits for something to become true.
#[track_caller]
pub fn until(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {seconds} s");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The process that is PID 1 of a container, as the world sees it.
///
/// 0 while it is not there.
pub fn init_of(domain: &str) -> u32 {
    let id = run("virsh", ["-c", "lxc:///", "domid", domain]).out;
    let id = id.trim();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let children = children.unwrap_or_default();
    children
        .split_whitespace()
        .next()
        .map_or(0, |pid| pid.parse().unwrap())
}

/// The root of a running container of this world, as its init has it, whether it is a directory or a
/// disk.
#[track_caller]
#[allow(dead_code)]
pub fn root_of(domain: &str) -> std::path::PathBuf {
    format!("/proc/{}/root", init_of(domain)).into()
}

/// What the world looked like when a test began.
pub struct Before {
    directory: tempfile::TempDir,
}

impl Before {
    /// Takes it down.
    pub fn new() -> Before {
        let directory = tempfile::tempdir().unwrap();
        let before = Before { directory };
        let file = before.file();
        run(
            BINARY,
            ["snapshot".as_ref(), "-o".as_ref(), file.as_os_str()],
        )
        .exits(0);
        before
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("before")
    }

    /// Fails the test with the differences, if there are any.
    #[track_caller]
    pub fn is_as_now(&self) {
        let file = self.file();
        let said = run(
            BINARY,
            ["snapshot".as_ref(), "--compare".as_ref(), file.as_os_str()],
        );
        assert_eq!(
            said.code, 0,
            "left behind (+), gone (-) or changed (~):\n{}{}",
            said.out, said.err
        );
    }
}

impl Drop for Before {
    /// A test that failed must not make those after it fail.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for state in ["", "--state-dir /var/lib/lxc-autogen-qa"] {
                let said = lxa(&format!("cleanup --force {state}"));
                eprintln!("cleaned up after the failure: {}", said.err);
            }
        }
    }
}
