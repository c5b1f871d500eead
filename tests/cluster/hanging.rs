//! Tools that do not answer. (Here, since a wait costs nothing beside the other worlds.)

use crate::runner::Test;
use crate::world::BINARY;

pub const TESTS: &[Test] = &[(
    "tools_that_hang_are_named_and_not_waited_for_long",
    tools_that_hang_are_named_and_not_waited_for_long,
)];

/// Not for as long as each of them may take, one after the other.
fn tools_that_hang_are_named_and_not_waited_for_long() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["virsh", "cibadmin"] {
        let tool = directory.path().join(name);
        std::fs::write(&tool, "#!/bin/sh\nexec sleep 1000\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&tool, mode).unwrap();
    }
    let path = std::env::var("PATH").unwrap();
    let began = std::time::Instant::now();
    let output = std::process::Command::new(BINARY)
        .args(["verify", "--quick", "--state-dir"])
        .arg(directory.path().join("state"))
        .env("PATH", format!("{}:{path}", directory.path().display()))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let took = began.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    for waits in ["15 s: virsh ", "5 s: cibadmin "] {
        let waiting = format!("waiting for up to {waits}");
        assert!(said.contains(&waiting), "{said}");
    }
    // From then on each question takes 2 s at most.
    assert!(
        took < std::time::Duration::from_secs(50),
        "{took:?}: {said}"
    );
}
