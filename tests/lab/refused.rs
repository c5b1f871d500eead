//! What bad input gets: a clear error, and nothing touched.

use crate::Test;
use crate::world::{Before, lxa, run, tool};

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
            "containers, not",
        ),
        (
            "lab up -n 10.9.0.1/29 --cluster-nodes 20".to_owned(),
            2,
            "containers, not",
        ),
        (
            "lab up --network 300.1.1.1".to_owned(),
            2,
            "is no IPv4 address",
        ),
        (
            "lab up --cluster-nodes 32 --remote-nodes 900 -c 1000 --memory 300".to_owned(),
            3,
            "MiB of memory",
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
        ("lab up -f /nowhere.toml".to_owned(), 2, "No such file"),
        ("lab down".to_owned(), 3, "there is no lab lab"),
        ("lab status --name qa".to_owned(), 3, "there is no lab qa"),
        (
            "lab exec node1 -- true".to_owned(),
            3,
            "there is no lab lab",
        ),
        ("lab exec node1".to_owned(), 2, "required"),
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
    before.is_as_now();
    // Names that are taken.
    tool("ip link add lab-taken type bridge");
    lxa("lab up --name taken")
        .exits(3)
        .complains("network interface lab-taken");
    tool("ip link delete lab-taken");
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
